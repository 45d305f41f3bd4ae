"""A bounded queue of events and the workers that send them, each event at most once."""

import asyncio
import time
from collections import deque
from dataclasses import asdict, dataclass

import aiohttp

from local_stack.agent.events import PayloadEvent, rfc3339

WORKERS = 5  # as many as KServe's agent starts


@dataclass
class DispatchCounts:
    """Where the events went; `offered` is the sum of the others once the queue is empty."""

    offered: int = 0
    sent: int = 0
    """The sink answered with a 2xx status."""
    refused: int = 0
    """The sink answered with another status."""
    failed: int = 0
    """The sink could not be reached or did not answer in time."""
    dropped: int = 0
    """The queue was full."""


class Dispatcher:
    """Sends events to the sink without ever holding up the traffic that they are copies of.

    Args:
        sink: URL of the payload logger.
        limit_events: events that may wait.
        limit_bytes: sum of the bodies that may wait.
        timeout: seconds after which a sink that does not answer has lost the event.
    """

    def __init__(
        self, sink: str, *, limit_events: int = 2_000, limit_bytes: int = 64 * 2**20, timeout: float = 10.0
    ) -> None:
        self.counts = DispatchCounts()
        self._sink = sink
        self._limit_events = limit_events
        self._limit_bytes = limit_bytes
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._waiting: deque[PayloadEvent] = deque()
        self._waiting_bytes = 0
        self._in_flight = 0
        self._changed = asyncio.Condition()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Start the workers."""
        self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False)
        self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(WORKERS)]

    async def stop(self, patience: float = 2.0) -> None:
        """Wait at most `patience` seconds for the queue to empty, then stop; what is left counts as dropped."""
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(lambda: not self._waiting and not self._in_flight)
        except TimeoutError:
            self.counts.dropped += len(self._waiting) + self._in_flight
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def offer(self, event: PayloadEvent) -> None:
        """Queue an event, or drop it and count that where the queue is full."""
        self.counts.offered += 1
        full = len(self._waiting) >= self._limit_events
        if full or self._waiting_bytes + len(event.body) > self._limit_bytes:
            self.counts.dropped += 1
            return
        self._waiting.append(event)
        self._waiting_bytes += len(event.body)
        async with self._changed:
            self._changed.notify()

    def statistics(self) -> dict[str, int]:
        """The counts, with `waiting` for what is queued or on its way."""
        return {**asdict(self.counts), "waiting": len(self._waiting) + self._in_flight}

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
                event = self._waiting.popleft()
                self._waiting_bytes -= len(event.body)
                self._in_flight += 1
            try:
                await self._send(session, event)
            finally:
                self._in_flight -= 1
                async with self._changed:
                    self._changed.notify_all()

    async def _send(self, session: aiohttp.ClientSession, event: PayloadEvent) -> None:
        headers = {**event.headers, "Ce-Recordedtime": rfc3339(time.time())}
        skip = () if "Content-Type" in headers else ("Content-Type",)
        try:
            async with session.post(self._sink, data=event.body, headers=headers, skip_auto_headers=skip) as answer:
                await answer.read()
                if answer.ok:
                    self.counts.sent += 1
                else:
                    self.counts.refused += 1
        except (aiohttp.ClientError, TimeoutError):
            self.counts.failed += 1
