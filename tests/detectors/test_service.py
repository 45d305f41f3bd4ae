"""The service as its users meet it: a process, HTTP and signals."""

import json
import socket
import subprocess
import time

import pytest
from detector_service import PROGRAM, SERVICE, attributes, running_detector, v2_request, v2_response
from prometheus_client.parser import text_string_to_metric_families

SMALL = "window_size: 100\nminimum_rows: 50\ndrift_when_flagged_in: 2\nof_last_windows: 3\n"


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(SMALL)
    return path


def test_events_become_verdicts_and_every_page_shows_them(make_profile, sample_rows, policy):
    with running_detector(make_profile(), "--policy", policy) as detector:
        steady, moved = sample_rows(200, seed=1), sample_rows(300, seed=2, age_shift=1.5)
        for number in range(10):
            assert (
                detector.send(f"steady-{number}", v2_request(steady, number * 20, number * 20 + 20)).status_code == 202
            )
        for number in range(3):
            document = {**attributes(f"moved-{number}"), "datacontenttype": "application/json"}
            document["data"] = json.loads(v2_request(moved, number * 100, number * 100 + 100))
            answer = detector.client.post(
                "/", json=document, headers={"content-type": "application/cloudevents+json; charset=utf-8"}
            )
            assert answer.status_code == 202, answer.text
        detector.send("steady-1", v2_response(20, served_by="rules"), "response", service=f"{SERVICE}-rules")

        view = detector.settled(14)
        assert view["sequence"] == 5
        assert [window["verdict"] for window in detector.history()] == ["clear", "clear", "suspect", "drift", "drift"]
        assert view["verdict"] == "drift"
        assert view["streak"] == {"drift": 2, "clear": 0}
        first = view["features"][0]
        assert (first["name"], first["direction"], first["drifted"]) == ("age", "higher", True)
        assert (first["since_sequence"], first["flagged_in"]) == (3, 3)
        assert first["current_mean"] - first["reference_mean"] == pytest.approx(18, abs=4)
        assert view["fallback_rows_ratio"] == 1.0
        assert view["rows"] == {"accepted": 500, "rejected": 0, "closed": 500, "discarded": 0}

        assert len(detector.client.get(f"/api/v1/streams/{SERVICE}/history?limit=2").json()["windows"]) == 2
        assert detector.client.get(f"/api/v1/streams/{SERVICE}/history?limit=x").status_code == 400
        listed = detector.client.get("/api/v1/streams").json()["streams"]
        assert [(line["stream"], line["sequence"], line["verdict"]) for line in listed] == [(SERVICE, 5, "drift")]
        unknown = detector.client.get("/api/v1/streams/other")
        assert unknown.status_code == 404
        assert "/api/v1/streams" in unknown.json()["error"]
        assert detector.client.get("/healthz").status_code == 200
        metrics = detector.client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        samples = [sample for family in text_string_to_metric_families(metrics.text) for sample in family.samples]
        verdicts = {sample.labels["verdict"]: sample.value for sample in samples if sample.name == "drift_verdict"}
        assert verdicts == {"drift": 1, "suspect": 0, "clear": 0, "undecided": 0}
        page = detector.client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "age drifted" in page.text
        assert detector.client.delete("/").status_code == 405


