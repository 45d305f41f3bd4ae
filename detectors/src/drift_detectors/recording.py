"""Recording: accepted events as structured CloudEvents, one a line, in the order in which they were processed.

Two further kinds of event make a recording complete: the start of a session (policy and stream) and each profile that
was put in force, whole. Replaying the lines in order gives the windows and verdicts that the service gave.
"""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from drift_detectors.events.envelope import Envelope, format_time, to_structured
from drift_detectors.policy import Policy
from drift_detectors.profiles import Profile
from drift_detectors.stream import StreamName

SESSION_TYPE = "dev.driftbreaker.detector.session.started"
PROFILE_TYPE = "dev.driftbreaker.detector.profile.loaded"
RECEIVED = "receivedtime"
"""Extension attribute with the arrival time at the detector."""

_FLUSH_SECONDS = 1.0


class Session(msgspec.Struct, frozen=True):
    """Data of the event that starts a session."""

    name: StreamName
    policy: Policy


class Recorder:
    """Appends to a recording. Used from the worker's thread only.

    Args:
        path: file to append to; it is created when missing.

    Raises:
        OSError: when the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = path.open("a+b")
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                # A killed process may have left half a line; what follows starts on a line of its own.
                self._file.write(b"\n")
        self._flushed = time.monotonic()
        self._markers = 0

    def start(self, session: Session, profile: Profile, moment: float) -> None:
        """Records the start of a session with its policy and its first profile."""
        self._mark(SESSION_TYPE, session, session.name, moment)
        self.change_profile(session.name, profile, moment)

    def change_profile(self, name: StreamName, profile: Profile, moment: float) -> None:
        """Records that a profile was put in force."""
        self._mark(PROFILE_TYPE, msgspec.Raw(profile.document), name, moment)

    def record(self, envelope: Envelope, body: bytes, received: float) -> None:
        """Records an accepted event with its arrival time."""
        self._file.write(to_structured(envelope, body, **{RECEIVED: format_time(received)}) + b"\n")
        self.flush_when_due()

    def flush_when_due(self) -> None:
        """Hands what was written to the operating system, at most once a second."""
        now = time.monotonic()
        if now - self._flushed >= _FLUSH_SECONDS:
            self._file.flush()
            self._flushed = now

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """The recorder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the file."""
        self.close()

    def _mark(self, kind: str, data: object, name: StreamName, moment: float) -> None:
        self._markers += 1
        envelope = Envelope(
            {
                "specversion": "1.0",
                "id": f"{moment:.6f}-{self._markers}",
                "source": f"/driftbreaker/detectors/{name.namespace}/{name.stream}",
                "type": kind,
                "datacontenttype": "application/json",
            }
        )
        self._file.write(to_structured(envelope, msgspec.json.encode(data), **{RECEIVED: format_time(moment)}) + b"\n")
        self._file.flush()
