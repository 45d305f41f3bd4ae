"""Recording: what was written while the service ran gives the same windows when it is replayed."""

import json
import os
import time

import msgspec
import pytest
from detector_service import attributes, v2_request, v2_response

from drift_detectors.admission import Admission
from drift_detectors.checks import WindowChecker
from drift_detectors.events.envelope import Envelope
from drift_detectors.policy import Policy
from drift_detectors.profile_file import ProfileFile
from drift_detectors.profiles import load_profile
from drift_detectors.recording import Recorder, Session
from drift_detectors.replay import ReplayError, replay_recordings
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Stream, StreamName
from drift_detectors.views import view_window

NAME = StreamName("insurance-risk", "default", ("insurance-risk",))
POLICY = Policy(window_size=100, minimum_rows=50, drift_when_flagged_in=2, of_last_windows=3)
START = 1_800_000_000.25


def arrival(number):
    """When the event of this number arrived, rounded to microseconds as the intake does."""
    return round(START + number / 7, 6)


class Live:
    """A worker with its stream and recorder, fed without HTTP."""

    def __init__(self, profile_path, recording):
        self.windows = []
        profile_file = ProfileFile(profile_path)
        self.stream = Stream(
            NAME, profile_file.profile, POLICY, WindowChecker, history=100, on_window=self.windows.append
        )
        self.queue = IntakeQueue(events=1000, size=1 << 26)
        recorder = Recorder(recording)
        recorder.start(Session(NAME, POLICY), profile_file.profile, START)
        self.worker = Worker(
            self.stream, self.queue, Admission(1000), profile_file, recorder, poll_seconds=0.0, on_failure=lambda: None
        )
        self.worker.start()
        self.sent = 0
        self.moment = START

    def send(self, body, kind="request", **members):
        self.sent += 1
        # The service rounds arrivals to the microsecond, which is what a recording holds.
        self.moment = round(START + self.sent / 7, 6)
        event_id = members.pop("event_id", f"{self.sent}-{kind}")
        event = QueuedEvent(Envelope(attributes(event_id, kind, **members)), body, self.moment)
        assert self.queue.offer(event)

    def wait(self, holds):
        deadline = time.monotonic() + 30
        while not holds(self.stream.snapshot()):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def end(self):
        assert self.worker.stop(30.0) == 0
        return views(self.windows, POLICY)


def views(windows, policy):
    return json.loads(msgspec.json.encode([view_window(window, policy) for window in windows]))


def replayed(*recordings, **arguments):
    result = replay_recordings(recordings, **arguments)
    return views(result.windows, result.policy)


@pytest.fixture
def recording(tmp_path):
    return tmp_path / "recording.jsonl"


def test_a_replay_gives_the_live_windows_through_a_change_of_profile(make_profile, sample_rows, recording):
    path = make_profile()
    rows = sample_rows(900, seed=3, age_shift=0.8, region_shares=(0.4, 0.3, 0.3))
    live = Live(path, recording)
    for start in range(0, 390, 30):
        live.send(v2_request(rows, start, start + 30))
        live.send(v2_response(30, digest=None if start else "sha256:other"), "response")
    last_accepted = live.moment
    live.send(b"broken")
    live.send(v2_request(rows), event_id="1-request")
    live.send(v2_request(rows), event_id="driftbreaker-probe-1")
    live.wait(lambda snapshot: snapshot.last_event == last_accepted)
    old = live.stream.profile.digest
    make_profile(seed=12, path=path)
    live.wait(lambda snapshot: snapshot.profile.digest != old)
    for start in range(390, 900, 30):
        live.send(v2_request(rows, start, start + 30))
    windows = live.end()
    assert [window["sequence"] for window in windows] == list(range(1, 9))
    assert windows[0]["reason"] == "profile_mismatch"
    assert len({window["profile_digest"] for window in windows}) == 2
    assert "drift" in {window["verdict"] for window in windows}
    assert live.stream.snapshot().rows.discarded == 90
    assert replayed(recording) == windows
    assert replay_recordings([recording]).unfinished_rows == live.stream.snapshot().filling == 10


