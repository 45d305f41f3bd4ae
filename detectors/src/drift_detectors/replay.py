"""Replay: recorded events or plain rows through the same stream that the service uses, offline."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from drift_detectors.checks import WindowChecker
from drift_detectors.events.envelope import Envelope, from_structured, parse_time
from drift_detectors.events.outcomes import EventType, Outcome, RejectedEventError
from drift_detectors.policy import Policy
from drift_detectors.profiles import Profile, ProfileError, parse_profile
from drift_detectors.recording import PROFILE_TYPE, RECEIVED, SESSION_TYPE, Session
from drift_detectors.stream import ClosedWindow, Stream, StreamName
from drift_detectors.tables import Table

_CHUNK_ROWS = 1000


class ReplayError(ValueError):
    """A recording that cannot be replayed; the message names file and line."""


class Replayed(msgspec.Struct, frozen=True):
    """What a replay gave.

    Attributes:
        windows: the closed windows in order.
        policy: the policy that was used (the newest, when a recording holds several sessions).
        unfinished_rows: rows after the last closed window, too few to fill another.
        rejected_rows: rows of tables that held a missing or infinite value.
        torn_lines: half-written lines of a recording, left by a killed process, that were passed over.
    """

    windows: tuple[ClosedWindow, ...]
    policy: Policy
    unfinished_rows: int
    rejected_rows: int = 0
    torn_lines: int = 0


def replay_tables(tables: Iterable[Table], profile: Profile, policy: Policy) -> Replayed:
    """Replays rows of tables as one stream, in the order given. Windows have no timestamp."""
    windows: list[ClosedWindow] = []
    name = StreamName(profile.name, "", ())
    stream = Stream(name, profile, policy, WindowChecker, history=1, on_window=windows.append)
    rejected = 0
    for table in tables:
        rejected += table.rejected_rows
        for start in range(0, table.rows, _CHUNK_ROWS):
            stream.take_rows([column[start : start + _CHUNK_ROWS] for column in table.columns], None)
    return Replayed(tuple(windows), policy, stream.snapshot().filling, rejected)


def replay_recordings(
    paths: Iterable[Path], *, profile: Profile | None = None, policy: Policy | None = None
) -> Replayed:
    """Replays recordings of the service, in the order given.

    Args:
        paths: files in JSON lines.
        profile: compares all rows with this profile instead of the recorded ones. The recorded answers are left out
            then, since their digests belong to the recorded profiles.
        policy: replaces the recorded policy.

    Raises:
        ReplayError: naming file and line of what cannot be replayed.
        OSError: when a file cannot be read.
    """
    session = _ReplayedSession(profile, policy)
    for path in paths:
        for number, line in _lines(path):
            try:
                session.take(line)
            except (RejectedEventError, ProfileError, ValueError) as error:
                raise ReplayError(f"{path}, line {number}: {error}") from error
    return session.result()


class _ReplayedSession:
    """The stream of the session that is being replayed; a new session starts a new stream."""

    def __init__(self, profile: Profile | None, policy: Policy | None) -> None:
        self._given_profile = profile
        self._given_policy = policy
        self._policy = policy or Policy()
        self._name = StreamName("replay", "", ())
        self._windows: list[ClosedWindow] = []
        self._stream: Stream | None = None
        self._torn: bool = False
        self._torn_lines = 0
        if profile is not None:
            self._start(profile)

    def take(self, line: bytes) -> None:
        try:
            envelope, body = from_structured(line)
        except RejectedEventError:
            if self._torn:
                raise
            # Half a line is what a killed process leaves: good at the end, or when a new session follows.
            self._torn, self._torn_lines = True, self._torn_lines + 1
            return
        kind = envelope.attributes["type"]
        if self._torn and kind != SESSION_TYPE:
            raise ReplayError("the line before is damaged, and no new session starts here")
        self._torn = False
        if kind == SESSION_TYPE:
            self._start_session(msgspec.json.decode(body, type=Session))
        elif kind == PROFILE_TYPE:
            self._load(body)
        else:
            self._process(envelope, body)

    def result(self) -> Replayed:
        filling = self._stream.snapshot().filling if self._stream else 0
        return Replayed(tuple(self._windows), self._policy, filling, torn_lines=self._torn_lines)

    def _start_session(self, session: Session) -> None:
        self._name = session.name
        self._policy = self._given_policy or session.policy
        self._stream = None
        if self._given_profile is not None:
            self._start(self._given_profile)

    def _load(self, document: bytes) -> None:
        if self._given_profile is not None:
            return
        profile = parse_profile(document)
        if self._stream is None:
            self._start(profile)
        else:
            self._stream.replace_profile(profile)

    def _start(self, profile: Profile) -> None:
        self._stream = Stream(
            self._name, profile, self._policy, WindowChecker, history=1, on_window=self._windows.append
        )

    def _process(self, envelope: Envelope, body: bytes) -> None:
        if self._stream is None:
            raise ReplayError("an event before any profile: give one with --profile")
        if self._given_profile is not None and envelope.event_type is EventType.RESPONSE:
            return
        received = parse_time(envelope.attributes[RECEIVED]) if RECEIVED in envelope.attributes else None
        outcome = self._stream.process(envelope.event_type, body, received)
        if outcome is Outcome.REJECTED:
            reasons = ", ".join(str(reason) for _, reason in self._stream.ledger.reasons())
            raise ReplayError(f"the event does not fit the profile ({reasons})")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line