def test_what_cannot_be_taken_is_refused_with_the_reason_and_counted(make_profile, sample_rows, policy):
    body = v2_request(sample_rows(10, seed=1))
    with running_detector(make_profile(), "--policy", policy, "--body-mebibytes", 1) as detector:

        def error(answer, status):
            assert answer.status_code == status, answer.text
            return answer.json()["error"]

        structured = {"content-type": "application/cloudevents+json"}
        assert "id" in error(detector.send("", body), 400)
        assert "0.3" in error(detector.send("1", body, specversion="0.3"), 400)
        assert "cloudevents" in error(detector.client.post("/", content=body), 400).lower()
        assert "structured" in error(detector.client.post("/", content=b"{", headers=structured), 400)
        assert "com.example" in error(detector.send("2", body, type="com.example"), 400)
        assert "stranger" in error(detector.send("3", body, service="stranger"), 404)
        assert "elsewhere" in error(detector.send("4", body, namespace="elsewhere"), 404)
        batch = {"content-type": "application/cloudevents-batch+json"}
        assert "batches" in error(detector.client.post("/", content=b"[]", headers=batch), 415)
        assert "larger" in error(detector.send("5", b" " * (2**20 + 1)), 413)
        big = json.dumps({**attributes("6"), "data": "x" * (2**20 + 100)}).encode()
        assert "larger" in error(detector.client.post("/", content=big, headers=structured), 413)

        # Found in the body only, so after the acknowledgement.
        assert detector.send("7", b"not json").status_code == 202
        assert detector.send("8", b'{"inputs": []}').status_code == 202
        assert detector.send("9", body).status_code == 202
        assert detector.send("9", body).status_code == 202
        assert detector.send("driftbreaker-probe-1", body).status_code == 202
        assert detector.send("10", b"").status_code == 202
        view = detector.settled(9)
        assert view["events"]["request"] == {"accepted": 1, "duplicate": 1, "ignored": 2, "rejected": 4, "shed": 0}
        assert view["rejected"]["request"] == {"oversize": 2, "not_json": 1, "missing_feature": 1}
        assert view["rejected"]["unknown"] == {"unknown_type": 1}
        assert view["rows"]["accepted"] == 10
        unassigned = detector.client.get("/api/v1/streams").json()["unassigned"]
        assert sum(unassigned["rejected"]["request"].values()) == 2
        assert sum(unassigned["rejected"]["unknown"].values()) == 5


def test_a_stuck_worker_sheds_and_keeps_acknowledging(make_profile, sample_rows, tmp_path):
    """A log that nobody reads stops the worker for real: it logs every window, and the pipe is full."""
    each = tmp_path / "each.yaml"
    each.write_text("window_size: 1\nminimum_rows: 1\n")
    body = v2_request(sample_rows(1, seed=1))
    options = ("--policy", each, "--queue-events", 20, "--log-level", "info", "--shutdown-seconds", 20)
    with running_detector(make_profile(), *options, pipe_bytes=4096) as detector:
        assert detector.send("flood", v2_request(sample_rows(300, seed=1))).status_code == 202
        stuck_at, deadline = -1, time.monotonic() + 30
        while (sequence := detector.stream()["sequence"]) != stuck_at or sequence == 0:
            assert time.monotonic() < deadline
            stuck_at = sequence
            time.sleep(0.5)
        assert stuck_at < 300
        statuses, seconds = [], []
        for number in range(60):
            start = time.perf_counter()
            answer = detector.send(f"more-{number}", body)
            seconds.append(time.perf_counter() - start)
            statuses.append(answer.status_code)
        assert statuses == [202] * 20 + [503] * 40
        assert answer.headers["retry-after"] == "1"
        assert "shed" in answer.json()["error"]
        assert sorted(seconds)[30] < 0.1
        assert detector.client.get("/healthz").status_code == 200
        assert 'drift_intake_queue_events{isvc_namespace="default",stream="insurance-risk"} 20' in (
            detector.client.get("/metrics").text
        )
        assert detector.stream()["events"]["request"]["shed"] == 40

        # Once the log is read the worker goes on, and a stop waits for what was acknowledged.
        detector.process.terminate()
        output, log = detector.process.communicate(timeout=60)
        assert detector.process.returncode == 0
        assert "not reached" not in output
        assert log.count("window ") == 320


