"""Where the drift signal is read and when it counts as lost."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from drift_operator.resource.base import ResourceModel
from drift_operator.resource.durations import PositiveDuration

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$", max_length=2048)]
PromQL = Annotated[str, Field(min_length=1, max_length=4096)]


class PrometheusSource(ResourceModel):
    """A Prometheus server (or anything that answers its HTTP API)."""

    url: HttpUrl
    """Base address, for example `http://prometheus.monitoring:9090`."""


class DetectorSource(ResourceModel):
    """A drift detector that is read directly, without Prometheus."""

    url: HttpUrl
    """Base address of the detector; its `/metrics` is read."""


class SignalQuery(ResourceModel):
    """PromQL of one's own in place of the three default queries. Each must give exactly one series."""

    drift: PromQL
    """Number of windows in a row, up to the newest, whose verdict was drift."""
    clear: PromQL
    """Number of windows in a row, up to the newest, whose verdict was clear."""
    timestamp: PromQL
    """When the newest window closed, in Unix seconds; a new value is a new window."""


class Signal(ResourceModel):
    """The drift signal of one stream."""

    prometheus: PrometheusSource | None = None
    """Read the detector's metrics from Prometheus."""
    detector: DetectorSource | None = None
    """Read the detector's metrics from the detector."""
    stream: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of the stream; the label `isvc_namespace` is the resource's namespace."""
    query: SignalQuery | None = None
    """PromQL of one's own; only with `prometheus`."""
    interval: PositiveDuration = 15.0
    """How often the signal is read."""
    stale_after: PositiveDuration = 120.0
    """The signal is lost when it was unreadable for so long, or when requests were served for so long without one
    event reaching the detector. A stream without requests is idle, not lost."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) == (self.detector is None):
            raise ValueError("write either prometheus: {url: ...} or detector: {url: ...}, not both")
        if (self.stream is None) == (self.query is None):
            raise ValueError("write either stream: NAME or query: {drift: ..., clear: ..., timestamp: ...}, not both")
        if self.query is not None and self.detector is not None:
            raise ValueError("query needs prometheus; with detector write stream: NAME")
        if self.stale_after < self.interval:
            raise ValueError("staleAfter is shorter than interval; write at least the interval, better several")
        return self
