"""The HTTP application: routes to the intake, the API, the metrics and the report page."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from drift_detectors.ledger import Ledger
from drift_detectors.report.page import render
from drift_detectors.service.intake import Intake
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Snapshot, Stream
from drift_detectors.views import count_events, count_reasons, summarize, view_stream, view_window


class Endpoints:
    """The reading endpoints. They are plain functions, which Starlette runs in threads beside the event loop.

    Args:
        stream: the stream.
        unassigned: counts of events that belong to no stream.
        worker: the worker.
        registry: metrics.
    """

    def __init__(self, stream: Stream, unassigned: Ledger, worker: Worker, registry: CollectorRegistry) -> None:
        self._stream = stream
        self._unassigned = unassigned
        self._worker = worker
        self._registry = registry

    def report(self, _request: Request) -> Response:
        """The report page."""
        return HTMLResponse(render(self._stream.snapshot()))

    def alive(self, _request: Request) -> Response:
        """Whether the process does its work; 503 when the worker's thread has ended."""
        if self._worker.is_alive():
            return _json({"status": "alive"})
        return _json({"error": "the worker has ended"}, HTTPStatus.SERVICE_UNAVAILABLE)

    def ready(self, _request: Request) -> Response:
        """Whether profile and engine are loaded."""
        if self._worker.is_ready:
            return _json({"status": "ready"})
        return _json({"error": "the engine is not loaded yet"}, HTTPStatus.SERVICE_UNAVAILABLE)

    def metrics(self, _request: Request) -> Response:
        """Prometheus' text format."""
        return Response(generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def streams(self, _request: Request) -> Response:
        """The streams, and the events that belong to none."""
        return _json(
            {
                "streams": [summarize(self._stream.snapshot())],
                "unassigned": {
                    "events": count_events(self._unassigned.events()),
                    "rejected": count_reasons(self._unassigned.reasons()),
                },
            }
        )

    def stream(self, request: Request) -> Response:
        """One stream with its newest verdict."""
        return _json(view_stream(self._snapshot(request)))

    def history(self, request: Request) -> Response:
        """Closed windows of a stream, newest last, at most ``limit``."""
        snapshot = self._snapshot(request)
        text = request.query_params.get("limit")
        windows = snapshot.history
        if text is not None:
            if not text.isdecimal():
                raise HTTPException(HTTPStatus.BAD_REQUEST, "limit must be a whole number, 0 or more")
            windows = windows[max(len(windows) - int(text), 0) :]
        return _json({"windows": [view_window(window, snapshot.policy) for window in windows]})

    def _snapshot(self, request: Request) -> Snapshot:
        name = request.path_params["stream"]
        if name != self._stream.name.stream:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, f"no stream {name[:80]!r} here; see /api/v1/streams for those there are"
            )
        return self._stream.snapshot()


def build_app(endpoints: Endpoints, intake: Intake) -> Starlette:
    """The application: one table of routes, one place where errors become answers."""
    get: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", endpoints.report),
        ("/healthz", endpoints.alive),
        ("/readyz", endpoints.ready),
        ("/metrics", endpoints.metrics),
        ("/api/v1/streams", endpoints.streams),
        ("/api/v1/streams/{stream}", endpoints.stream),
        ("/api/v1/streams/{stream}/history", endpoints.history),
    ]
    routes = [Route("/", endpoint=intake, methods=["POST"])]
    routes += [Route(path, endpoint=endpoint, methods=["GET"]) for path, endpoint in get]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refuse})


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _refuse(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
