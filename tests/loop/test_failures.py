"""Ctrl-C, a taken port, a process that dies: one clear line, an exit code, nothing left running."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from demo_runs import LOCAL_STACK, free_ports, interrupt, port_options, processes_of, read_until, started_demo


def assert_nothing_left(folder):
    deadline = time.monotonic() + 10
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(folder) == []


def pid_of(folder: Path, words: str) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command and words in command:
                return int(entry.name)
    raise AssertionError(f"no process with {words!r}")


def test_ctrl_c_stops_every_process(tmp_path):
    process = started_demo(tmp_path, "--months", "3", "--rate", "100")
    read_until(process, r"^\s*1\s+1\s")
    assert len(processes_of(tmp_path)) > 5
    code, rest = interrupt(process)
    assert code == 130
    assert "interrupted; everything that was started has been stopped" in rest
    assert "Traceback" not in rest
    assert_nothing_left(tmp_path)


def test_ctrl_c_while_the_model_is_trained_stops_that_too(tmp_path):
    process = started_demo(tmp_path, "--months", "3")
    read_until(process, "training the model")
    code, rest = interrupt(process)
    assert code == 130
    assert "Traceback" not in rest
    assert_nothing_left(tmp_path)


def test_kill_9_of_the_demo_leaves_nothing_running(tmp_path):
    process = started_demo(tmp_path, "--months", "3", "--rate", "100")
    read_until(process, r"^\s*1\s+1\s")
    process.kill()
    process.communicate()
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("words", "name"), [("drift-detectors serve", "drift detector"), ("envoy --config-path", "Envoy")]
)
def test_a_process_that_dies_is_named(tmp_path, words, name):
    process = started_demo(tmp_path, "--months", "3", "--rate", "100")
    read_until(process, r"^\s*1\s+1\s")
    os.kill(pid_of(tmp_path, words), signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert re.search(rf"driftbreaker: the {name} was killed by SIGKILL \(log: \S+\)", rest)
    assert "Traceback" not in rest
    assert_nothing_left(tmp_path)


def test_a_taken_port_is_named_before_any_work(tmp_path):
    ports = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports["front"]))
        taken.listen()
        command = [LOCAL_STACK, "demo", "--folder", tmp_path, *port_options(ports)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"driftbreaker: port {ports['front']} (front) on 127.0.0.1 is in use" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_data_that_are_no_data_set_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    command = [LOCAL_STACK, "demo", "--folder", tmp_path, "--data", tmp_path / "empty", *port_options(free_ports())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "reference.csv.gz" in done.stderr or "monthly" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_that_exclude_each_other_are_refused():
    done = subprocess.run(
        [LOCAL_STACK, "demo", "--no-drift", "--abrupt", "3"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_failed_requests_make_the_run_fail_and_a_model_that_hangs_is_left(tmp_path):
    summary_file = tmp_path / "summary.json"
    process = started_demo(tmp_path, "--months", "2", "--rate", "300", "--json", summary_file)
    read_until(process, r"^\s*1\s+1\s")
    model = pid_of(tmp_path, "insurance-risk serve-model")
    os.kill(model, signal.SIGSTOP)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    summary = json.loads(summary_file.read_text())
    failed = summary["requests"]["failed"]
    assert 1 <= failed <= 40, "those under way when the model hung, until the probes had noticed"
    assert any(f"{failed} of 300 requests failed" in problem for problem in summary["problems"])
    assert "PROBLEM" in rest
    assert [(switch["to"], switch["reason"]) for switch in summary["switches"]] == [("fallback", "ModelNotAnswering")]
    assert summary["requests"]["rules"] > 0
    assert_nothing_left(tmp_path)
