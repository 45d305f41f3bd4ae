"""Drive months of traffic through a running stack, window by window.

Real months are minutes here, so the replay waits at the end of every window until the detector has taken all events
and the breaker has read the verdict: in a real month both have hours for that.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from insurance_data.replay import Exchange, InferenceReplayer
from local_stack.demo.accounting import Traffic
from local_stack.demo.retraining import RetrainingPolicy
from local_stack.demo.state import StackReader
from local_stack.demo.workshop import Workshop
from local_stack.errors import StackError
from local_stack.stack.runner import Stack, wait_until

GROUP = "group_name"


@dataclass(frozen=True)
class Segment:
    """What was seen after one stretch of rows: a whole window, or the part of one that a month's end cuts off."""

    month: int
    rows: int
    window: int
    """The newest closed window."""
    verdict: str | None
    reason: str | None
    top_feature: str | None
    top_effect: float | None
    phase: str
    weights: dict[str, int]
    rules_share: float
    """Share of the rows that the fallback answered, from 0 to 1."""
    accuracy: float
    """Share of right answers against labels that only the replay knows."""


@dataclass(frozen=True)
class Retraining:
    """A retraining at the end of a month."""

    month: int
    trained_on: tuple[int, ...]
    bundle: str
    passed: bool
    digest: str | None
    """Profile digest of the bundle that was put into use; None where the gates refused it."""
    seconds: float


@dataclass
class Story:
    """Everything that happened."""

    segments: list[Segment] = field(default_factory=list)
    switches: list[dict[str, Any]] = field(default_factory=list)
    """The breaker's switches in the issue's form: month, window, from, to, reason."""
    retrainings: list[Retraining] = field(default_factory=list)
    served: list[str | None] = field(default_factory=list)
    """The class that clients got for each row, in order."""
    exchanges: list[Exchange] = field(default_factory=list)

    def traffic(self) -> Traffic:
        """The replayer's own counts."""
        failed = [exchange for exchange in self.exchanges if exchange.error is not None]
        by_side = [side for exchange in self.exchanges for side in exchange.served_by or ()]
        return Traffic(
            requests=len(self.exchanges),
            failed=len(failed),
            rows=sum(exchange.rows for exchange in self.exchanges),
            rows_failed=sum(exchange.rows for exchange in failed),
            rows_by_model=by_side.count("model"),
            rows_by_rules=by_side.count("rules"),
        )