def test_only_accepted_events_are_recorded_one_on_a_line(make_profile, sample_rows, recording):
    live = Live(make_profile(), recording)
    live.send(v2_request(sample_rows(5, seed=1)), event_id="kept")
    live.send(v2_request(sample_rows(5, seed=1)), event_id="kept")
    live.send(b"", event_id="empty")
    live.send(b"broken", event_id="broken")
    live.end()
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert [line["type"].rsplit(".", 2)[-2:] for line in lines] == [
        ["session", "started"],
        ["profile", "loaded"],
        ["inference", "request"],
    ]
    assert lines[2]["id"] == "kept"
    assert lines[1]["data"]["digest"] == live.stream.profile.digest


def test_two_sessions_in_one_file_are_two_streams(make_profile, sample_rows, recording):
    windows = []
    for seed in (1, 2):
        live = Live(make_profile(), recording)
        live.send(v2_request(sample_rows(250, seed=seed)))
        windows += live.end()
    assert [window["sequence"] for window in windows] == [1, 2, 1, 2]
    assert replayed(recording) == windows


def test_half_a_line_of_a_killed_process_is_passed_over(make_profile, sample_rows, recording):
    live = Live(make_profile(), recording)
    live.send(v2_request(sample_rows(250, seed=1)))
    windows = live.end()
    with recording.open("ab") as file:
        file.write(b'{"specversion":"1.0","id":"half')
    assert replay_recordings([recording]).torn_lines == 1
    assert replayed(recording) == windows
    again = Live(make_profile(), recording)
    again.send(v2_request(sample_rows(100, seed=2)))
    windows += again.end()
    assert replayed(recording) == windows


def test_damage_inside_a_session_is_named_by_file_and_line(make_profile, sample_rows, recording):
    live = Live(make_profile(), recording)
    live.send(v2_request(sample_rows(10, seed=1)))
    live.send(v2_request(sample_rows(10, seed=2)))
    live.end()
    lines = recording.read_bytes().splitlines(keepends=True)
    recording.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", lines[3]]))
    with pytest.raises(ReplayError, match=r"recording\.jsonl, line 4: .*damaged"):
        replay_recordings([recording])


def test_an_event_before_any_profile_asks_for_one(make_profile, sample_rows, recording):
    live = Live(make_profile(), recording)
    live.send(v2_request(sample_rows(100, seed=1)))
    windows = live.end()
    events = recording.read_bytes().splitlines(keepends=True)[2:]
    recording.write_bytes(b"".join(events))
    with pytest.raises(ReplayError, match="--profile"):
        replay_recordings([recording])
    given = replayed(recording, profile=load_profile(make_profile()), policy=POLICY)
    assert given == windows


def test_another_profile_or_policy_may_judge_the_recorded_rows(make_profile, sample_rows, recording, tmp_path):
    live = Live(make_profile(), recording)
    live.send(v2_request(sample_rows(400, seed=1, age_shift=1.5)))
    assert [window["verdict"] for window in live.end()] == ["suspect", "drift", "drift", "drift"]
    assert len(replayed(recording, policy=Policy(window_size=200, minimum_rows=50))) == 2
    lenient = {"wasserstein": 9.0}
    policy = msgspec.convert({"window_size": 100, "minimum_rows": 50, "effect_thresholds": lenient}, Policy)
    assert {window["verdict"] for window in replayed(recording, policy=policy)} == {"clear"}
    other = load_profile(make_profile(path=tmp_path / "other.json", seed=12))
    assert {window["profile_digest"] for window in replayed(recording, profile=other)} == {other.digest}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_full_disk_ends_the_recording_and_not_the_detection(make_profile, sample_rows, recording):
    live = Live(make_profile(), recording)
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 (a device, not a path of ours)
        os.dup2(full.fileno(), live.worker._recorder._file.fileno())
        for _ in range(60):
            live.send(v2_request(sample_rows(50, seed=1)))
        live.wait(lambda snapshot: snapshot.state.sequence == 30)
        deadline = time.monotonic() + 10
        while not live.worker.recording_failed:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    live.send(v2_request(sample_rows(100, seed=1)))
    assert len(live.end()) == 31
