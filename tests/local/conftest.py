import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from local_stack.stack.settings import Ports, StackSettings


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def settings() -> StackSettings:
    names = list(Ports.model_fields)
    return StackSettings(
        host="127.0.0.1",
        ports=Ports(**dict(zip(names, free_ports(len(names)), strict=True))),
        model="insurance-risk",
        rules="insurance-risk-rules",
        namespace="default",
    )


@dataclass
class Recorder:
    """A real HTTP server that keeps what it was sent."""

    url: str
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    raw_paths: list[str] = field(default_factory=list)
    answer: Callable[[web.Request, bytes], web.Response] = lambda _request, _body: web.Response(body=b"{}")
    hold: asyncio.Event | None = None


@pytest.fixture
async def server() -> AsyncIterator[Callable[[], "asyncio.Future[Recorder]"]]:
    runners: list[web.AppRunner] = []

    async def start() -> Recorder:
        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            recorder.seen.append((dict(request.headers), body))
            recorder.raw_paths.append(f"{request.method} {request.raw_path}")
            if recorder.hold is not None:
                await recorder.hold.wait()
            return recorder.answer(request, body)

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, auto_decompress=False)
        await runner.setup()
        (port,) = free_ports(1)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        runners.append(runner)
        recorder = Recorder(f"http://127.0.0.1:{port}")
        return recorder

    yield start
    for runner in runners:
        await runner.shutdown()
        await runner.cleanup()
