"""The queue between intake and worker: bounded in events and in bytes, never blocking the side that puts."""

import queue

import msgspec

from drift_detectors.events.envelope import Envelope


class QueuedEvent(msgspec.Struct, frozen=True):
    """An event on its way to the worker.

    Attributes:
        envelope: its attributes.
        body: payload.
        received: arrival time, Unix seconds rounded to microseconds.
    """

    envelope: Envelope
    body: bytes
    received: float


class IntakeQueue:
    """A bounded queue for one putting and one taking thread.

    Each side counts what it did and only reads the other side's count, so the bounds need no lock.

    Args:
        events: events that may wait.
        size: bytes of payload that may wait.
    """

    def __init__(self, *, events: int, size: int) -> None:
        self._limit_events = events
        self._limit_bytes = size
        self._queue: queue.SimpleQueue[QueuedEvent] = queue.SimpleQueue()
        self._put_events = self._put_bytes = 0
        self._taken_events = self._taken_bytes = 0

    def __len__(self) -> int:
        """Events that wait."""
        return self._put_events - self._taken_events

    @property
    def size(self) -> int:
        """Bytes of payload that wait."""
        return self._put_bytes - self._taken_bytes

    def offer(self, event: QueuedEvent) -> bool:
        """Puts an event; False, at once, when there is no room for it."""
        if len(self) >= self._limit_events or self.size + len(event.body) > self._limit_bytes:
            return False
        self._put_events += 1
        self._put_bytes += len(event.body)
        self._queue.put(event)
        return True

    def take(self, seconds: float) -> QueuedEvent | None:
        """Takes the oldest event, waiting for one; None when none came in time."""
        try:
            event = self._queue.get(timeout=seconds) if seconds > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
        self._taken_events += 1
        self._taken_bytes += len(event.body)
        return event
