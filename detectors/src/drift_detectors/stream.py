"""A stream: one logical model, whatever serves it. Profile, window, verdict and ledger in one place.

Deterministic: no clock and no I/O. The same events in the same order give the same windows and verdicts, which is
what a replay relies on. One thread writes; any thread may take a :meth:`Stream.snapshot`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from drift_detectors.events.inference import Answer, decode_request, decode_response
from drift_detectors.events.outcomes import EventType, Outcome, Reason, RejectedEventError
from drift_detectors.evidence import Check, CheckFactory, FeatureEvidence, weigh
from drift_detectors.ledger import Ledger, RowCounts
from drift_detectors.policy import Policy
from drift_detectors.profiles import Profile
from drift_detectors.verdict import (
    Decision,
    UndecidedReason,
    Verdict,
    VerdictState,
    WindowEvidence,
    judge,
    restart,
)
from drift_detectors.windows import Column, TumblingWindow, WindowRows

logger = logging.getLogger(__name__)


class StreamName(msgspec.Struct, frozen=True):
    """Which stream this is, and whose events belong to it.

    Attributes:
        stream: the stream's name.
        namespace: Kubernetes namespace of its InferenceServices.
        inference_services: names of the InferenceServices whose events belong to the stream.
    """

    stream: str
    namespace: str
    inference_services: tuple[str, ...]


class ClosedWindow(msgspec.Struct, frozen=True, eq=False):
    """A window with its verdict.

    Attributes:
        decision: verdict, reason, drifted features and the state after the window.
        features: evidence about each feature, in profile order; empty when no test was run.
        profile_digest: digest of the profile that the window was compared with.
        rows: number of rows.
        timestamp: arrival of the event that closed the window, Unix seconds; None when unknown.
    """

    decision: Decision
    features: tuple[FeatureEvidence, ...]
    profile_digest: str
    rows: int
    timestamp: float | None


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """A consistent copy of what a stream knows.

    Attributes:
        name: the stream's name.
        profile: the profile in force.
        policy: the policy.
        state: verdict state.
        newest: newest window under the profile in force; None before the first.
        newest_rows: rows of that window.
        history: closed windows of all profiles, newest last, as many as are kept.
        first_sequence: sequence of the first window under the profile in force.
        filling: rows in the window that is filling.
        last_event: arrival of the newest accepted event, Unix seconds.
        fallback_rows_ratio: share of rows that the rules answered, over the newest window's worth of answered rows;
            None before any answer.
        windows: closed windows by verdict.
        events: events by type and outcome.
        reasons: rejected events by type and reason.
        rows: rows by what became of them.
    """

    name: StreamName
    profile: Profile
    policy: Policy
    state: VerdictState
    newest: ClosedWindow | None
    newest_rows: WindowRows | None
    history: tuple[ClosedWindow, ...]
    first_sequence: int
    filling: int
    last_event: float | None
    fallback_rows_ratio: float | None
    windows: dict[Verdict, int]
    events: dict[EventType, dict[Outcome, int]]
    reasons: dict[tuple[EventType, Reason], int]
    rows: RowCounts


class Stream:
    """Takes decoded or raw events of one stream and closes windows.

    Args:
        name: the stream's name and members.
        profile: the profile to compare with.
        policy: the policy.
        prepare: makes the check of a profile's windows.
        history: closed windows to keep.
        on_window: told of every window when it has closed, in the writing thread.
    """

    def __init__(
        self,
        name: StreamName,
        profile: Profile,
        policy: Policy,
        prepare: CheckFactory,
        *,
        history: int,
        on_window: Callable[[ClosedWindow], object],
    ) -> None:
        self.name = name
        self.ledger = Ledger()
        self._policy = policy
        self._prepare = prepare
        self._on_window = on_window
        self._lock = threading.Lock()
        self._state = VerdictState()
        self._history: deque[ClosedWindow] = deque(maxlen=history)
        self._windows = dict.fromkeys(Verdict, 0)
        self._served = _ServedRows(policy.window_size)
        self._last_event: float | None = None
        self._check: Check | None = None
        self._newest: ClosedWindow | None = None
        self._newest_rows: WindowRows | None = None
        self._begin(profile)

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self._profile

    def warm_up(self) -> None:
        """Prepares the check and runs it once over reference rows, so that the first window waits for nothing."""
        self._check = self._prepare(self._profile, self._policy)
        self._check(WindowRows(self._profile.rows, tuple(() for _ in self._profile.features)))

    def process(self, kind: EventType, body: bytes, received: float | None) -> Outcome:
        """Takes one event and counts what became of it.

        Args:
            kind: request or response.
            body: payload, V2 JSON.
            received: arrival time in Unix seconds, None when unknown.

        Returns:
            ``accepted``; ``ignored`` for the answer of a health or metadata call; ``rejected`` when the event cannot
            be used, and then nothing of it was.
        """
        try:
            if kind is EventType.REQUEST:
                self.take_rows(decode_request(body, self._profile.features), received)
                return Outcome.ACCEPTED
            answer = decode_response(body)
        except RejectedEventError as error:
            self.ledger.reject(kind, error.reason, rows=error.rows)
            logger.debug("rejected %s event of stream %s: %s", kind, self.name.stream, error.reason)
            return Outcome.REJECTED
        if answer is None:
            self.ledger.count(kind, Outcome.IGNORED)
            return Outcome.IGNORED
        self._take_answer(answer, received)
        return Outcome.ACCEPTED

    def take_rows(self, columns: Sequence[Column], received: float | None) -> None:
        """Takes the rows of one accepted request and closes every window that they fill.

        Args:
            columns: one column of equal length for each feature, in profile order.
            received: arrival time in Unix seconds, None when unknown.
        """
        self._close_expired(received)
        start, rows = 0, len(columns[0])
        with self._lock:
            self._last_event = received
            self.ledger.accept(EventType.REQUEST, rows=rows)
            start = self._window.add(columns, start, received)
        while self._window.is_full:
            self._close(received)
            with self._lock:
                start += self._window.add(columns, start, received)

    def replace_profile(self, profile: Profile) -> None:
        """Puts another profile in force: window, memory and streaks start anew, the sequence goes on."""
        with self._lock:
            self.ledger.discard_rows(self._window.count)
            self._state = restart(self._state)
            self._begin(profile)

    def snapshot(self) -> Snapshot:
        """A consistent copy of everything that is shown to the outside."""
        with self._lock:
            return Snapshot(
                name=self.name,
                profile=self._profile,
                policy=self._policy,
                state=self._state,
                newest=self._newest,
                newest_rows=self._newest_rows,
                history=tuple(self._history),
                first_sequence=self._first_sequence,
                filling=self._window.count,
                last_event=self._last_event,
                fallback_rows_ratio=self._served.ratio_by_rules(),
                windows=dict(self._windows),
                events=self.ledger.events(),
                reasons=self.ledger.reasons(),
                rows=self.ledger.rows(),
            )

    def _begin(self, profile: Profile) -> None:
        self._profile = profile
        self._check = None
        self._window = TumblingWindow(profile.features, self._policy.window_size)
        self._foreign_profile = False
        self._newest = None
        self._newest_rows = None
        self._first_sequence = self._state.sequence + 1

    def _take_answer(self, answer: Answer, received: float | None) -> None:
        self._close_expired(received)
        with self._lock:
            self._last_event = received
            self.ledger.accept(EventType.RESPONSE, rows=0)
            self._served.add(answer)
            if answer.profile_digest not in {None, self._profile.digest}:
                self._foreign_profile = True

    def _close_expired(self, received: float | None) -> None:
        limit, started = self._policy.window_max_age_seconds, self._window.started
        if limit is not None and received is not None and started is not None and received - started > limit:
            self._close(received)

    def _close(self, received: float | None) -> None:
        rows = self._window.rows()
        # The test takes milliseconds; readers are not kept waiting, and nobody else writes.
        features, evidence = self._examine(rows)
        decision = judge(self._state, evidence, self._policy)
        window = ClosedWindow(decision, features, self._profile.digest, rows.count, received)
        with self._lock:
            self._state = decision.state
            self._newest, self._newest_rows = window, rows
            self._history.append(window)
            self._windows[decision.verdict] += 1
            self.ledger.close_rows(rows.count)
            self._window.clear()
            self._foreign_profile = False
        self._on_window(window)

    def _examine(self, rows: WindowRows) -> tuple[tuple[FeatureEvidence, ...], WindowEvidence]:
        mismatch = WindowEvidence(undecided=UndecidedReason.PROFILE_MISMATCH)
        if rows.count < self._policy.minimum_rows:
            too_few = WindowEvidence(undecided=UndecidedReason.TOO_FEW_ROWS)
            return (), mismatch if self._foreign_profile else too_few
        try:
            if self._check is None:
                self._check = self._prepare(self._profile, self._policy)
            features = tuple(self._check(rows))
        except Exception:
            # A check must never take the intake down: the window says that it does not know.
            logger.exception("the check of a window of stream %s failed", self.name.stream)
            return (), WindowEvidence(undecided=UndecidedReason.CHECK_FAILED)
        return features, mismatch if self._foreign_profile else weigh(features)


class _ServedRows:
    """Who answered the newest rows: whole answers, as many as make up ``size`` rows or just more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: deque[Answer] = deque()
        self._rules = 0
        self._model = 0

    def add(self, answer: Answer) -> None:
        if not answer.rows_by_rules + answer.rows_by_model:
            return
        self._answers.append(answer)
        self._rules += answer.rows_by_rules
        self._model += answer.rows_by_model
        while self._rules + self._model - self._rows(self._answers[0]) >= self._size:
            oldest = self._answers.popleft()
            self._rules -= oldest.rows_by_rules
            self._model -= oldest.rows_by_model

    def ratio_by_rules(self) -> float | None:
        total = self._rules + self._model
        return self._rules / total if total else None

    @staticmethod
    def _rows(answer: Answer) -> int:
        return answer.rows_by_rules + answer.rows_by_model
