"""The process of the operator on one machine: listen, turn after turn, stop on a signal."""

import asyncio
import signal

import httpx

from drift_operator.local.operator import LocalOperator
from drift_operator.local.probing import jittered
from drift_operator.local.server import application, listen
from drift_operator.local.settings import LocalSettings

_REQUEST_SECONDS = 5.0


class _Demands:
    """What the process has been asked to do by signals."""

    def __init__(self) -> None:
        self.stop = False
        self.reread = False
        self.any = asyncio.Event()

    def stop_soon(self) -> None:
        self.stop = True
        self.any.set()

    def reread_soon(self) -> None:
        self.reread = True
        self.any.set()


async def run(settings: LocalSettings) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the resource again. The route stays as it is at the end.

    Raises:
        OperatorError: It cannot begin: a file or the port cannot be used.
    """
    demands = _Demands()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, demands.stop_soon)
    loop.add_signal_handler(signal.SIGHUP, demands.reread_soon)
    async with httpx.AsyncClient(timeout=_REQUEST_SECONDS, trust_env=False) as client:
        operator = LocalOperator(settings, client)
        app = application(status=operator.status, alive=operator.alive, registry=operator.registry)
        runner = await listen(app, settings.host, settings.port)
        try:
            operator.begin()
            async with asyncio.TaskGroup() as tasks:
                probing = [
                    tasks.create_task(prober.run()) for prober in (operator.model_prober, operator.fallback_prober)
                ]
                await _turn_after_turn(operator, demands)
                for task in probing:
                    task.cancel()
        finally:
            operator.close()
            await runner.cleanup()


async def _turn_after_turn(operator: LocalOperator, demands: _Demands) -> None:
    while not demands.stop:
        operator.reread(even_if_unchanged=demands.reread)
        demands.reread = False
        demands.any.clear()
        await operator.turn()
        try:
            async with asyncio.timeout(jittered(operator.spec.signal.interval)):
                await demands.any.wait()
        except TimeoutError:
            continue
