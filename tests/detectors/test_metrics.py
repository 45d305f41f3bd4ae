"""Metrics: the names and labels that operators and dashboards rely on, with true values."""

import pytest
from detector_service import attributes, v2_request, v2_response
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from drift_detectors.checks import WindowChecker
from drift_detectors.events.envelope import Envelope
from drift_detectors.events.outcomes import EventType, Outcome, Reason
from drift_detectors.ledger import Ledger
from drift_detectors.policy import Policy
from drift_detectors.profile_file import ProfileFile
from drift_detectors.service.metrics import DriftCollector, new_registry, timed
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Stream, StreamName

NAME = StreamName("insurance-risk", "default", ("insurance-risk",))
POLICY = Policy(window_size=100, minimum_rows=50, drift_when_flagged_in=2, of_last_windows=3)
FEATURES = {"age", "miles", "training", "region"}

# Name of the sample: its type and its labels beside isvc_namespace and stream.
SURFACE = {
    "drift_events_total": ("counter", {"type", "outcome"}),
    "drift_rows_total": ("counter", {"outcome"}),
    "drift_window_rows": ("gauge", set()),
    "drift_window_size": ("gauge", set()),
    "drift_windows_total": ("counter", {"verdict"}),
    "drift_verdict": ("gauge", {"verdict"}),
    "drift_window_sequence": ("gauge", set()),
    "drift_streak": ("gauge", {"verdict"}),
    "drift_feature_p_value": ("gauge", {"feature"}),
    "drift_feature_effect": ("gauge", {"feature"}),
    "drift_feature_drifted": ("gauge", {"feature"}),
    "drift_last_window_timestamp_seconds": ("gauge", set()),
    "drift_last_event_timestamp_seconds": ("gauge", set()),
    "drift_check_duration_seconds_count": ("histogram", set()),
    "drift_check_duration_seconds_sum": ("histogram", set()),
    "drift_check_duration_seconds_bucket": ("histogram", {"le"}),
    "drift_fallback_rows_ratio": ("gauge", set()),
    "drift_profile_info": ("gauge", {"digest"}),
    "drift_intake_queue_events": ("gauge", set()),
    "drift_intake_queue_bytes": ("gauge", set()),
    "drift_profile_reload_failed": ("gauge", set()),
    "drift_recording_failed": ("gauge", set()),
}


class Scraped:
    """A stream whose registry is scraped in the text format, as Prometheus does."""

    def __init__(self, profile_path):
        profile_file = ProfileFile(profile_path)
        self.registry = new_registry()
        self.stream = Stream(
            NAME,
            profile_file.profile,
            POLICY,
            timed(WindowChecker, NAME, self.registry),
            history=10,
            on_window=lambda _window: None,
        )
        self.unassigned = Ledger()
        self.queue = IntakeQueue(events=10, size=1000)
        self.worker = Worker(
            self.stream, self.queue, None, profile_file, None, poll_seconds=60.0, on_failure=lambda: None
        )
        self.registry.register(DriftCollector(self.stream, self.unassigned, self.queue, self.worker))

    def families(self):
        return list(text_string_to_metric_families(generate_latest(self.registry).decode()))

    def samples(self, name):
        return [sample for family in self.families() for sample in family.samples if sample.name == name]

    def by(self, name, label):
        return {sample.labels[label]: sample.value for sample in self.samples(name)}

    def value(self, name, **labels):
        (sample,) = [sample for sample in self.samples(name) if labels.items() <= sample.labels.items()]
        return sample.value


@pytest.fixture
def scraped(make_profile):
    return Scraped(make_profile())


@pytest.fixture
def drifting(scraped, sample_rows):
    rows = sample_rows(450, seed=1, age_shift=1.5)
    scraped.stream.process(EventType.REQUEST, v2_request(rows, 0, 400), 1000.5)
    scraped.stream.process(EventType.RESPONSE, v2_response(30, served_by="rules"), 1001.0)
    scraped.stream.process(EventType.RESPONSE, v2_response(10), 1001.0)
    scraped.stream.process(EventType.REQUEST, v2_request(rows, 400, 450), 1002.25)
    scraped.stream.process(EventType.REQUEST, b"broken", 1003.0)
    return scraped


@pytest.mark.parametrize("name", SURFACE)
def test_the_surface_keeps_its_names_types_and_labels(drifting, name):
    kind, labels = SURFACE[name]
    (family,) = [family for family in drifting.families() if any(sample.name == name for sample in family.samples)]
    assert family.type == kind
    assert family.documentation
    for sample in family.samples:
        if sample.name == name:
            assert set(sample.labels) == {"isvc_namespace", "stream"} | labels
    own = {(sample.labels["isvc_namespace"], sample.labels["stream"]) for sample in drifting.samples(name)}
    assert ("default", "insurance-risk") in own
    assert own <= {("default", "insurance-risk"), ("", "")}


