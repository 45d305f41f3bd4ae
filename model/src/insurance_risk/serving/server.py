"""The server process of a predictor: KServe's model server with one model, one address and one way to stop."""

import asyncio
import contextlib
import logging
import signal
from typing import Final

import uvloop
from kserve import Model, ModelServer

from insurance_risk.serving.dataplane import CheckedDataPlane, FixedModels
from insurance_risk.serving.settings import ServerSettings
from insurance_risk.serving.transport import GrpcServer, HttpServer

logger = logging.getLogger(__name__)

TICK: Final = 0.05
"""Seconds between two looks at how far the event loop is behind."""

TICKS_IN_TIME: Final = 5
"""Looks in a row that must find the event loop in time before the servers are stopped."""

CATCH_UP_LIMIT: Final = 5.0
"""Seconds after which the servers are stopped all the same."""


class PredictorServer(ModelServer):
    """Serves one predictor over HTTP and gRPC until SIGTERM or SIGINT.

    On a signal both servers stop taking requests, answer those in flight (at most the grace period) and the process
    ends with 0; the model stays registered until then. KServe's own server unloads its models before its gRPC server
    has answered.

    Args:
        settings: Where and how to serve.
    """

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(
            http_port=settings.http_port,
            grpc_port=settings.grpc_port,
            enable_latency_logging=False,
            grace_period=settings.grace_period,
        )
        self._settings = settings
        self.dataplane = CheckedDataPlane(model_registry=self.registered_models)
        self.model_repository_extension = FixedModels(self.registered_models)

    def start(self, models: list[Model]) -> None:
        """Serve until a signal to stop.

        Args:
            models: The predictor, in a list as KServe has it.

        Raises:
            BindError: a port is in use or the address is not this machine's.
        """
        self._register_and_check_atleast_one_model_is_ready(models)
        # KServe runs asyncio's own loop whatever --event-loop says.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve_until_signal())

    async def _serve_until_signal(self) -> None:
        http = HttpServer(self._settings, self.dataplane, self.model_repository_extension)
        grpc = GrpcServer(self._settings, self.dataplane, self.model_repository_extension, self.max_threads)
        await grpc.bind()
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        serving = asyncio.create_task(http.start())
        waiting = asyncio.create_task(stopping.wait())
        logger.info(
            "serving %s on %s: HTTP port %d, gRPC port %d",
            self._settings.model_name,
            self._settings.host,
            http.port,
            grpc.port,
        )
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        await self._catch_up()
        http.stop()
        await asyncio.gather(serving, grpc.stop())
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        logger.info("stopped")

    async def _catch_up(self) -> None:
        """Wait until the event loop has kept up for a while, at most :data:`CATCH_UP_LIMIT` seconds.

        A stopping gRPC server cancels the calls that it has received and not yet handed to a coroutine; while answers
        to large requests keep the loop busy there may be many.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(CATCH_UP_LIMIT, self.grace_period)
        ticks_in_time = 0
        while ticks_in_time < TICKS_IN_TIME and (began := loop.time()) < deadline:
            await asyncio.sleep(TICK)
            ticks_in_time = ticks_in_time + 1 if loop.time() - began < 2 * TICK else 0
