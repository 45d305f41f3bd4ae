"""The ledgers: what became of every event and of every row. Counts only ever go up."""

import threading

import msgspec

from drift_detectors.events.outcomes import EventType, Outcome, Reason


class RowCounts(msgspec.Struct):
    """What became of the rows of request events.

    ``accepted`` equals ``closed`` + ``discarded`` + the rows in the window that is filling.

    Attributes:
        accepted: rows that entered a window.
        rejected: rows of rejected requests, as far as their number was known.
        closed: rows of closed windows.
        discarded: accepted rows whose window was given up unfinished because the profile changed.
    """

    accepted: int = 0
    rejected: int = 0
    closed: int = 0
    discarded: int = 0


class Ledger:
    """Counts events and rows of one stream; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events = {kind: dict.fromkeys(Outcome, 0) for kind in EventType}
        self._reasons: dict[tuple[EventType, Reason], int] = {}
        self._rows = RowCounts()

    def count(self, kind: EventType, outcome: Outcome) -> None:
        """Counts an event that carries no rows into the ledger."""
        with self._lock:
            self._events[kind][outcome] += 1

    def accept(self, kind: EventType, *, rows: int) -> None:
        """Counts an accepted event and its rows."""
        with self._lock:
            self._events[kind][Outcome.ACCEPTED] += 1
            self._rows.accepted += rows

    def reject(self, kind: EventType, reason: Reason, *, rows: int = 0) -> None:
        """Counts a rejected event by its reason, and its rows."""
        with self._lock:
            self._events[kind][Outcome.REJECTED] += 1
            self._reasons[kind, reason] = self._reasons.get((kind, reason), 0) + 1
            self._rows.rejected += rows

    def close_rows(self, rows: int) -> None:
        """Counts the rows of a closed window."""
        with self._lock:
            self._rows.closed += rows

    def discard_rows(self, rows: int) -> None:
        """Counts accepted rows that no window will contain."""
        with self._lock:
            self._rows.discarded += rows

    def events(self) -> dict[EventType, dict[Outcome, int]]:
        """Copy of the event counts by type and outcome; every pair is present."""
        with self._lock:
            return {kind: dict(counts) for kind, counts in self._events.items()}

    def reasons(self) -> dict[tuple[EventType, Reason], int]:
        """Copy of the counts of rejected events by type and reason; only reasons that occurred."""
        with self._lock:
            return dict(self._reasons)

    def rows(self) -> RowCounts:
        """Copy of the row counts."""
        with self._lock:
            return msgspec.structs.replace(self._rows)
