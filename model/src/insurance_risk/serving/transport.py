"""HTTP and gRPC servers of KServe, bound to one address instead of all interfaces.

KServe 0.21 writes 0.0.0.0 and [::] into its servers, lets two processes share a gRPC port (SO_REUSEPORT), times and
logs every request, and leaves termination signals to uvicorn, which knows nothing of gRPC.
"""

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import orjson
import uvicorn
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from kserve import model_server
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING, MAX_GRPC_MESSAGE_LENGTH
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer

from insurance_risk.serving.errors import GrpcErrorInterceptor, add_http_handlers
from insurance_risk.serving.settings import ServerSettings

DOCS_PATH = "/docs"


class OrjsonResponse(JSONResponse):
    """JSON by orjson, as KServe has it; FastAPI's class of that kind warns of its end at every answer."""

    def render(self, content: object) -> bytes:
        """Serialise an answer."""
        return orjson.dumps(content)


class BindError(OSError):
    """An address cannot be listened on."""


class _UvicornServer(uvicorn.Server):
    """Uvicorn without signal handlers: the predictor's server stops HTTP and gRPC together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer(RESTServer):
    """KServe's HTTP endpoints on one address.

    Args:
        settings: Address, port and page.
        data_plane: Decodes and answers.
        extension: Answers requests to load and unload models.

    Raises:
        BindError: the port is in use or the address is not this machine's.
    """

    def __init__(self, settings: ServerSettings, data_plane: DataPlane, extension: ModelRepositoryExtension) -> None:
        super().__init__(
            FASTAPI_APP_IMPORT_STRING,
            data_plane,
            extension,
            settings.http_port,
            grace_period=settings.grace_period,
        )
        self._settings = settings
        self._socket = _listen(settings.host, settings.http_port)
        self.config.access_log = False
        self._server = _UvicornServer(self.config)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    def _add_middlewares(self, app: FastAPI) -> None:
        """Leave out KServe's middleware that times every request for its log."""

    def _add_exception_handlers(self, app: FastAPI) -> None:
        add_http_handlers(app, self._settings.model_name)

    def create_application(self) -> None:
        """Register KServe's endpoints, and the OpenAPI page if the settings say so.

        KServe switches its page on by a command-line flag that it reads when it is imported, so it is added here.
        """
        app: FastAPI = model_server.app
        app.router.default_response_class = OrjsonResponse
        super().create_application()
        if self._settings.docs:

            async def docs() -> HTMLResponse:
                return get_swagger_ui_html(openapi_url=str(app.openapi_url), title=app.title)

            app.add_api_route(DOCS_PATH, docs, include_in_schema=False)

    async def start(self) -> None:
        """Serve until :meth:`stop` and until the requests in flight have been answered."""
        self.create_application()
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Take no more connections and let :meth:`start` end when the requests in flight are answered."""
        self._server.should_exit = True


class GrpcServer:
    """KServe's gRPC service on one address.

    Args:
        settings: Address, port and grace period.
        data_plane: Answers.
        extension: Answers requests to load and unload models.
        threads: Threads for handlers that are not coroutines; KServe has none, gRPC wants a pool.
    """

    def __init__(
        self,
        settings: ServerSettings,
        data_plane: DataPlane,
        extension: ModelRepositoryExtension,
        threads: int,
    ) -> None:
        self._settings = settings
        self._data_plane = data_plane
        self._extension = extension
        self._threads = threads
        self._server: grpc.aio.Server | None = None
        self.port = settings.grpc_port

    async def bind(self) -> None:
        """Start listening.

        Raises:
            BindError: the port is in use or the address is not this machine's.
        """
        self._server = grpc.aio.server(
            ThreadPoolExecutor(max_workers=self._threads),
            interceptors=(GrpcErrorInterceptor(self._settings.model_name),),
            options=[
                ("grpc.max_send_message_length", MAX_GRPC_MESSAGE_LENGTH),
                ("grpc.max_receive_message_length", MAX_GRPC_MESSAGE_LENGTH),
                ("grpc.so_reuseport", 0),
            ],
        )
        add_GRPCInferenceServiceServicer_to_server(InferenceServicer(self._data_plane, self._extension), self._server)
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        try:
            self.port = self._server.add_insecure_port(f"{host}:{self._settings.grpc_port}")
        except RuntimeError:
            raise BindError(
                f"cannot listen for gRPC on {host}:{self._settings.grpc_port}: "
                "the port is in use or the address is not this machine's"
            ) from None
        await self._server.start()

    async def stop(self) -> None:
        """Take no more calls and wait for those in flight, at most the grace period."""
        if self._server is not None:
            await self._server.stop(grace=self._settings.grace_period)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise BindError(f"cannot listen for HTTP on {host}:{port}: {error.strerror}") from error
    listener.settimeout(0)
    return listener
