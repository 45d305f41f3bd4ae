import subprocess
from collections.abc import Iterator

import pytest
from demo_runs import LOCAL_STACK, DemoRun, RunningStack, free_ports, port_options, processes_of, run_demo


@pytest.fixture(scope="session")
def default_demo(tmp_path_factory) -> DemoRun:
    return run_demo(tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("up")
    ports = free_ports()
    command = [LOCAL_STACK, "up", "--folder", folder, *port_options(ports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield RunningStack(ports, folder, done.stdout)
    stopped = subprocess.run(
        [LOCAL_STACK, "down", "--folder", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n"), stopped.stderr
    assert processes_of(folder) == []
