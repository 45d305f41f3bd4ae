"""Start a process, watch it, stop it: nothing that was started here is left running."""

import asyncio
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.errors import ProcessDied, UsageError

GRACE_SECONDS = 10.0
LAST_LINES = 3


@dataclass(frozen=True)
class ProcessSpec:
    """A process of the stack."""

    name: str
    """What a person calls it, for example `drift detector`."""
    command: tuple[str, ...]
    log: Path
    """Standard output and error."""
    environment: dict[str, str] = field(default_factory=dict)


def guarded(command: tuple[str, ...]) -> tuple[str, ...]:
    """`command`, ended by the kernel when its parent dies, even by SIGKILL (where util-linux has `setpriv`).

    Raises:
        UsageError: the program is missing.
    """
    if shutil.which(command[0]) is None:
        raise UsageError(f"the program '{command[0]}' is missing: run `make setup`")
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--", *command) if setpriv else command


class Process:
    """A running process, in a process group of its own so that Ctrl-C reaches the stack alone."""

    def __init__(self, spec: ProcessSpec, process: asyncio.subprocess.Process) -> None:
        self.spec = spec
        self._process = process
        self._stopping = False

    @classmethod
    async def start(cls, spec: ProcessSpec) -> "Process":
        """Start `spec`; its log is appended to.

        Raises:
            UsageError: the program is missing.
        """
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *guarded(spec.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **spec.environment},
                start_new_session=True,
            )
        return cls(spec, process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def watch(self) -> None:
        """Wait until the process ends.

        Raises:
            ProcessDied: it ended although `stop` was not called.
        """
        code = await self._process.wait()
        if not self._stopping:
            raise ProcessDied(self.obituary(code))

    def obituary(self, code: int) -> str:
        """One line: who died, how, and the end of its log."""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        try:
            lines = self.spec.log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            lines = []
        last = " | ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:])
        said = f"; it said last: {last}" if last else ""
        return f"the {self.spec.name} {how} (log: {self.spec.log}){said}"

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        self._stopping = True
        for demand in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, demand)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._process.wait()


async def run_command(command: tuple[str, ...], log: Path) -> tuple[int, str]:
    """Run a command to its end.

    Args:
        command: program and arguments.
        log: file that its standard error is appended to.

    Returns:
        Exit code and standard output. The command is stopped when the caller is cancelled.

    Raises:
        UsageError: the program is missing.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *guarded(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
            raise
    return process.returncode or 0, output.decode("utf-8", errors="replace")
