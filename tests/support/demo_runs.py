"""Running the demo and the stack as a person does: as programs, on free ports, in a folder of their own."""

import json
import os
import re
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCAL_STACK = REPOSITORY / "manifests/local/.venv/bin/local-stack"
PORTS = (
    "front",
    "detector",
    "operator",
    "model_grpc",
    "rules_grpc",
    "model_http",
    "rules_http",
    "model_agent",
    "rules_agent",
    "envoy_admin",
)


def free_ports() -> dict[str, int]:
    sockets = {name: socket.socket() for name in PORTS}
    for one in sockets.values():
        one.bind(("127.0.0.1", 0))
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports


def port_options(ports: dict[str, int]) -> list[str]:
    return [word for name, port in ports.items() for word in ("--port", f"{name}={port}")]


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that mention the run's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


@dataclass(frozen=True)
class DemoRun:
    """A finished demo."""

    code: int
    output: str
    folder: Path
    summary: dict

    @property
    def switches(self) -> list[tuple[str, str]]:
        return [(switch["from"], switch["to"]) for switch in self.summary["switches"]]


def run_demo(folder: Path, *options: str) -> DemoRun:
    summary_file = folder / "summary.json"
    command = [LOCAL_STACK, "demo", "--fast", "--folder", folder, "--json", summary_file, *options]
    command += port_options(free_ports())
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    summary = json.loads(summary_file.read_text()) if summary_file.exists() else {}
    return DemoRun(done.returncode, done.stdout, folder, summary)


@dataclass(frozen=True)
class RunningStack:
    """A stack left running by `local-stack up`."""

    ports: dict[str, int]
    folder: Path
    said: str

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"


def started_demo(folder: Path, *options: str) -> subprocess.Popen:
    """A demo in the background, in a session of its own as a shell would start it."""
    # Tests that run in the background inherit SIGINT ignored; a person's shell does not ignore it.
    heeding_ctrl_c = ["env", "--default-signal=INT"]
    command = [*heeding_ctrl_c, LOCAL_STACK, "demo", "--folder", folder, *options, *port_options(free_ports())]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def read_until(process: subprocess.Popen, pattern: str) -> str:
    """What `process` says, up to the first line that matches."""
    said = ""
    for line in process.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"it ended without {pattern!r}: {said}")


def interrupt(process: subprocess.Popen) -> tuple[int, str]:
    """Ctrl-C, as a terminal sends it: to the whole foreground process group."""
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    return process.returncode, rest
