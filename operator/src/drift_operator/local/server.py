"""What the operator shows over HTTP: `/status`, `/metrics` and `/healthz`."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from drift_operator.errors import OperatorError


def application(
    *, status: Callable[[], dict[str, Any] | None], alive: Callable[[], bool], registry: CollectorRegistry
) -> web.Application:
    """The HTTP application.

    Args:
        status: Tells the status; None before the first decision.
        alive: Tells whether decisions are still being made.
        registry: The metrics.
    """

    async def show_status(_: web.Request) -> web.Response:
        body = status()
        if body is None:
            return web.json_response({"error": "no decision has been made yet; ask again in a moment"}, status=503)
        return web.json_response(body)

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def show_health(_: web.Request) -> web.Response:
        if alive():
            return web.json_response({"status": "ok"})
        return web.json_response({"error": "no decision has been made for too long"}, status=503)

    app = web.Application()
    app.add_routes(
        [
            web.get("/status", show_status),
            web.get("/metrics", show_metrics),
            web.get("/healthz", show_health),
        ]
    )
    return app


async def listen(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Serve an application until its runner is cleaned up.

    Raises:
        OperatorError: The address cannot be listened on.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OperatorError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error
    return runner
