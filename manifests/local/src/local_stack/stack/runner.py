"""The stack as a whole: start everything, wait until it answers, watch it, stop it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import yaml

from local_stack.errors import ProcessDied, StackError
from local_stack.stack import commands
from local_stack.stack.commands import RunFolder
from local_stack.stack.envoy import bootstrap
from local_stack.stack.ports import require_free_ports
from local_stack.stack.processes import Process, ProcessSpec
from local_stack.stack.settings import StackSettings

START_SECONDS = 60.0
POLL_SECONDS = 0.05
NOTICE_SECONDS = 2.0
FAST_RECOVERY = {"dwell": "500ms", "stepDuration": "250ms"}
FAST_PROBE = {"interval": "250ms"}


async def wait_until(answers: Callable[[], Awaitable[bool]], what: str, seconds: float = START_SECONDS) -> None:
    """Ask again and again until `answers` says yes.

    Raises:
        StackError: it did not within `seconds`; the message names `what`.
    """
    deadline = time.monotonic() + seconds
    while not await answers():
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not happen within {seconds:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


class Stack:
    """All processes of one machine's loop, as an asynchronous context manager.

    Args:
        settings: host, ports, names.
        run: the folder of this run; `run.bundle` must exist.
        record: whether detector and operator record what they see, for `replay`.
        fast: whether months pass so fast that the breaker's own durations have to shrink with them.
    """

    def __init__(self, settings: StackSettings, run: RunFolder, *, record: bool = False, fast: bool = False) -> None:
        self.settings = settings
        self.run = run
        self._record = record
        self._fast = fast
        self._processes: dict[str, Process] = {}
        self._watchers: asyncio.Queue[ProcessDied] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self.http = httpx.AsyncClient(timeout=10)

    async def __aenter__(self) -> Self:
        """Start everything and wait until the front door answers."""
        require_free_ports(self.settings)
        try:
            await self.guard(self._start())
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        await self._stop()

    async def watch(self) -> None:
        """Wait for the first process that dies.

        Raises:
            ProcessDied: always, when one does.
        """
        raise await self._watchers.get()

    async def guard(self, work: Awaitable[None]) -> None:
        """Do `work` unless a process dies first.

        Raises:
            ProcessDied: one did; `work` is cancelled.
        """
        working = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self.watch())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and not working.cancelled() and working.exception() is not None:
                # Work often fails because a process has died, a moment before that is noticed.
                await asyncio.wait({watching}, timeout=NOTICE_SECONDS)
            if watching.done():
                await watching
            await working
        finally:
            for task in (working, watching):
                task.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)

    async def restart_model(self) -> None:
        """Stop the model server and start it on the bundle in use; returns when it answers."""
        await self._processes["model server"].stop()
        await self._launch(commands.model_server(self.settings, self.run))
        await self._wait_ready("model server", "model_http")

    async def _start(self) -> None:
        settings, run = self.settings, self.run
        for folder in (run.routes.parent, run.operator_state.parent, run.events.parent):
            folder.mkdir(parents=True, exist_ok=True)
        await self._launch(commands.detector(settings, run, record=self._record))
        await self._launch(commands.model_server(settings, run))
        await self._launch(commands.rules_server(settings, run))
        await self._launch(commands.agent(settings, run, "model"))
        await self._launch(commands.agent(settings, run, "rules"))
        await self._wait_ready("model server", "model_http")
        await self._wait_ready("rules server", "rules_http")
        await self._wait_ready("agent of the model", "model_agent")
        await self._wait_ready("agent of the rules", "rules_agent")
        await self._wait_answer("drift detector", f"{settings.url('detector')}/readyz")
        await self._launch(commands.operator(settings, run, self._write_resource(), record=self._record))
        await wait_until(self._routes_written, "the operator's first route file")
        configuration = run.path / "envoy.json"
        configuration.write_text(json.dumps(bootstrap(settings, run.routes.resolve()), indent=1), encoding="utf-8")
        await self._launch(commands.envoy(run, configuration))
        await self._wait_answer("operator", f"{settings.url('operator')}/healthz")
        await self._wait_ready("Envoy", "front")

    async def _stop(self) -> None:
        # The front first, so that nothing new comes in while the rest finishes its work.
        await asyncio.gather(*(process.stop() for process in reversed(self._processes.values())))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.aclose()

    async def _launch(self, spec: ProcessSpec) -> None:
        process = await Process.start(spec)
        self._processes[spec.name] = process
        task = asyncio.create_task(self._report_death(process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report_death(self, process: Process) -> None:
        try:
            await process.watch()
        except ProcessDied as death:
            await self._watchers.put(death)

    def _write_resource(self) -> Path:
        """The DriftBreaker with this stack's address of the detector, and with shorter durations when months fly by."""
        resource = yaml.safe_load(commands.DRIFTBREAKER.read_text(encoding="utf-8"))
        resource["spec"]["signal"]["detector"]["url"] = self.settings.url("detector")
        if self._fast:
            resource["spec"]["recover"] |= FAST_RECOVERY
            resource["spec"]["probe"] |= FAST_PROBE
        file = self.run.path / "driftbreaker.yaml"
        file.write_text(yaml.safe_dump(resource, sort_keys=False), encoding="utf-8")
        return file

    async def _routes_written(self) -> bool:
        return self.run.routes.exists()

    async def _wait_ready(self, name: str, port: str) -> None:
        await self._wait_answer(name, f"{self.settings.url(port)}/v2/models/{self.settings.model}/ready")

    async def _wait_answer(self, name: str, url: str) -> None:
        async def answers() -> bool:
            try:
                return (await self.http.get(url)).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        await wait_until(answers, f"a ready answer of the {name} ({url})")