def test_another_profile_resets_the_window_and_keeps_the_sequence(make_profile, sample_rows, policy):
    profile = make_profile()
    rows = sample_rows(700, seed=3, age_shift=1.5)
    with running_detector(profile, "--policy", policy) as detector:
        detector.send("1", v2_request(rows, 0, 350))
        before = detector.until(lambda view: view["window"]["rows"] == 50)
        assert (before["sequence"], before["streak"]["drift"], before["window"]["rows"]) == (3, 2, 50)
        make_profile(seed=12, path=profile)
        after = detector.until(lambda view: view["profile"]["digest"] != before["profile"]["digest"])
        assert (after["sequence"], after["verdict"], after["window"]["rows"]) == (3, None, 0)
        assert after["streak"] == {"drift": 0, "clear": 0}
        assert after["first_sequence_of_profile"] == 4
        assert after["rows"] == {"accepted": 350, "rejected": 0, "closed": 300, "discarded": 50}
        detector.send("2", v2_request(rows, 350, 450))
        newest = detector.until(lambda view: view["sequence"] == 4)
        assert newest["verdict"] == "suspect"

        # A broken file is said and changes nothing.
        profile.write_text("{")
        deadline = time.monotonic() + 10
        failed = 'drift_profile_reload_failed{isvc_namespace="default",stream="insurance-risk"} 1.0'
        while failed not in detector.client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert detector.stream()["profile"]["digest"] == after["profile"]["digest"]


def test_an_answer_from_another_profile_makes_its_window_undecided(make_profile, sample_rows, policy):
    profile = make_profile()
    digest = json.loads(profile.read_text())["digest"]
    rows = sample_rows(200, seed=3)
    with running_detector(profile, "--policy", policy) as detector:
        detector.send("1", v2_request(rows, 0, 50))
        detector.send("1", v2_response(50, digest="sha256:" + "0" * 64), "response")
        detector.send("2", v2_request(rows, 50, 100))
        detector.send("2", v2_response(50, digest=digest), "response")
        detector.send("3", v2_request(rows, 100, 200))
        detector.until(lambda view: view["sequence"] == 2)
        assert [(window["verdict"], window["reason"]) for window in detector.history()] == [
            ("undecided", "profile_mismatch"),
            ("clear", None),
        ]


def test_before_the_engine_is_loaded_it_is_alive_and_not_ready(make_profile, sample_rows, policy):
    with running_detector(make_profile(), "--policy", policy, wait=False) as detector:
        answer = detector.client.get("/readyz")
        assert answer.status_code == 503
        assert "not loaded" in answer.json()["error"]
        assert detector.client.get("/healthz").status_code == 200
        assert detector.send("1", v2_request(sample_rows(100, seed=1))).status_code == 202
        detector.until(lambda view: view["sequence"] == 1)
        assert detector.client.get("/readyz").status_code == 200


def test_a_stop_flushes_the_recording_whose_replay_gives_the_same_windows(make_profile, sample_rows, policy, tmp_path):
    recording = tmp_path / "recording.jsonl"
    rows = sample_rows(1000, seed=5, age_shift=1.0)
    with running_detector(make_profile(), "--policy", policy, "--record", recording) as detector:
        for number in range(40):
            detector.send(f"{number}", v2_request(rows, number * 20, number * 20 + 20))
        detector.until(lambda view: view["sequence"] == 8)
        live = detector.history()
        for number in range(40, 49):
            detector.send(f"{number}", v2_request(rows, number * 20, number * 20 + 20))
        assert detector.stop() == 0
    assert recording.read_bytes().count(b"inference.request") == 49
    replayed = subprocess.run([PROGRAM, "replay", recording, "--json"], capture_output=True, text=True, check=True)
    document = json.loads(replayed.stdout)
    assert document["windows"][:8] == live
    assert (len(document["windows"]), document["unfinished_rows"]) == (9, 80)


def fails(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


def test_a_port_in_use_gives_one_clear_line(make_profile):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = fails(
            "serve", "--profile", make_profile(), "--stream", "s", "--inference-service", "i", "--port", port
        )
    assert code == 1
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


def test_bad_input_gives_one_clear_line_and_another_exit_code(make_profile, tmp_path):
    serve = ("serve", "--stream", "s", "--inference-service", "i", "--port", 0)
    code, line = fails(*serve, "--profile", tmp_path / "missing.json")
    assert code == 2
    assert "missing.json: cannot be read" in line
    policy = tmp_path / "policy.yaml"
    policy.write_text("windowsize: 5")
    code, line = fails(*serve, "--profile", make_profile(), "--policy", policy)
    assert code == 2
    assert "windowsize" in line
    code, line = fails(*serve, "--profile", make_profile(), "--record", tmp_path / "no" / "such.jsonl")
    assert code == 1
    assert "--record" in line
