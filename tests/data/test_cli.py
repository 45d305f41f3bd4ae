"""The command line: what is printed, what is written, and the exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from insurance_data.cli import main
from insurance_data.dataset import Dataset
from insurance_data.replay.source import read_sources
from insurance_data.schema import FEATURES

COMMAND = Path(sys.executable).with_name("insurance-data")


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize("command", [[], ["generate"], ["replay"], ["curl"]])
def test_every_command_has_help(command):
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    if command:
        assert "Example" in result.stdout


def test_generate_as_a_process(tmp_path):
    arguments = ["--months", "2", "--rows", "20", "--reference-rows", "50", "--seed", "5", "--out"]
    for name in ("one", "two"):
        done = subprocess.run(
            [COMMAND, "generate", *arguments, tmp_path / name], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "50 reference rows and 2 months of 20 rows (variant both, seed 5)" in done.stdout
    one, two = (Dataset.open(tmp_path / name, verify=True) for name in ("one", "two"))
    assert one.manifest == two.manifest
    assert len(one.read_month(2)) == 20


def test_generate_abrupt(tmp_path):
    result = invoke("generate", "--out", tmp_path / "set", "--months", 3, "--variant", "abrupt", "--month", 2)
    assert result.exit_code == 0
    dataset = Dataset.open(tmp_path / "set")
    shares = [dataset.read_month(month)["emergency_braking"].mean() for month in (1, 2, 3)]
    assert shares[0] < 0.5
    assert min(shares[1:]) > 0.65


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variant", "abrupt"], "needs the month of its change"),
        (["--variant", "none", "--month", "3"], "not to 'none'"),
        (["--variant", "abrupt", "--month", "40"], "after the last month, 36"),
        (["--variant", "sideways"], "'sideways'"),
        (["--months", "0"], "--months"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_generate_refuses_bad_usage(tmp_path, arguments, message):
    result = invoke("generate", "--out", tmp_path / "set", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "set").exists()


def test_generate_refuses_a_directory_with_other_files(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    result = invoke("generate", "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith("insurance-data: ")
    assert "is not empty" in result.stderr


def test_replay_of_a_directory(server, dataset, tmp_path):
    report = tmp_path / "report.json"
    result = invoke("replay", dataset.directory, "--url", server.url, "--rows-per-request", 15, "--json", report)
    assert result.exit_code == 0
    assert "sent       6 requests with 80 rows" in result.stdout
    assert "p50" in result.stdout
    assert result.stderr == ""
    figures = json.loads(report.read_text())
    assert figures["requests"] == {"sent": 6, "succeeded": 6, "failed": 0, "resent": 0}
    assert figures["rows"] == {"sent": 80, "failed": 0, "not_sent": 0, "served_by": {"model": 80}}
    ages = [age for request in server.requests for age in request.json["inputs"][1]["data"]]
    expected = [age for source in read_sources(dataset.directory, FEATURES) for age in source.table["age"]]
    assert ages == expected


def test_replay_to_the_detector(server, dataset):
    result = invoke(
        "replay", dataset.directory / "train.csv.gz", "--to", "detector", "--url", server.url,
        "--inference-service", "other", "--namespace", "prod", "--rows-per-request", 40, "--json", "-",
    )  # fmt: skip
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rows"]["sent"] == 80
    assert {request.path for request in server.requests} == {"/"}
    assert {request.header("ce-inferenceservicename") for request in server.requests} == {"other"}
    assert {request.header("ce-namespace") for request in server.requests} == {"prod"}


@pytest.mark.parametrize(("target", "rows"), [("model", 10), ("detector", 100)])
def test_a_detector_gets_more_rows_at_once_than_a_model(server, dataset, target, rows):
    assert invoke("replay", dataset.directory / "reference.csv.gz", "--to", target, "--url", server.url).exit_code == 0
    assert {request.json["inputs"][0]["shape"][0] for request in server.requests} == {rows}


def test_replay_options_reach_the_wire(server, dataset):
    result = invoke(
        "replay", dataset.directory, "--url", server.url, "--model", "other", "--months", "2,1-2",
        "--id-prefix", "mine", "--column", "miles", "--column", "age", "--input-form", "matrix",
        "--header", "Host: example.com", "--rows-per-request", 40,
    )  # fmt: skip
    assert result.exit_code == 0
    assert [request.json["id"] for request in server.requests] == ["mine-1", "mine-2", "mine-3"]
    request = server.requests[0]
    assert request.path == "/v2/models/other/infer"
    assert request.header("host") == "example.com"
    expected = dataset.read_month(2)[["miles", "age"]].to_numpy().tolist()
    assert request.json["inputs"][0]["data"] == expected


def test_a_failed_request_ends_with_1_and_is_listed(server, dataset, tmp_path, make_answer):
    server.script = [None, make_answer(400, {"error": "no age"})]
    report = tmp_path / "report.json"
    result = invoke("replay", dataset.directory, "--url", server.url, "--json", report, "--id-prefix", "x")
    assert result.exit_code == 1
    assert 'month-1.csv.gz, rows 11-20): HTTP 400: {"error": "no age"}' in result.stdout
    (failed,) = json.loads(report.read_text())["failed"]
    assert (failed["id"], failed["first_row"], failed["rows"], failed["status"]) == ("x-2", 10, 10, 400)


def test_a_server_that_is_not_there_stops_the_replay(free_port, dataset):
    result = invoke(
        "replay",
        dataset.directory,
        "--url",
        f"http://127.0.0.1:{free_port}",
        "--retries",
        0,
        "--stop-after-failures",
        3,
    )
    assert result.exit_code == 1
    assert "NOT SENT   50 rows: stopped after 3 failed requests in a row" in result.stdout
    assert result.stdout.count("no connection") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--months", "1-x"], "not a list such as 1,2,5-8"),
        (["--months", "3-1"], "names no month"),
        (["--months", "9"], "has no month 9"),
        (["--header", "nonsense"], "not of the form"),
        (["--rows-per-second", "0"], "rows_per_second is 0.0"),
        (["--url", "127.0.0.1:80"], "not an absolute URL"),
        (["--id-prefix", "driftbreaker-probe-1"], "detectors ignore"),
        (["--column", "wheels"], "has no column wheels"),
        (["--json", "/nonexistent/report.json"], "the report cannot be written"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_is_sent(server, dataset, arguments, message):
    result = invoke("replay", dataset.directory, "--url", server.url, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert server.requests == []


def test_a_source_that_is_not_there_ends_with_2(tmp_path):
    result = invoke("replay", tmp_path / "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv is missing" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_still_reports(server, dataset, tmp_path, number):
    report = tmp_path / "report.json"
    command = [
        COMMAND,
        "replay",
        dataset.directory,
        "--url",
        server.url,
        "--requests-per-second",
        "4",
        "--json",
        report,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "rows: interrupted" in stdout
    figures = json.loads(report.read_text())
    assert figures["stopped"] == "interrupted"
    assert figures["requests"]["sent"] == len(server.requests) >= 2
    assert figures["rows"]["sent"] + figures["rows"]["not_sent"] == 80


def test_the_progress_bar_appears_on_a_terminal_only(server, dataset):
    command = [COMMAND, "replay", dataset.directory, "--url", server.url, "--requests-per-second", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end, env=environment) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # Linux ends a terminal whose other side is closed with EIO
                break
            if not part:
                break
            shown += part
    os.close(terminal)
    assert process.returncode == 0
    assert b"month-1.csv.gz" in shown
    assert b"80" in shown


def test_curl_prints_all_examples_or_one():
    everything = invoke("curl").stdout
    assert everything.count("curl --silent") == 6
    one = invoke("curl", "--example", "bad-matrix", "--url", "http://127.0.0.1:1234", "--model", "other").stdout
    assert one.startswith("# bad-matrix: ")
    assert one.count("curl --silent") == 1
    assert "http://127.0.0.1:1234/v2/models/other/infer" in one


def test_curl_refuses_an_empty_model():
    result = invoke("curl", "--model", "")
    assert result.exit_code == 2
    assert "name is empty" in result.stderr
