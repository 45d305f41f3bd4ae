"""What the stack says of itself, read over HTTP into plain data."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from local_stack.errors import StackError
from local_stack.stack.runner import Stack

QUIET_TRIES = 100
QUIET_PAUSE_SECONDS = 0.03
OUTCOMES = ("accepted", "duplicate", "ignored", "rejected", "shed")


@dataclass(frozen=True)
class Books:
    """All counters of the stack at one moment.

    Attributes:
        answered: requests that Envoy completed, by InferenceService.
        events: events by type (`request`, `response`), then by outcome.
        rows_accepted: rows that the detector took.
        delivery: counts of both agents together: offered, sent, refused, failed, dropped, waiting.
    """

    answered: dict[str, int]
    events: dict[str, dict[str, int]]
    rows_accepted: int
    delivery: dict[str, int]

    def settled(self) -> bool:
        """Whether every event that an agent sent is in the detector's ledger."""
        return self.delivery["waiting"] == 0 and self._taken() >= self.delivery["sent"]

    def quiet(self) -> bool:
        """Whether no event was on its way while the counters were read, one after the other."""
        return self.delivery["waiting"] == 0 and self._taken() == self.delivery["sent"]

    def _taken(self) -> int:
        return sum(
            count for outcomes in self.events.values() for outcome, count in outcomes.items() if outcome != "shed"
        )

    def minus(self, earlier: "Books") -> "Books":
        """What has been counted since `earlier`."""
        return Books(
            answered={name: count - earlier.answered.get(name, 0) for name, count in self.answered.items()},
            events={
                kind: {
                    outcome: count - earlier.events.get(kind, {}).get(outcome, 0) for outcome, count in outcomes.items()
                }
                for kind, outcomes in self.events.items()
            },
            rows_accepted=self.rows_accepted - earlier.rows_accepted,
            delivery={name: count - earlier.delivery[name] for name, count in self.delivery.items()},
        )


class StackReader:
    """Reads detector, operator, agents and Envoy of a running stack."""

    def __init__(self, stack: Stack) -> None:
        self._http: httpx.AsyncClient = stack.http
        self._settings = stack.settings

    async def stream(self) -> dict[str, Any]:
        """The detector's view of the stream."""
        return await self._json("detector", f"/api/v1/streams/{self._settings.model}")

    async def history(self) -> list[dict[str, Any]]:
        """All windows that the detector remembers, oldest first."""
        answer = await self._json("detector", f"/api/v1/streams/{self._settings.model}/history?limit=100000")
        windows: list[dict[str, Any]] = answer["windows"]
        return windows

    async def breaker(self) -> dict[str, Any]:
        """The operator's status."""
        return await self._json("operator", "/status")

    async def served_digest(self, side: str, row: dict[str, float]) -> str:
        """The profile digest in an answer of the predictor itself; asked behind its agent, so that nothing is logged.

        Args:
            side: `model` or `rules`.
            row: one value for each feature.
        """
        tensors = [{"name": name, "shape": [1], "datatype": "FP64", "data": [value]} for name, value in row.items()]
        path = f"/v2/models/{self._settings.model}/infer"
        answer = await self._json(f"{side}_http", path, inputs=tensors)
        digest: str = answer["parameters"]["profile_digest"]
        return digest

    async def books(self) -> Books:
        """All counters."""
        model, rules = self._settings.model, self._settings.rules
        delivery: dict[str, int] = {}
        for side in ("model", "rules"):
            for name, count in (await self._json(f"{side}_agent", "/agent-statistics")).items():
                delivery[name] = delivery.get(name, 0) + count
        stream = await self.stream()
        return Books(
            answered={name: await self._completed(name) for name in (model, rules)},
            events=stream["events"],
            rows_accepted=stream["rows"]["accepted"],
            delivery=delivery,
        )

    async def quiet_books(self) -> Books:
        """All counters at a moment when no event is on its way; the breaker's probes never pause for long.

        Where there is no such moment the last counters are given: then they do not add up, and that is the finding.
        """
        for _ in range(QUIET_TRIES):
            books = await self.books()
            if books.quiet():
                break
            await asyncio.sleep(QUIET_PAUSE_SECONDS)
        return books

    async def _completed(self, cluster: str) -> int:
        answer = await self._json("envoy_admin", f"/stats?format=json&filter=^cluster.{cluster}.upstream_rq_completed$")
        return sum(int(stat.get("value", 0)) for stat in answer["stats"])

    async def _json(self, port: str, path: str, inputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The JSON answer to a GET, or to a POST of a V2 request with `inputs`.

        Raises:
            StackError: there was none; the message names the address.
        """
        url = self._settings.url(port) + path
        try:
            answer = await (self._http.get(url) if inputs is None else self._http.post(url, json={"inputs": inputs}))
            body: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise StackError(f"{url} gives no answer: {error or type(error).__name__}") from error
        return body
