"""The loop closes on its own: the demo's result, and what an offline prediction says it must be."""

import itertools
import json
import subprocess

import pytest
from demo_runs import REPOSITORY, run_demo

ROWS, MONTHS, WINDOW = 1_500, 36, 500


def assert_sound(run):
    assert run.code == 0, run.output
    assert run.summary["problems"] == []
    requests, rows, events = run.summary["requests"], run.summary["rows"], run.summary["events"]
    assert requests["failed"] == 0
    assert requests["sent"] == requests["model"] + requests["rules"] > 0
    assert rows["sent"] == rows["model"] + rows["rules"] == ROWS * MONTHS
    assert events["accepted"] == 2 * requests["sent"]
    assert (events["duplicate"], events["rejected"], events["shed"]) == (0, 0, 0)
    assert run.summary["replayed"] == {"verdicts": True, "decisions": True}


def predicted_windows(run, bundle="month-0"):
    """The verdicts that the detector's offline replay gives on the months' files: no service, no recording."""
    data, profile = run.folder / "run/data", run.folder / "run/bundles" / bundle / "profile.json"
    months = [data / f"monthly/month-{month}.csv.gz" for month in range(1, MONTHS + 1)]
    command = [REPOSITORY / "detectors/.venv/bin/drift-detectors", "replay", *months, "--profile", profile, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)["windows"]


def test_the_breaker_trips_once_before_any_retraining_where_the_offline_replay_says(default_demo):
    assert_sound(default_demo)
    first_retraining = min(one["month"] for one in default_demo.summary["retrainings"] if one["passed"])
    before = [switch for switch in default_demo.summary["switches"] if switch["month"] <= first_retraining]
    assert [(switch["from"], switch["to"]) for switch in before] == [("model", "fallback")]
    trip = before[0]
    assert 5 <= trip["month"] <= 12
    first_drift = next(w["sequence"] for w in predicted_windows(default_demo) if w["verdict"] == "drift")
    assert trip["window"] == first_drift
    assert trip["month"] == -(-first_drift * WINDOW // ROWS)


def test_after_retraining_it_returns_by_stages(default_demo):
    assert ("fallback", "model") in default_demo.switches
    for earlier, later in itertools.pairwise(default_demo.summary["switches"]):
        # A return that is broken off is a switch of its own: traffic had begun to leave the fallback.
        assert later["from"] == earlier["to"] or later["reason"] == "DriftDuringReturn"
    weights = {line.split()[6] for line in default_demo.output.splitlines() if "Recovering" in line}
    assert weights & {"10/90", "50/50"}, "the return was not seen to go by stages"


def test_every_return_follows_a_retraining_that_the_demo_printed(default_demo):
    retrained = [one["month"] for one in default_demo.summary["retrainings"] if one["passed"]]
    for earlier, later in itertools.pairwise(default_demo.summary["switches"]):
        if later["to"] == "model":
            assert any(earlier["month"] <= month <= later["month"] for month in retrained)
    for month in retrained:
        assert f"month {month} has ended: retraining on months" in default_demo.output


def test_the_accuracies_are_there_for_every_month_and_honest(default_demo):
    accuracy = default_demo.summary["accuracy"]
    assert set(accuracy) == {"breaker", "model", "rules", "retrained"}
    for way in accuracy.values():
        assert sorted(map(int, way["by_month"])) == list(range(1, MONTHS + 1))
        assert way["mean"] == pytest.approx(sum(way["by_month"].values()) / MONTHS, abs=1e-5)
    trip = default_demo.summary["switches"][0]["month"]
    for month in range(1, trip):
        assert accuracy["breaker"]["by_month"][str(month)] == accuracy["model"]["by_month"][str(month)]
    lost = [
        month
        for month in range(trip + 1, MONTHS + 1)
        if accuracy["breaker"]["by_month"][str(month)] < accuracy["model"]["by_month"][str(month)]
    ]
    assert lost, "at this point the rules are worse than the stale model: the data changed under this test"
    assert "Falling back cost accuracy" in " ".join(default_demo.summary["reading"])


def test_the_report_is_one_file_that_shows_what_happened(default_demo):
    page = (default_demo.folder / "report.html").read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg") == 3
    assert str(default_demo.folder / "report.html") in default_demo.output.replace("\n", "")
    for switch in default_demo.summary["switches"]:
        assert f'<td class="n">{switch["window"]}</td>' in page


def test_without_retraining_there_is_one_switch_and_no_return(default_demo, tmp_path):
    run = run_demo(tmp_path, "--no-retrain")
    assert_sound(run)
    assert run.switches == [("model", "fallback")]
    assert run.summary["retrainings"] == []
    assert run.summary["switches"][0]["window"] == default_demo.summary["switches"][0]["window"]


def test_without_drift_there_is_no_switch(tmp_path):
    run = run_demo(tmp_path, "--no-drift")
    assert_sound(run)
    assert run.switches == []
    assert run.summary["requests"]["rules"] == 0


def test_an_abrupt_change_trips_within_three_windows_of_shifted_rows(tmp_path):
    run = run_demo(tmp_path, "--abrupt", "6", "--no-retrain")
    assert_sound(run)
    assert run.switches == [("model", "fallback")]
    unshifted = 5 * ROWS // WINDOW
    assert unshifted < run.summary["switches"][0]["window"] <= unshifted + 3
    assert run.summary["switches"][0]["month"] == 6


def test_any_data_set_of_the_layout_is_replayed(tmp_path):
    data = tmp_path / "mine"
    command = [REPOSITORY / "data/.venv/bin/insurance-data", "generate", "--out", data, "--seed", "11"]
    subprocess.run([*command, "--months", "3", "--rows", "700"], check=True, timeout=60)
    (data / "manifest.json").unlink()
    run = run_demo(tmp_path / "run", "--data", str(data))
    assert run.code == 0, run.output
    assert run.summary["data"] == str(data)
    assert run.summary["rows"]["sent"] == 3 * 700
    assert sorted(run.summary["accuracy"]["breaker"]["by_month"]) == ["1", "2", "3"]
    windows = [segment.split()[1] for segment in run.output.splitlines() if segment[:1].isdigit()]
    assert windows[-1] == "4", "2,100 rows fill four windows of 500"
