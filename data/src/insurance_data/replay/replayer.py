"""Sending rows in order: cutting, ids, pace, concurrency, resends and failures; what is sent is left to subclasses."""

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import pandas as pd

from insurance_data import __version__
from insurance_data.errors import InsuranceDataError, SettingsError
from insurance_data.replay.bodies import Answer, AnswerError, Columns, numeric_columns
from insurance_data.replay.exchange import Exchange
from insurance_data.replay.pacing import Pace
from insurance_data.replay.settings import ReplaySettings

FIRST_BACKOFF_SECONDS = 0.1
BUSY_STATUSES = frozenset({429, 502, 503, 504})
"""Statuses of servers and gateways in trouble: another attempt may succeed, but the first may have arrived."""

KEEPALIVE_SECONDS = 2.0
"""Idle connections are dropped before servers do so (uvicorn after 5 s): a request must not meet a closing one."""

REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Batch:
    """The rows of one request."""

    id: str
    first_row: int
    rows: int
    columns: Columns


@dataclass(frozen=True)
class PreparedRequest:
    """What goes over the wire."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Attempt:
    """How one attempt ended."""

    status: int | None = None
    answer: Answer | None = None
    error: str | None = None
    arrived: bool = True
    """False where the request provably never reached the server."""
    worth_repeating: bool = False


class ReplayStoppedError(InsuranceDataError):
    """A replay gave up after too many failures in a row."""

    def __init__(self, message: str, exchanges: list[Exchange]) -> None:
        super().__init__(message)
        self.exchanges = exchanges
        """What was sent before, in the order of the rows."""


class Replayer(ABC):
    """Sends tables as requests; an asynchronous context manager that owns the connections.

    Environment variables for proxies are not honoured: the endpoints are on this machine or in its cluster.

    Args:
        url: the endpoint's address, `http://` or `https://`.
        settings: how to send.
        on_exchange: called with each request's outcome as soon as it is known, interrupted ones included.

    Raises:
        SettingsError: the address is not one.
    """

    def __init__(
        self,
        url: str,
        settings: ReplaySettings | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.settings = settings or ReplaySettings()
        self.url = _checked_url(url)
        self._on_exchange = on_exchange
        self._pace = Pace(self.settings.requests_per_second, self.settings.rows_per_second)
        self._numbers = itertools.count(1)
        self._consecutive_failures = 0
        self._sending = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(self.settings.timeout_seconds),
            limits=httpx.Limits(max_connections=self.settings.concurrency, keepalive_expiry=KEEPALIVE_SECONDS),
            headers={"User-Agent": f"insurance-data/{__version__}", **self.settings.headers},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @abstractmethod
    def prepare(self, batch: Batch) -> PreparedRequest:
        """The request for some rows; it is sent unchanged in every attempt."""

    @abstractmethod
    def read(self, batch: Batch, body: bytes) -> Answer | None:
        """Read the body of an answer with a 2xx status.

        Raises:
            AnswerError: it is not an answer to this request.
        """

    async def send(self, table: pd.DataFrame) -> list[Exchange]:
        """Send the rows of `table` in order and wait for all answers.

        Calls on one replayer follow one another; ids run on from call to call. On cancellation the requests under way
        are reported to `on_exchange` as interrupted.

        Args:
            table: n rows with at least the columns of the settings.

        Returns:
            One exchange per request, in the order of the rows, failed ones included.

        Raises:
            RowsError: the table cannot be sent; nothing was.
            ReplayStoppedError: too many requests in a row have failed.
        """
        if self._client is None:
            raise RuntimeError(f"{type(self).__name__} is used outside of its `async with` block")
        columns = numeric_columns(table, self.settings.columns)
        async with self._sending:
            batches = self._cut(columns, len(table))
            exchanges: list[Exchange] = []
            turn = asyncio.Lock()
            async with asyncio.TaskGroup() as group:
                for _ in range(self.settings.concurrency):
                    group.create_task(self._work(self._client, batches, turn, exchanges))
        exchanges.sort(key=lambda exchange: exchange.first_row)
        if self._gave_up():
            raise ReplayStoppedError(f"stopped after {self._consecutive_failures} failed requests in a row", exchanges)
        return exchanges

    def _cut(self, columns: Columns, rows: int) -> Iterator[Batch]:
        size = self.settings.rows_per_request
        for first in range(0, rows, size):
            part = {name: values[first : first + size] for name, values in columns.items()}
            request_id = f"{self.settings.id_prefix}-{next(self._numbers)}"
            yield Batch(id=request_id, first_row=first, rows=min(size, rows - first), columns=part)

    def _gave_up(self) -> bool:
        limit = self.settings.max_consecutive_failures
        return limit is not None and self._consecutive_failures >= limit

    async def _work(
        self,
        client: httpx.AsyncClient,
        batches: Iterator[Batch],
        turn: asyncio.Lock,
        exchanges: list[Exchange],
    ) -> None:
        """Take batches until there are none or too many have failed.

        The lock is held while a batch waits for its start: batches start in order, and at most one is still waiting
        when the replay gives up.
        """
        while True:
            async with turn:
                batch = None if self._gave_up() else next(batches, None)
                if batch is None:
                    return
                await asyncio.sleep(self._pace.delay_before(time.monotonic(), batch.rows))
            exchange = await self._exchange(client, batch)
            self._consecutive_failures = 0 if exchange.error is None else self._consecutive_failures + 1
            exchanges.append(exchange)
            self._report(exchange)

    def _report(self, exchange: Exchange) -> None:
        if self._on_exchange is not None:
            self._on_exchange(exchange)

    async def _exchange(self, client: httpx.AsyncClient, batch: Batch) -> Exchange:
        """Send one batch, again where that is allowed."""
        request = self.prepare(batch)
        started = time.perf_counter()
        resent_because: list[str] = []

        def finish(attempt: Attempt) -> Exchange:
            answer = attempt.answer
            return Exchange(
                id=batch.id,
                first_row=batch.first_row,
                rows=batch.rows,
                status=attempt.status,
                latency_seconds=time.perf_counter() - started,
                resent_because=tuple(resent_because),
                error=attempt.error,
                classes=answer.classes if answer else None,
                served_by=answer.served_by if answer else None,
                profile_digest=answer.profile_digest if answer else None,
            )

        try:
            while True:
                attempt = await self._attempt(client, batch, request)
                if (
                    attempt.error is None
                    or len(resent_because) == self.settings.retries
                    or not self._may_repeat(attempt)
                ):
                    return finish(attempt)
                await asyncio.sleep(FIRST_BACKOFF_SECONDS * 2 ** len(resent_because))
                resent_because.append(attempt.error)
        except asyncio.CancelledError:
            self._report(finish(Attempt(error="interrupted before the answer; it may have arrived")))
            raise

    def _may_repeat(self, attempt: Attempt) -> bool:
        return attempt.worth_repeating and (not attempt.arrived or self.settings.retry_possibly_processed)

    async def _attempt(self, client: httpx.AsyncClient, batch: Batch, request: PreparedRequest) -> Attempt:
        try:
            response = await client.post(request.url, content=request.body, headers=request.headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Attempt(error=f"no connection: {_reason(error)}", arrived=False, worth_repeating=True)
        except httpx.TimeoutException:
            error_text = f"no answer within {self.settings.timeout_seconds:g} s; it may have arrived"
            return Attempt(error=error_text, worth_repeating=True)
        except httpx.RequestError as error:
            return Attempt(error=f"connection lost: {_reason(error)}; it may have arrived", worth_repeating=True)
        if not response.is_success:
            text = " ".join(response.text.split())[:REASON_CHARACTERS]
            return Attempt(
                status=response.status_code,
                error=f"HTTP {response.status_code}: {text}" if text else f"HTTP {response.status_code}",
                worth_repeating=response.status_code in BUSY_STATUSES,
            )
        try:
            return Attempt(status=response.status_code, answer=self.read(batch, response.content))
        except AnswerError as error:
            return Attempt(status=response.status_code, error=str(error))


def _reason(error: httpx.RequestError) -> str:
    """The error's own words, or its kind where it has none."""
    return str(error) or type(error).__name__


def _checked_url(url: str) -> str:
    """`url` where it is an absolute HTTP address.

    Raises:
        SettingsError: it is not.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise SettingsError(f"{url!r} is not a URL: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsError(f"{url!r} is not an absolute URL that starts with http:// or https://")
    return url
