"""The worker's thread: nothing that one event or the disk does may stop it, and nothing is counted twice."""

import json
import threading

import pytest

from drift_detectors.admission import Admission
from drift_detectors.events.envelope import Envelope
from drift_detectors.events.outcomes import EventType, Reason
from drift_detectors.policy import Policy
from drift_detectors.profile_file import ProfileFile
from drift_detectors.recording import Recorder, Session
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Stream, StreamName

NAME = StreamName("risk", "default", ("risk",))


def event(number, body, *, event_id=None):
    attributes = {
        "specversion": "1.0",
        "id": event_id or str(number),
        "source": "/agent",
        "type": "org.kubeflow.serving.inference.request",
        "namespace": "default",
        "inferenceservicename": "risk",
    }
    return QueuedEvent(Envelope(attributes), body, float(number))


def request(rows):
    datatypes = {"age": "FP64", "miles": "FP64", "training": "INT64", "region": "BYTES"}
    inputs = [
        {"name": name, "shape": [len(column)], "datatype": datatypes[name], "data": column}
        for name, column in rows.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


class Bench:
    """A worker with its stream and queue; ``gate`` holds back every check until it is set."""

    def __init__(self, path, *, recorder=None, broken_engine=False):
        self.gate = threading.Event()
        self.gate.set()
        self.failed = threading.Event()
        self.file = ProfileFile(path)

        def prepare(profile, policy):
            if broken_engine:
                raise ImportError("no engine")

            def check(rows):
                assert self.gate.wait(30)
                return []

            return check

        policy = Policy(window_size=10, minimum_rows=5)
        self.stream = Stream(NAME, self.file.profile, policy, prepare, history=9, on_window=lambda _window: None)
        self.queue = IntakeQueue(events=100, size=1_000_000)
        self.worker = Worker(
            self.stream,
            self.queue,
            Admission(100),
            self.file,
            recorder,
            poll_seconds=0.05,
            on_failure=self.failed.set,
        )

    def counts(self):
        counts = self.stream.snapshot().events[EventType.REQUEST]
        return {str(outcome): count for outcome, count in counts.items() if count}


@pytest.fixture
def profile_path(make_profile):
    return make_profile(rows=60)


def test_everything_queued_is_finished_at_the_end(profile_path, sample_rows):
    bench = Bench(profile_path)
    for number in range(30):
        assert bench.queue.offer(event(number, request(sample_rows(2, seed=number))))
    bench.queue.offer(event(0, request(sample_rows(2, seed=0))))
    bench.queue.offer(event(31, b""))
    bench.queue.offer(event(32, b"{"))
    bench.queue.offer(event(33, b"{}", event_id="driftbreaker-probe-1"))
    bench.worker.start()
    assert bench.worker.stop(20) == 0
    assert bench.counts() == {"accepted": 30, "duplicate": 1, "ignored": 2, "rejected": 1}
    assert bench.stream.snapshot().state.sequence == 6


def test_a_defect_of_ours_costs_its_own_event_only(profile_path, sample_rows, monkeypatch, caplog):
    bench = Bench(profile_path)
    process = bench.stream.process

    def failing(kind, body, received):
        if received == 1.0:
            raise ZeroDivisionError
        return process(kind, body, received)

    monkeypatch.setattr(bench.stream, "process", failing)
    for number in range(3):
        bench.queue.offer(event(number, request(sample_rows(2, seed=number))))
    bench.worker.start()
    bench.worker.stop(20)
    assert bench.counts() == {"accepted": 2, "rejected": 1}
    assert bench.stream.snapshot().reasons == {(EventType.REQUEST, Reason.INTERNAL_ERROR): 1}
    assert "could not be processed" in caplog.text


def test_a_stuck_check_does_not_keep_the_process_from_ending(profile_path, sample_rows):
    bench = Bench(profile_path)
    bench.worker.start()
    while not bench.worker.is_ready:
        pass
    bench.gate.clear()
    for number in range(5):
        bench.queue.offer(event(number, request(sample_rows(10, seed=number))))
    assert bench.worker.stop(0.2) == 4
    bench.gate.set()
    bench.worker.join(10)
    assert not bench.worker.is_alive()


def test_an_engine_that_cannot_be_loaded_is_said_and_never_ready(profile_path, caplog):
    bench = Bench(profile_path, broken_engine=True)
    bench.worker.start()
    bench.worker.join(10)
    assert bench.failed.is_set()
    assert not bench.worker.is_ready
    assert "no engine" in caplog.text


def test_a_broken_profile_file_leaves_the_old_one_in_force(profile_path, make_profile, tmp_path):
    recording = tmp_path / "recording.jsonl"
    recorder = Recorder(recording)
    bench = Bench(profile_path, recorder=recorder)
    recorder.start(Session(NAME, Policy()), bench.file.profile, 1.0)
    old = bench.stream.profile.digest
    bench.worker.start()
    profile_path.write_text("{")
    wait_for(lambda: bench.worker.profile_reload_failed)
    assert bench.stream.profile.digest == old
    make_profile(rows=60, seed=99)
    wait_for(lambda: bench.stream.profile.digest != old)
    bench.worker.stop(10)
    assert not bench.worker.profile_reload_failed
    assert bench.stream.profile.digest in recording.read_text()


def wait_for(holds):
    pause = threading.Event()
    for _ in range(500):
        if holds():
            return
        pause.wait(0.02)
    pytest.fail("did not happen in time")
