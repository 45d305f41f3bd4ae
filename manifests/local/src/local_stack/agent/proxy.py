"""The reverse proxy: forward the request, copy request and answer to the dispatcher."""

import time
import uuid

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from local_stack.agent.dispatcher import Dispatcher
from local_stack.agent.events import REQUEST_TYPE, RESPONSE_TYPE, AgentIdentity, metadata_of, payload_event

STATISTICS_PATH = "/agent-statistics"
LIMIT_BODY = 64 * 2**20
HTTP_OK = 200
# RFC 9110 section 7.6.1: these belong to one connection and are not forwarded.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Kubernetes' own probes are not logged by KServe's agent.
KUBELET_USER_AGENT = "kube-probe"


def end_to_end(headers: CIMultiDictProxy[str] | CIMultiDict[str]) -> CIMultiDict[str]:
    """The headers that a proxy passes on; the length is written anew from the body."""
    dropped = HOP_BY_HOP | {"content-length"}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


class PayloadProxy:
    """An agent in front of one predictor.

    Args:
        upstream: base URL of the predictor.
        identity: what the events say of the agent.
        dispatcher: where the events go.
    """

    def __init__(self, upstream: str, identity: AgentIdentity, dispatcher: Dispatcher) -> None:
        self._upstream = upstream.rstrip("/")
        self._identity = identity
        self._dispatcher = dispatcher
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """The aiohttp application: every path is forwarded but the agent's own statistics."""
        app = web.Application(client_max_size=LIMIT_BODY)
        app.router.add_get(STATISTICS_PATH, self._statistics)
        app.router.add_route("*", "/{path:.*}", self._forward)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, _: web.Application) -> None:
        # Bodies pass untouched: the client's encoding is the predictor's business.
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=5),
        )
        await self._dispatcher.start()

    async def _stop(self, _: web.Application) -> None:
        await self._dispatcher.stop()
        if self._session is not None:
            await self._session.close()

    async def _statistics(self, _: web.Request) -> web.Response:
        return web.json_response(self._dispatcher.statistics())

    async def _forward(self, request: web.Request) -> web.Response:
        assert self._session is not None  # noqa: S101 - the application has started
        arrived = time.time()
        body = await request.read()
        logged = not request.headers.get("User-Agent", "").startswith(KUBELET_USER_AGENT)
        event_id = request.headers.get("Ce-Id") or str(uuid.uuid4())
        metadata = metadata_of(request.headers, self._identity.metadata_headers)
        content_type = request.headers.get("Content-Type")
        if logged:  # before proxying, as KServe does: a call that fails leaves a request event
            event = payload_event(
                self._identity,
                event_type=REQUEST_TYPE,
                event_id=event_id,
                happened=arrived,
                metadata=metadata,
                content_type=content_type,
                body=body,
            )
            await self._dispatcher.offer(event)
        try:
            async with self._session.request(
                request.method,
                self._upstream + request.raw_path,
                headers=end_to_end(request.headers),
                data=body or None,
                skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
                allow_redirects=False,
            ) as answer:
                answer_body = await answer.read()
                status, headers = answer.status, end_to_end(answer.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            return web.json_response({"error": f"the predictor does not answer: {type(error).__name__}"}, status=502)
        if logged and status == HTTP_OK:
            event = payload_event(
                self._identity,
                event_type=RESPONSE_TYPE,
                event_id=event_id,
                happened=time.time(),
                metadata=metadata,
                content_type=content_type,
                body=answer_body,
            )
            await self._dispatcher.offer(event)
        return web.Response(status=status, headers=headers, body=answer_body)


def run_agent(host: str, port: int, proxy: PayloadProxy) -> None:
    """Serve until SIGTERM or SIGINT."""
    web.run_app(
        proxy.application(),
        host=host,
        port=port,
        print=None,
        access_log=None,
        auto_decompress=False,
        # Longer than Envoy keeps an idle connection: it must never reuse one that is being closed here.
        keepalive_timeout=2 * 3600,
    )
