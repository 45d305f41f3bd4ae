"""The drift signal: read from the detector itself or from Prometheus, into one form."""

import httpx

from drift_operator.resource.signal import Signal
from drift_operator.signals.base import SignalError, SignalSource
from drift_operator.signals.detector import DetectorSignal
from drift_operator.signals.prometheus import PrometheusQueries, PrometheusStream

__all__ = ["SignalError", "SignalSource", "signal_source"]


def signal_source(signal: Signal, namespace: str, client: httpx.AsyncClient) -> SignalSource:
    """The source that a spec's signal names.

    Args:
        signal: The spec's signal.
        namespace: The resource's namespace, which is the stream's.
        client: Used for all requests; its time limits are kept.
    """
    if signal.detector is not None:
        return DetectorSignal(client, signal.detector.url, stream=signal.stream or "", namespace=namespace)
    url = signal.prometheus.url if signal.prometheus is not None else ""
    if signal.query is not None:
        return PrometheusQueries(client, url, signal.query)
    return PrometheusStream(client, url, stream=signal.stream or "", namespace=namespace)
