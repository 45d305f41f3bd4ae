"""Running the service: socket, worker and server, from the first line to a clean end."""

import logging
import signal
import socket
import time
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from drift_detectors.admission import Admission
from drift_detectors.evidence import Check
from drift_detectors.ledger import Ledger
from drift_detectors.policy import Policy
from drift_detectors.profile_file import ProfileFile
from drift_detectors.profiles import Profile
from drift_detectors.recording import Recorder, Session
from drift_detectors.service.app import Endpoints, build_app
from drift_detectors.service.intake import Intake
from drift_detectors.service.metrics import DriftCollector, new_registry, timed
from drift_detectors.service.queue import IntakeQueue
from drift_detectors.service.settings import Settings
from drift_detectors.service.worker import Worker
from drift_detectors.stream import ClosedWindow, Stream

logger = logging.getLogger(__name__)

_CLOSE_CONNECTIONS_SECONDS = 5
_BACKLOG = 2048


class ServiceError(RuntimeError):
    """The service cannot run; the message says what to change."""


def serve(settings: Settings, announce: Callable[[str], object]) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what is queued.

    Args:
        settings: what to run with.
        announce: told, in one line each, that the service listens and what a stop left undone.

    Raises:
        ProfileError: when the profile cannot be loaded.
        ServiceError: when the address or the recording cannot be had, or the engine cannot be loaded.
    """
    profile_file = ProfileFile(settings.profile)
    with _listen(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        registry = new_registry()
        stream = Stream(
            settings.stream,
            profile_file.profile,
            settings.policy,
            timed(_prepare, settings.stream, registry),
            history=settings.history_windows,
            on_window=_log,
        )
        queue = IntakeQueue(events=settings.queue_events, size=settings.queue_bytes)
        server = _Server()
        worker = Worker(
            stream,
            queue,
            Admission(settings.deduplication_events),
            profile_file,
            _recorder(settings, profile_file.profile),
            poll_seconds=settings.profile_poll_seconds,
            on_failure=server.end,
        )
        unassigned = Ledger()
        registry.register(DriftCollector(stream, unassigned, queue, worker))
        intake = Intake(settings.stream, stream.ledger, unassigned, queue, body_bytes=settings.body_bytes)
        worker.start()
        announce(f"drift-detectors: stream {settings.stream.stream} listens on http://{host}:{port}")
        server.serve(build_app(Endpoints(stream, unassigned, worker, registry), intake), listener)
        left = worker.stop(settings.shutdown_seconds)
        if server.failed:
            raise ServiceError("the engine of the drift checks cannot be loaded; the log has the reason")
        if left:
            announce(f"drift-detectors: {left} queued events were not reached before the end")


class _Server:
    """uvicorn, ended by a signal or by the worker."""

    def __init__(self) -> None:
        self.failed = False
        self._server: uvicorn.Server | None = None

    def serve(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            log_level="warning",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_CLOSE_CONNECTIONS_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._server.should_exit = self.failed
        # uvicorn raises the signal again once it has stopped; by then it has done its work.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        self._server.run(sockets=[listener])

    def end(self) -> None:
        self.failed = True
        if self._server is not None:
            self._server.should_exit = True


def _prepare(profile: Profile, policy: Policy) -> Check:
    # Seconds of import: the socket listens before, and the worker pays.
    from drift_detectors.checks import WindowChecker  # noqa: PLC0415

    return WindowChecker(profile, policy)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=_BACKLOG, reuse_port=False)
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another address with --host or --port"
        ) from error


def _recorder(settings: Settings, profile: Profile) -> Recorder | None:
    if settings.record is None:
        return None
    try:
        recorder = Recorder(settings.record)
        recorder.start(Session(settings.stream, settings.policy), profile, round(time.time(), 6))
    except OSError as error:
        raise ServiceError(
            f"cannot record to {settings.record}: {error.strerror}; choose another file with --record"
        ) from error
    return recorder


def _log(window: ClosedWindow) -> None:
    decision = window.decision
    logger.info(
        "window %d: %s%s", decision.state.sequence, decision.verdict, f" ({decision.reason})" if decision.reason else ""
    )
