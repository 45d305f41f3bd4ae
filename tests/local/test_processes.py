import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_stack.errors import ProcessDied, UsageError
from local_stack.stack.processes import Process, ProcessSpec, run_command


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def spec(tmp_path, script, name="drift detector"):
    return ProcessSpec(name, (sys.executable, "-c", script), tmp_path / "logs" / "one.log")


async def test_a_process_that_dies_is_named_with_its_last_words(tmp_path):
    process = await Process.start(spec(tmp_path, "print('no profile here'); raise SystemExit(4)"))
    with pytest.raises(ProcessDied, match=r"the drift detector ended with exit code 4 .*one\.log.*no profile here"):
        await process.watch()


async def test_a_process_killed_by_a_signal_says_which(tmp_path):
    process = await Process.start(spec(tmp_path, "import time; time.sleep(60)"))
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(ProcessDied, match="was killed by SIGKILL"):
        await process.watch()


async def test_a_stopped_process_is_no_death_and_takes_its_children_along(tmp_path):
    script = "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); child.wait()"
    process = await Process.start(spec(tmp_path, script))
    log = tmp_path / "logs" / "one.log"
    async with asyncio.timeout(5):
        while not log.read_text().strip():
            await asyncio.sleep(0.01)
    child = int(log.read_text())
    watching = asyncio.create_task(process.watch())
    await process.stop()
    await watching
    async with asyncio.timeout(5):
        while alive(child):
            await asyncio.sleep(0.01)


async def test_a_process_that_will_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("local_stack.stack.processes.GRACE_SECONDS", 0.3)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    process = await Process.start(spec(tmp_path, script))
    async with asyncio.timeout(5):
        while not (tmp_path / "logs" / "one.log").read_text():
            await asyncio.sleep(0.01)
    await process.stop()
    assert not alive(process.pid)


async def test_a_missing_program_says_what_to_do(tmp_path):
    missing = ProcessSpec("Envoy", (str(tmp_path / "envoy"),), tmp_path / "log")
    with pytest.raises(UsageError, match="envoy' is missing: run `make setup`"):
        await Process.start(missing)
    with pytest.raises(UsageError, match="make setup"):
        await run_command((str(tmp_path / "envoy"),), tmp_path / "log")


async def test_a_command_gives_its_output_and_code_and_keeps_its_errors(tmp_path):
    log = tmp_path / "log"
    script = "import sys; print('out'); print('err', file=sys.stderr); raise SystemExit(3)"
    assert await run_command((sys.executable, "-c", script), log) == (3, "out\n")
    assert log.read_text() == "err\n"


async def test_a_cancelled_command_is_stopped(tmp_path):
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(run_command((sys.executable, "-c", script), tmp_path / "log"))
    pid_file = tmp_path / "pid"
    async with asyncio.timeout(5):
        while not pid_file.exists() or not pid_file.read_text():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(int(pid_file.read_text()))


def test_killing_the_parent_leaves_nothing_running(tmp_path):
    script = f"""
import asyncio
from pathlib import Path
from local_stack.stack.processes import Process, ProcessSpec

async def main():
    process = await Process.start(ProcessSpec("sleeper", ("sleep", "60"), Path({str(tmp_path / "log")!r})))
    print(process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)
