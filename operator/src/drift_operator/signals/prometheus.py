"""The signal from Prometheus' HTTP API: a stream's own series, or three queries of the user's."""

import json
import math
from typing import Any

import httpx
from prometheus_client.samples import Sample

from drift_operator.breaker.evidence import SignalReading, Window
from drift_operator.resource.signal import SignalQuery
from drift_operator.resource.vocabulary import Streak, Verdict
from drift_operator.signals.base import SignalError, excerpt, fetch, whole_number
from drift_operator.signals.series import NAMES, NAMESPACE_LABEL, STREAM_LABEL, StreamSeries, describe, reading


class PrometheusApi:
    """Instant queries.

    Args:
        client: Used for the requests.
        url: Base address of the server, with the path prefix if it has one.
    """

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self.url = f"{url.rstrip('/')}/api/v1/query"

    async def query(self, promql: str, *, time: float | None = None) -> tuple[list[Sample], float | None]:
        """Evaluate PromQL at one instant.

        Args:
            promql: The query.
            time: The instant in Unix seconds; the server's present when left out.

        Returns:
            The series, and the instant at which the server evaluated (None when there are no series).

        Raises:
            SignalError: No answer, or the server refused the query.
        """
        parameters = {"query": promql} | ({"time": f"{time:.3f}"} if time is not None else {})
        response = await fetch(self._client, self.url, parameters=parameters, accept="application/json")
        try:
            body: dict[str, Any] = response.json()
            if body["status"] != "success":
                raise SignalError(f"{self.url} refused {promql}: {body.get('errorType')}: {body.get('error')}")
            return _series(body["data"], promql)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise SignalError(
                f"{self.url} answered {response.status_code} with something that is not Prometheus' API: "
                f"{excerpt(response.text)!r}"
            ) from error


def _series(data: dict[str, Any], promql: str) -> tuple[list[Sample], float | None]:
    match data["resultType"]:
        case "vector":
            vector = data["result"]
        case "scalar":
            vector = [{"metric": {}, "value": data["result"]}]
        case kind:
            raise SignalError(f"{promql} gives a {kind}; write a query that gives one series with one value")
    samples = []
    instant = None
    for series in vector:
        labels = dict(series["metric"])
        instant = float(series["value"][0])
        samples.append(Sample(labels.pop("__name__", ""), labels, float(series["value"][1])))
    return samples, instant


class PrometheusStream:
    """The series of one stream, all from one query, so that they are of one moment.

    Args:
        client: Used for the requests.
        url: Base address of Prometheus.
        stream: Name of the stream.
        namespace: Namespace of the stream.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, *, stream: str, namespace: str) -> None:
        self._api = PrometheusApi(client, url)
        self._stream = stream
        self._namespace = namespace
        self.promql = (
            f'{{__name__=~"{"|".join(NAMES)}",'
            f"{NAMESPACE_LABEL}={json.dumps(namespace)},{STREAM_LABEL}={json.dumps(stream)}}}"
        )

    async def read(self) -> SignalReading:
        """Read the stream's series.

        Raises:
            SignalError: No answer, no series of the stream, or one that is doubled.
        """
        samples, _ = await self._api.query(self.promql)
        return reading(StreamSeries(samples, stream=self._stream, namespace=self._namespace, source=self._api.url))


class PrometheusQueries:
    """Three queries of the user's, evaluated at one instant.

    The verdict is drift while the drift streak is above zero and clear while the clear streak is; with both at zero
    the newest window says neither, which moves no traffic, and counts as undecided.

    Args:
        client: Used for the requests.
        url: Base address of Prometheus.
        queries: The three queries.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, queries: SignalQuery) -> None:
        self._api = PrometheusApi(client, url)
        self._queries = queries

    async def read(self) -> SignalReading:
        """Evaluate the queries.

        Raises:
            SignalError: No answer, or a query that did not give exactly one series.
        """
        drift, instant = await self._one("drift", self._queries.drift, None)
        clear, _ = await self._one("clear", self._queries.clear, instant)
        timestamp, _ = await self._one("timestamp", self._queries.timestamp, instant)
        streak = Streak(drift=whole_number(drift, "query.drift"), clear=whole_number(clear, "query.clear"))
        if streak.drift and streak.clear:
            raise SignalError(
                f"query.drift gives {streak.drift} and query.clear gives {streak.clear}; the newest window cannot be "
                "both, so at least one of them must give 0"
            )
        verdict = Verdict.DRIFT if streak.drift else Verdict.CLEAR if streak.clear else Verdict.UNDECIDED
        return SignalReading(window=Window(sequence=None, time=timestamp), verdict=verdict, streak=streak)

    async def _one(self, name: str, promql: str, instant: float | None) -> tuple[float, float | None]:
        samples, evaluated = await self._api.query(promql, time=instant)
        if len(samples) != 1:
            which = f": {describe(sample.labels for sample in samples)}" if samples else ""
            raise SignalError(
                f"query.{name} gives {len(samples) or 'no'} series, expected exactly one{which} ({promql})"
            )
        value = float(samples[0].value)
        if not math.isfinite(value):
            raise SignalError(f"query.{name} gives {value} ({promql})")
        return value, evaluated
