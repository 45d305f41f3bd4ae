"""Metrics in Prometheus' text format, read from the streams' snapshots when they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from drift_detectors.evidence import Check, CheckFactory, FeatureEvidence
from drift_detectors.ledger import Ledger
from drift_detectors.policy import Policy
from drift_detectors.profiles import Profile
from drift_detectors.service.queue import IntakeQueue
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Snapshot, Stream, StreamName
from drift_detectors.verdict import Verdict
from drift_detectors.windows import WindowRows

_LABELS = ("isvc_namespace", "stream")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class DriftCollector(Collector):
    """Collects the metrics of one stream and of the intake.

    Args:
        stream: the stream.
        unassigned: counts of events that belong to no stream; their labels are empty.
        queue: the intake's queue.
        worker: what works on it.
    """

    def __init__(self, stream: Stream, unassigned: Ledger, queue: IntakeQueue, worker: Worker) -> None:
        self._stream = stream
        self._unassigned = unassigned
        self._queue = queue
        self._worker = worker

    def collect(self) -> Iterable[Metric]:
        """All metrics, from one consistent snapshot."""
        snapshot = self._stream.snapshot()
        yield from _event_metrics(snapshot, self._unassigned)
        yield from _window_metrics(snapshot)
        yield from _feature_metrics(snapshot)
        labels = [snapshot.name.namespace, snapshot.name.stream]
        for name, text, value in (
            ("drift_intake_queue_events", "Events that wait for the worker.", len(self._queue)),
            ("drift_intake_queue_bytes", "Bytes of payload that wait for the worker.", self._queue.size),
            (
                "drift_profile_reload_failed",
                "1 when the profile file changed and could not be loaded.",
                self._worker.profile_reload_failed,
            ),
            ("drift_recording_failed", "1 when the recording had to stop.", self._worker.recording_failed),
        ):
            yield _gauge(name, text, labels, float(value))


def new_registry() -> CollectorRegistry:
    """A registry with the process's own figures (memory, CPU time, open files)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def timed(prepare: CheckFactory, name: StreamName, registry: CollectorRegistry) -> Callable[[Profile, Policy], Check]:
    """Wraps a factory of checks so that every check's duration is observed."""
    duration = Histogram(
        "drift_check_duration_seconds",
        "Duration of the check of one window.",
        _LABELS,
        buckets=_BUCKETS,
        registry=registry,
    ).labels(name.namespace, name.stream)

    def prepare_timed(profile: Profile, policy: Policy) -> Check:
        check = prepare(profile, policy)

        def check_timed(rows: WindowRows) -> Sequence[FeatureEvidence]:
            with duration.time():
                return check(rows)

        return check_timed

    return prepare_timed


def _gauge(name: str, text: str, labels: list[str], value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=_LABELS)
    if value is not None:
        family.add_metric(labels, value)
    return family


def _event_metrics(snapshot: Snapshot, unassigned: Ledger) -> Iterator[Metric]:
    own = [snapshot.name.namespace, snapshot.name.stream]
    events = CounterMetricFamily(
        "drift_events", "Events by type and by what became of them.", labels=(*_LABELS, "type", "outcome")
    )
    reasons = CounterMetricFamily(
        "drift_events_rejected", "Rejected events by type and reason.", labels=(*_LABELS, "type", "reason")
    )
    for labels, counts, rejected in (
        (own, snapshot.events, snapshot.reasons),
        (["", ""], unassigned.events(), unassigned.reasons()),
    ):
        for kind, outcomes in counts.items():
            for outcome, count in outcomes.items():
                events.add_metric([*labels, kind, outcome], count)
        for (kind, reason), count in rejected.items():
            reasons.add_metric([*labels, kind, reason], count)
    yield events
    yield reasons
    rows = CounterMetricFamily(
        "drift_rows", "Rows of request events by what became of them.", labels=(*_LABELS, "outcome")
    )
    rows.add_metric([*own, "accepted"], snapshot.rows.accepted)
    rows.add_metric([*own, "rejected"], snapshot.rows.rejected)
    yield rows
    discarded = CounterMetricFamily(
        "drift_rows_discarded",
        "Accepted rows whose window was given up unfinished because the profile changed.",
        labels=_LABELS,
    )
    discarded.add_metric(own, snapshot.rows.discarded)
    yield discarded


def _window_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    labels = [snapshot.name.namespace, snapshot.name.stream]
    newest = snapshot.newest
    for name, text, value in (
        ("drift_window_rows", "Rows in the window that is filling.", snapshot.filling),
        ("drift_window_size", "Rows of a full window.", snapshot.policy.window_size),
        ("drift_window_sequence", "Closed windows so far; never goes back.", snapshot.state.sequence),
        (
            "drift_last_window_timestamp_seconds",
            "Arrival of the event that closed the newest window.",
            newest.timestamp if newest else None,
        ),
        ("drift_last_event_timestamp_seconds", "Arrival of the newest accepted event.", snapshot.last_event),
        (
            "drift_fallback_rows_ratio",
            "Share of the newest window's worth of answered rows that the rules answered.",
            snapshot.fallback_rows_ratio,
        ),
    ):
        yield _gauge(name, text, labels, value)
    windows = CounterMetricFamily("drift_windows", "Closed windows by verdict.", labels=(*_LABELS, "verdict"))
    verdict = GaugeMetricFamily(
        "drift_verdict",
        "1 for the verdict of the newest window under the profile in force, 0 for the others.",
        labels=(*_LABELS, "verdict"),
    )
    for kind in Verdict:
        windows.add_metric([*labels, kind], snapshot.windows[kind])
        verdict.add_metric([*labels, kind], float(newest is not None and newest.decision.verdict is kind))
    yield windows
    yield verdict
    streak = GaugeMetricFamily(
        "drift_streak", "Windows in a row, up to the newest, with this verdict.", labels=(*_LABELS, "verdict")
    )
    streak.add_metric([*labels, Verdict.DRIFT], snapshot.state.streak.drift)
    streak.add_metric([*labels, Verdict.CLEAR], snapshot.state.streak.clear)
    yield streak
    profile = GaugeMetricFamily("drift_profile_info", "The profile in force.", labels=(*_LABELS, "digest"))
    profile.add_metric([*labels, snapshot.profile.digest], 1)
    yield profile


def _feature_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    labels = [snapshot.name.namespace, snapshot.name.stream]
    families = [
        GaugeMetricFamily(name, text, labels=(*_LABELS, "feature"))
        for name, text in (
            ("drift_feature_p_value", "P-value of the newest window, before correction."),
            ("drift_feature_adjusted_p_value", "P-value after correction for the number of features."),
            ("drift_feature_effect", "Effect size of the newest window."),
            ("drift_feature_drifted", "1 when k of the last n decided windows flagged the feature."),
        )
    ]
    if snapshot.newest is not None:
        drifted = snapshot.newest.decision.drifted
        for evidence in snapshot.newest.features:
            name = evidence.feature.name
            figures = (evidence.p_value, evidence.adjusted_p_value, evidence.effect, float(name in drifted))
            for family, value in zip(families, figures, strict=True):
                family.add_metric([*labels, name], value)
    yield from families
