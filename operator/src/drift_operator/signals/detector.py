"""The signal from the detector's own `/metrics`, without Prometheus."""

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from drift_operator.breaker.evidence import SignalReading
from drift_operator.signals.base import SignalError, excerpt, fetch
from drift_operator.signals.series import StreamSeries, reading

_TEXT_FORMAT = "text/plain; version=0.0.4"


class DetectorSignal:
    """One stream of a detector.

    Args:
        client: Used for the requests.
        url: Base address of the detector.
        stream: Name of the stream.
        namespace: Namespace of the stream.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, *, stream: str, namespace: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/metrics"
        self._stream = stream
        self._namespace = namespace

    async def read(self) -> SignalReading:
        """Read the stream's series.

        Raises:
            SignalError: No answer, no metrics, or not the stream's.
        """
        response = await fetch(self._client, self._url, accept=_TEXT_FORMAT)
        if response.status_code != httpx.codes.OK:
            raise SignalError(f"{self._url} answered {response.status_code}: {excerpt(response.text)}")
        samples = _parse(response.text, self._url)
        return reading(StreamSeries(samples, stream=self._stream, namespace=self._namespace, source=self._url))


def _parse(text: str, url: str) -> list[Sample]:
    try:
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError) as error:
        raise SignalError(f"{url} is not in Prometheus' text format: {error}") from error