def test_before_any_event_there_is_no_verdict_and_no_time(scraped):
    assert scraped.by("drift_verdict", "verdict") == dict.fromkeys(("drift", "suspect", "clear", "undecided"), 0)
    assert scraped.value("drift_window_sequence") == 0
    for name in (
        "drift_last_window_timestamp_seconds",
        "drift_last_event_timestamp_seconds",
        "drift_fallback_rows_ratio",
        "drift_feature_p_value",
    ):
        assert scraped.samples(name) == []


def test_values_are_those_of_the_stream(drifting):
    assert drifting.by("drift_verdict", "verdict") == {"drift": 1, "suspect": 0, "clear": 0, "undecided": 0}
    assert drifting.by("drift_windows_total", "verdict") == {"drift": 3, "suspect": 1, "clear": 0, "undecided": 0}
    assert drifting.by("drift_streak", "verdict") == {"drift": 3, "clear": 0}
    assert drifting.value("drift_window_sequence") == 4
    assert (drifting.value("drift_window_rows"), drifting.value("drift_window_size")) == (50, 100)
    assert drifting.value("drift_last_window_timestamp_seconds") == 1000.5
    assert drifting.value("drift_last_event_timestamp_seconds") == 1002.25
    assert drifting.value("drift_fallback_rows_ratio") == 0.75
    assert drifting.value("drift_check_duration_seconds_count") == 4
    assert drifting.by("drift_profile_info", "digest") == {drifting.stream.profile.digest: 1}
    assert drifting.by("drift_rows_total", "outcome") == {"accepted": 450, "rejected": 0}


def test_every_feature_has_its_figures(drifting):
    evidence = {part.feature.name: part for part in drifting.stream.snapshot().newest.features}
    assert set(evidence) == FEATURES
    assert drifting.by("drift_feature_effect", "feature") == {name: part.effect for name, part in evidence.items()}
    assert drifting.by("drift_feature_p_value", "feature") == {name: part.p_value for name, part in evidence.items()}
    assert drifting.by("drift_feature_drifted", "feature") == {name: float(name == "age") for name in FEATURES}


def test_every_type_and_outcome_is_there_from_the_start(scraped):
    pairs = {
        (sample.labels["type"], sample.labels["outcome"])
        for sample in scraped.samples("drift_events_total")
        if sample.labels["stream"] == "insurance-risk"
    }
    assert pairs == {(str(kind), str(outcome)) for kind in EventType for outcome in Outcome}


def test_events_are_counted_by_outcome_and_rejections_by_reason(drifting):
    own = {"stream": "insurance-risk"}
    assert drifting.value("drift_events_total", **own, type="request", outcome="accepted") == 2
    assert drifting.value("drift_events_total", **own, type="response", outcome="accepted") == 2
    assert drifting.value("drift_events_total", **own, type="request", outcome="rejected") == 1
    assert drifting.value("drift_events_rejected_total", **own, type="request", reason="not_json") == 1


def test_events_of_no_stream_have_empty_labels(scraped):
    scraped.unassigned.reject(EventType.UNKNOWN, Reason.MALFORMED_ENVELOPE)
    none = {"isvc_namespace": "", "stream": ""}
    assert scraped.value("drift_events_total", **none, type="unknown", outcome="rejected") == 1
    assert scraped.value("drift_events_rejected_total", **none, reason="malformed_envelope") == 1


def test_another_profile_takes_the_old_verdict_away_and_keeps_what_counts_up(drifting, make_profile, tmp_path):
    other = ProfileFile(make_profile(seed=12, path=tmp_path / "other.json")).profile
    drifting.stream.replace_profile(other)
    assert set(drifting.by("drift_verdict", "verdict").values()) == {0}
    assert drifting.by("drift_streak", "verdict") == {"drift": 0, "clear": 0}
    assert drifting.samples("drift_feature_effect") == []
    assert drifting.by("drift_profile_info", "digest") == {other.digest: 1}
    assert drifting.value("drift_window_sequence") == 4
    assert sum(drifting.by("drift_windows_total", "verdict").values()) == 4
    assert drifting.value("drift_rows_discarded_total") == 50


def test_what_waits_in_the_queue_is_seen(scraped):
    scraped.queue.offer(QueuedEvent(Envelope(attributes("1")), b"12345", 0.0))
    assert scraped.value("drift_intake_queue_events") == 1
    assert scraped.value("drift_intake_queue_bytes") == 5


def test_the_process_is_measured_too(scraped):
    assert scraped.value("process_resident_memory_bytes") > 1e6
