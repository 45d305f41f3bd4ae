"""Sending the sources of `insurance-data replay`: progress, interruption, collecting what became of every request."""

import asyncio
import signal
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from insurance_data.replay import Exchange, Replayer, ReplayStoppedError
from insurance_data.replay.report import ReplayReport, SentRequest
from insurance_data.replay.source import Source

INTERRUPTION = "interrupted"


class Recorder:
    """Collects what was sent and moves the progress bar, which is off where the standard error is not a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.sent: list[SentRequest] = []
        self.source = ""
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self.progress.add_task("")

    def begin(self, total_rows: int) -> None:
        """Set the length of the bar."""
        self.progress.update(self._task, total=total_rows)

    def enter(self, source: str) -> None:
        """Name the file that the next rows come from."""
        self.source = source
        self.progress.update(self._task, description=Path(source).name)

    def record(self, exchange: Exchange) -> None:
        """Take in one outcome."""
        self.sent.append(SentRequest(self.source, exchange))
        self.progress.advance(self._task, exchange.rows)


async def send_sources(replayer: Replayer, sources: list[Source], recorder: Recorder) -> ReplayReport:
    """Send one source after the other; SIGINT and SIGTERM end the sending, not the report."""
    rows_to_send = sum(len(source.table) for source in sources)
    recorder.begin(rows_to_send)
    stopped: str | None = None
    async with replayer:
        started = time.perf_counter()
        sending = asyncio.create_task(_send_all(replayer, sources, recorder))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
        with recorder.progress:
            try:
                await sending
            except asyncio.CancelledError:
                stopped = INTERRUPTION
            except ReplayStoppedError as error:
                stopped = str(error)
        seconds = time.perf_counter() - started
    recorder.sent.sort(key=lambda request: int(request.exchange.id.rpartition("-")[2]))
    return ReplayReport(replayer.url, recorder.sent, rows_to_send, seconds, stopped)


async def _send_all(replayer: Replayer, sources: list[Source], recorder: Recorder) -> None:
    for source in sources:
        recorder.enter(source.path)
        await replayer.send(source.table)
