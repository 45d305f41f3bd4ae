"""The command line: replays of tables and recordings, and what it says of input that cannot be used."""

import csv
import json

import pytest
from click.testing import CliRunner

from drift_detectors.cli import main


@pytest.fixture
def run():
    def invoke(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def table(tmp_path, sample_rows):
    """A function that writes rows as CSV and returns the file's path."""

    def write(name, count, **changes):
        rows = sample_rows(count, **changes)
        path = tmp_path / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(rows)
            writer.writerows(zip(*rows.values(), strict=True))
        return path

    return write


@pytest.fixture
def months(table):
    steady = table("month-1.csv", 1000, seed=1)
    return [steady, table("month-2.csv", 1700, seed=2, age_shift=1.0)]


def test_tables_are_one_stream_in_the_order_given(run, make_profile, months):
    result = run("replay", "--profile", make_profile(), *months, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [window["verdict"] for window in document["windows"]] == ["clear", "clear", "suspect", "suspect", "drift"]
    assert document["windows"][-1]["features"][0]["name"] == "age"
    assert document["windows"][0]["timestamp"] is None
    assert (document["unfinished_rows"], document["rejected_rows"]) == (200, 0)


def test_the_table_says_the_same_for_people(run, make_profile, months):
    lines = run("replay", "--profile", make_profile(), *months).stdout.splitlines()
    assert lines[0].split()[:4] == ["window", "time", "rows", "verdict"]
    last = lines[5].split()
    assert (last[0], last[2], last[3], last[4], last[6], last[-1]) == ("5", "500", "drift", "1", "age", "higher")
    assert lines[-1] == "5 windows; 200 rows did not fill another."


def test_a_policy_changes_the_verdicts(run, make_profile, months, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("{drift_when_flagged_in: 1, of_last_windows: 1}")
    result = run("replay", "--profile", make_profile(), "--policy", policy, months[1], "--json")
    assert {window["verdict"] for window in json.loads(result.stdout)["windows"]} == {"drift"}


def test_input_that_cannot_be_used_is_named_and_exits_2(run, make_profile, months, tmp_path):
    profile = make_profile()
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("age;miles\n1;2\n")
    recording = tmp_path / "recording.jsonl"
    recording.write_text("{}\n{}\n")
    policy = tmp_path / "policy.yaml"
    policy.write_text("window: 3")
    for arguments, named in (
        ((months[0],), "--profile"),
        (("--profile", profile, wrong), "region"),
        (("--profile", tmp_path / "none.json", months[0]), "none.json"),
        (("--profile", profile, tmp_path / "none.csv"), "none.csv"),
        (("--profile", profile, "--policy", policy, months[0]), "window"),
        (("--profile", profile, months[0], recording), "together"),
        ((recording,), "line 2"),
        ((tmp_path / "none.jsonl",), "none.jsonl"),
        ((), "FILE"),
    ):
        result = run("replay", *arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert named in result.stderr
        assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [(), ("serve",), ("replay",)])
def test_every_command_has_help_with_exit_codes_or_an_example(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert ("Example:" if command else "Exit codes:") in result.output


def test_options_can_come_from_the_environment(run, make_profile, months, monkeypatch):
    monkeypatch.setenv("DRIFT_DETECTORS_REPLAY_PROFILE", str(make_profile()))
    assert run("replay", months[0], "--json").exit_code == 0
