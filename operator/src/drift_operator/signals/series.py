"""From the detector's series to a reading, however the series were fetched."""

import math
from collections.abc import Iterable, Mapping

from prometheus_client.samples import Sample

from drift_operator.breaker.evidence import SignalReading, Window
from drift_operator.resource.vocabulary import Streak, Verdict
from drift_operator.signals.base import SignalError, whole_number

SEQUENCE = "drift_window_sequence"
STREAK = "drift_streak"
VERDICT = "drift_verdict"
WINDOW_TIME = "drift_last_window_timestamp_seconds"
EVENTS = "drift_events_total"
PROFILE = "drift_profile_info"
NAMES = (SEQUENCE, STREAK, VERDICT, WINDOW_TIME, EVENTS, PROFILE)
"""All series that a reading is made of."""

NAMESPACE_LABEL = "isvc_namespace"
STREAM_LABEL = "stream"
_MANY = 5


class StreamSeries:
    """The series of one stream.

    Args:
        samples: Samples, of other streams and metrics too.
        stream: Name of the stream.
        namespace: Value of its label `isvc_namespace`.
        source: Where they come from, for errors.
    """

    def __init__(self, samples: Iterable[Sample], *, stream: str, namespace: str, source: str) -> None:
        known = [sample for sample in samples if sample.name in NAMES]
        self._own = [
            sample
            for sample in known
            if sample.labels.get(STREAM_LABEL) == stream and sample.labels.get(NAMESPACE_LABEL) == namespace
        ]
        self._called = f"of stream {stream!r} in namespace {namespace!r}"
        self._source = source
        if not self._own:
            others = {
                f"{sample.labels.get(NAMESPACE_LABEL)}/{sample.labels.get(STREAM_LABEL)}"
                for sample in known
                if sample.labels.get(STREAM_LABEL)
            }
            has = f"it has {', '.join(sorted(others))}" if others else "it has no stream at all"
            raise SignalError(f"{source} has no series {self._called}; {has}")

    def _select(self, name: str, labels: Mapping[str, str]) -> list[Sample]:
        return [
            sample
            for sample in self._own
            if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items())
        ]

    def at_most_one(self, name: str, **labels: str) -> Sample | None:
        """The one series of that name and those labels, or None.

        Raises:
            SignalError: There are several, or its value is not finite.
        """
        found = self._select(name, labels)
        if not found:
            return None
        asked = f"{name}{labels or ''} {self._called}"
        if len(found) > 1:
            raise SignalError(
                f"{self._source} has {len(found)} series {asked}, expected one: "
                f"{describe(sample.labels for sample in found)}"
            )
        if not math.isfinite(found[0].value):
            raise SignalError(f"{self._source}: {asked} is {found[0].value}")
        return found[0]

    def exactly_one(self, name: str, **labels: str) -> float:
        """The value of the one series of that name and those labels.

        Raises:
            SignalError: There is none, or several, or its value is not finite.
        """
        sample = self.at_most_one(name, **labels)
        if sample is None:
            raise SignalError(f"{self._source} has no series {name}{labels or ''} {self._called}")
        return float(sample.value)

    def total(self, name: str, *, without: Mapping[str, str]) -> float | None:
        """The sum of all series of that name, those with certain labels aside; None when there are none."""
        values = [
            sample.value
            for sample in self._select(name, {})
            if not any(sample.labels.get(key) == value for key, value in without.items())
        ]
        return math.fsum(values) if values and all(map(math.isfinite, values)) else None


def describe(label_sets: Iterable[Mapping[str, str]]) -> str:
    """Label sets as PromQL writes them, the first few of many."""
    texts = [
        "{" + ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}" for labels in label_sets
    ]
    return ", ".join(texts[:_MANY]) + (f" and {len(texts) - _MANY} more" if len(texts) > _MANY else "")


def reading(series: StreamSeries) -> SignalReading:
    """Make a reading of a stream's series.

    Raises:
        SignalError: A series that it takes is missing, doubled or no number of its kind.
    """
    sequence = whole_number(series.exactly_one(SEQUENCE), SEQUENCE)
    window_time = series.at_most_one(WINDOW_TIME)
    verdicts = [verdict for verdict in Verdict if series.exactly_one(VERDICT, verdict=verdict.value) == 1]
    if len(verdicts) > 1:
        raise SignalError(f"{VERDICT} is 1 for {' and '.join(verdicts)} at once")
    profile = series.at_most_one(PROFILE)
    return SignalReading(
        window=Window(sequence=sequence, time=window_time.value if window_time else None) if sequence else None,
        verdict=verdicts[0] if verdicts else None,
        streak=Streak(
            drift=whole_number(series.exactly_one(STREAK, verdict=Verdict.DRIFT.value), STREAK),
            clear=whole_number(series.exactly_one(STREAK, verdict=Verdict.CLEAR.value), STREAK),
        ),
        profile_digest=profile.labels.get("digest") if profile else None,
        # Probes are events that the detector ignores: they show nothing of the stream's own requests.
        events=series.total(EVENTS, without={"outcome": "ignored"}),
    )