class Driver:
    """Sends the months and keeps the story.

    Args:
        stack: the running stack.
        workshop: trains and puts bundles into use.
        replayer: sends rows to the front door.
        policy: when to retrain; None: never.
        on_segment: called after every segment, for the live display.
        on_news: called with a sentence that a person wants to read at once.
    """

    def __init__(
        self,
        *,
        stack: Stack,
        workshop: Workshop,
        replayer: InferenceReplayer,
        policy: RetrainingPolicy | None,
        on_segment: Callable[[Segment], None],
        on_news: Callable[[str], None],
    ) -> None:
        self.story = Story()
        self._stack = stack
        self._reader = StackReader(stack)
        self._workshop = workshop
        self._replayer = replayer
        self._policy = policy
        self._on_segment = on_segment
        self._on_news = on_news

    async def month(self, month: int, frame: pd.DataFrame, data: Path, *, last: bool) -> None:
        """Send a month's rows; afterwards retrain where that is due.

        Args:
            month: the month's number.
            frame: its rows, labels included.
            data: folder of the data set, for retraining.
            last: whether no month follows that a new model could serve.
        """
        start = 0
        while start < len(frame):
            stream = await self._reader.stream()
            room = stream["window"]["size"] - stream["window"]["rows"]
            part = frame.iloc[start : start + room]
            await self._segment(month, part)
            start += len(part)
        if not last:
            await self._retrain_if_due(month, frame, data)

    async def settle(self) -> None:
        """Wait until every event that an agent took is in the detector's ledger."""

        async def settled() -> bool:
            return (await self._reader.books()).settled()

        await wait_until(settled, "the detector's ledger of all delivered events")

    async def _segment(self, month: int, part: pd.DataFrame) -> None:
        exchanges = await self._replayer.send(part)
        await self.settle()
        stream = await self._reader.stream()
        breaker = await self._breaker_at(stream["sequence"])
        served = [name for exchange in exchanges for name in exchange.classes or [None] * exchange.rows]
        answered_by_rules = sum((exchange.served_by or ()).count("rules") for exchange in exchanges)
        right = sum(one == other for one, other in zip(served, part[GROUP], strict=True))
        top = stream["features"][0] if stream["features"] else None
        segment = Segment(
            month=month,
            rows=len(part),
            window=stream["sequence"],
            verdict=stream["verdict"],
            reason=stream["reason"],
            top_feature=top["name"] if top else None,
            top_effect=top["effect"] if top else None,
            phase=breaker["phase"],
            weights=breaker["weights"],
            rules_share=answered_by_rules / len(part),
            accuracy=right / len(part),
        )
        self.story.exchanges.extend(exchanges)
        self.story.served.extend(served)
        self.story.segments.append(segment)
        self._note_switches(month, breaker)
        self._on_segment(segment)

    async def _breaker_at(self, sequence: int) -> dict[str, Any]:
        """The breaker's status once it has decided on window `sequence`."""
        status: dict[str, Any] = {}

        async def decided() -> bool:
            status.update(await self._reader.breaker())
            return sequence == 0 or (status["sequence"] or 0) >= sequence

        await wait_until(decided, f"the breaker's decision on window {sequence}")
        return status

    def _note_switches(self, month: int, breaker: dict[str, Any]) -> None:
        known = len(self.story.switches)
        for switch in breaker["switches"][known:]:
            noted = {
                "month": month,
                "window": switch["sequence"],
                "from": switch["from"],
                "to": switch["to"],
                "reason": switch["reason"],
            }
            self.story.switches.append(noted)
            self._on_news(
                f"month {month}: traffic moved from the {noted['from']} to the {noted['to']} "
                f"on window {noted['window']} ({noted['reason']})"
            )

    async def _retrain_if_due(self, month: int, frame: pd.DataFrame, data: Path) -> None:
        breaker = await self._reader.breaker()
        self._note_switches(month, breaker)
        drifted = self._first_drift_under_this_profile()
        if self._policy is None or drifted is None or breaker["phase"] != "Fallback":
            return
        months = self._policy.training_months(month, drifted)
        if not months:
            return
        started = time.monotonic()
        name = f"month-{month}"
        self._on_news(f"month {month} has ended: retraining on months {', '.join(map(str, months))} ...")
        passed = await self._workshop.train(data, name, months)
        digest = await self._put_into_use(name, frame) if passed else None
        seconds = time.monotonic() - started
        self.story.retrainings.append(Retraining(month, months, name, passed, digest, round(seconds, 2)))
        self._on_news(
            f"month {month}: the new model passed the gates and is up ({seconds:.1f} s); "
            "the rules serve until its windows are clear"
            if passed
            else f"month {month}: the new model failed the gates, the rules go on serving; next try in a month"
        )

    def _first_drift_under_this_profile(self) -> int | None:
        """The month in which the profile in use stopped describing the world; None where it still does."""
        in_use_since = max((one.month for one in self.story.retrainings if one.passed), default=0)
        drifted = (one.month for one in self.story.segments if one.month > in_use_since and one.verdict == "drift")
        return next(drifted, None)

    async def _put_into_use(self, name: str, frame: pd.DataFrame) -> str:
        """Put a bundle into use and wait until model, rules and detector all work with its profile."""
        digest = self._workshop.use(name)
        await self._stack.restart_model()
        features = frame.drop(columns=["risk", GROUP, "group"])
        row = {str(column): float(value) for column, value in features.iloc[0].items()}

        async def everywhere() -> bool:
            try:
                digests = {
                    await self._reader.served_digest("model", row),
                    await self._reader.served_digest("rules", row),
                    (await self._reader.stream())["profile"]["digest"],
                }
            except StackError:
                return False
            return digests == {digest}

        await wait_until(everywhere, f"the profile {digest[:14]}… in model, rules and detector")
        return digest
