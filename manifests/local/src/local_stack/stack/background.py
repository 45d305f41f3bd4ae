"""`make up` and `make down`: the stack as a background process that a person can use and stop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from local_stack.errors import StackError, UsageError
from local_stack.stack.settings import REPOSITORY

UP_FOLDER = REPOSITORY / "build" / "up"
STOP_SECONDS = 30.0


def pid_file(folder: Path) -> Path:
    """Where the supervisor's process id is kept."""
    return folder / "supervisor.pid"


def running_supervisor(folder: Path) -> int | None:
    """The process id of a running supervisor, or None.

    A stale file, or a process id that the system has given to another program, does not count.
    """
    try:
        pid = int(pid_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return pid if _is_supervisor(pid, folder) else None


def _is_supervisor(pid: int, folder: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"local-stack" in command and str(folder).encode() in command


def start_supervisor(folder: Path, arguments: tuple[str, ...]) -> None:
    """Start the supervisor in the background and wait until the stack answers.

    Args:
        folder: the run's folder.
        arguments: options that are passed on to the supervisor.

    Raises:
        UsageError: one is running already.
        StackError: it ended before the stack was ready; the message is its last line.
    """
    if running_supervisor(folder) is not None:
        raise UsageError("the stack is up already: `make down` stops it")
    folder.mkdir(parents=True, exist_ok=True)
    log_file, ready = folder / "supervisor.log", folder / "ready"
    ready.unlink(missing_ok=True)
    with log_file.open("wb") as log:
        program = (sys.argv[0], "supervise", "--folder", str(folder), *arguments)
        supervisor = subprocess.Popen(  # noqa: S603 - this very program
            program, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not ready.exists():
            code = supervisor.poll()
            if code is not None:
                lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no word"]
                raise (UsageError if code == UsageError.exit_code else StackError)(lines[-1])
            time.sleep(0.1)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise


def stop_supervisor(folder: Path) -> bool:
    """Stop a running supervisor and all that it started.

    Returns:
        False where none was running.

    Raises:
        StackError: it did not end.
    """
    pid = running_supervisor(folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_supervisor(pid, folder):
        if time.monotonic() > deadline:
            raise StackError(f"the stack (process {pid}) did not stop within {STOP_SECONDS:.0f} s")
        time.sleep(0.1)
    return True


@contextlib.contextmanager
def marked_running(folder: Path) -> Iterator[None]:
    """Keep the process id and the mark of readiness while the stack is up."""
    pid_file(folder).write_text(str(os.getpid()), encoding="utf-8")
    (folder / "ready").touch()
    try:
        yield
    finally:
        (folder / "ready").unlink(missing_ok=True)
        pid_file(folder).unlink(missing_ok=True)


async def until_stopped() -> None:
    """Return on SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
