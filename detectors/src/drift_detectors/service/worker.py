"""The worker: one thread that decodes events, fills windows, checks them, records, and watches the profile file."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from drift_detectors.admission import Admission
from drift_detectors.events.outcomes import Outcome, Reason
from drift_detectors.profile_file import ProfileFile
from drift_detectors.profiles import ProfileError
from drift_detectors.recording import Recorder
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.stream import Stream

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 0.2


class Worker(threading.Thread):
    """Takes events from the queue, one by one, until it is told to stop.

    Args:
        stream: the stream that the events belong to.
        queue: where they come from.
        admission: recognises repeats and events that do not count.
        profile_file: watched; a new profile is put in force between two events.
        recorder: where accepted events go; None records nothing.
        poll_seconds: how often the profile file is looked at.
        on_failure: called when the engine of the checks cannot be loaded: the service is of no use then.
    """

    def __init__(
        self,
        stream: Stream,
        queue: IntakeQueue,
        admission: Admission,
        profile_file: ProfileFile,
        recorder: Recorder | None,
        *,
        poll_seconds: float,
        on_failure: Callable[[], object],
    ) -> None:
        # A stuck check must not keep the process from ending.
        super().__init__(name="drift-worker", daemon=True)
        self._stream = stream
        self._queue = queue
        self._admission = admission
        self._profile_file = profile_file
        self._recorder = recorder
        self._poll_seconds = poll_seconds
        self._on_failure = on_failure
        self._polled = time.monotonic()
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._ready = threading.Event()
        self.profile_reload_failed = False
        self.recording_failed = False

    @property
    def is_ready(self) -> bool:
        """Whether the engine is loaded and events are being worked on."""
        return self._ready.is_set() and self.is_alive()

    def run(self) -> None:
        """Loads the engine, then works until stopped and the queue is empty."""
        try:
            self._stream.warm_up()
        except Exception:
            logger.exception("the engine of the drift checks cannot be loaded")
            self._on_failure()
            return
        self._ready.set()
        while not self._abandoned.is_set():
            event = self._queue.take(0 if self._stopping.is_set() else _IDLE_SECONDS)
            self._poll_profile()
            if event is not None:
                self._handle(event)
            elif self._stopping.is_set():
                break
            else:
                self._write(Recorder.flush_when_due)
        self._write(Recorder.close)

    def stop(self, seconds: float) -> int:
        """Lets the worker finish what is queued.

        Args:
            seconds: how long that may take.

        Returns:
            Number of events that were not reached in time.
        """
        self._stopping.set()
        self.join(seconds)
        self._abandoned.set()
        # The event in hand may still end and the recording be closed; a stuck check is left behind.
        self.join(1.0)
        return len(self._queue)

    def _handle(self, event: QueuedEvent) -> None:
        kind = event.envelope.event_type
        refused = self._admission.refuse(event.envelope, event.body)
        if refused is not None:
            self._stream.ledger.count(kind, refused)
            return
        try:
            outcome = self._stream.process(kind, event.body, event.received)
        except Exception:
            # One event that meets a defect of ours costs itself and nothing else.
            logger.exception("an event of stream %s could not be processed", self._stream.name.stream)
            self._stream.ledger.reject(kind, Reason.INTERNAL_ERROR)
            return
        if outcome is Outcome.ACCEPTED:
            self._write(lambda recorder: recorder.record(event.envelope, event.body, event.received))

    def _poll_profile(self) -> None:
        now = time.monotonic()
        if now - self._polled < self._poll_seconds:
            return
        self._polled = now
        try:
            profile = self._profile_file.poll()
        except ProfileError as error:
            self.profile_reload_failed = True
            logger.warning("the old profile stays in force: %s", error)
            return
        if profile is None:
            return
        self.profile_reload_failed = False
        self._stream.replace_profile(profile)
        logger.info("profile %s is in force", profile.digest)
        moment = round(time.time(), 6)
        self._write(lambda recorder: recorder.change_profile(self._stream.name, profile, moment))

    def _write(self, action: Callable[[Recorder], object]) -> None:
        if self._recorder is None:
            return
        try:
            action(self._recorder)
        except OSError as error:
            # A full disk ends the recording, not the detection; the metric says so.
            logger.warning("recording stopped, %s: %s", self._recorder.path, error.strerror)
            self.recording_failed = True
            with contextlib.suppress(OSError):
                self._recorder.close()
            self._recorder = None
