"""The report of a replay: counts, rates, latency percentiles, every failure and every resend."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from insurance_data.replay.exchange import Exchange

PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


@dataclass(frozen=True)
class SentRequest:
    """One request and the file that its rows came from."""

    source: str
    exchange: Exchange


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did."""

    url: str
    sent: Sequence[SentRequest]
    rows_to_send: int
    """Rows of all sources; more than were sent where the replay was stopped."""
    seconds: float
    """Wall-clock time of the sending."""
    stopped: str | None = None
    """Why not everything was sent; None where it was."""

    @property
    def failed(self) -> list[SentRequest]:
        """The requests that were not answered as they should be."""
        return [request for request in self.sent if request.exchange.error is not None]

    @property
    def resent(self) -> list[SentRequest]:
        """The requests that were sent more than once, whatever became of them."""
        return [request for request in self.sent if request.exchange.resent_because]

    @property
    def rows_sent(self) -> int:
        """Rows of all requests, each counted once however often it was sent."""
        return sum(request.exchange.rows for request in self.sent)

    @property
    def complete(self) -> bool:
        """True where every row was sent and every request answered as it should be."""
        return not self.failed and self.stopped is None

    def latencies(self) -> dict[str, float] | None:
        """Percentiles of the latency of the answered requests, in seconds; None where no answer came."""
        answered = [request.exchange.latency_seconds for request in self.sent if request.exchange.status is not None]
        if not answered:
            return None
        values = np.percentile(answered, list(PERCENTILES.values()))
        return dict(zip(PERCENTILES, values.tolist(), strict=True))

    def answered_rows(self) -> dict[str, int]:
        """Rows by who answered them, as the answers say."""
        return dict(Counter(side for request in self.sent for side in request.exchange.served_by or ()))

    def to_dict(self) -> dict[str, Any]:
        """The report for scripts."""
        failed = self.failed
        return {
            "url": self.url,
            "requests": {
                "sent": len(self.sent),
                "succeeded": len(self.sent) - len(failed),
                "failed": len(failed),
                "resent": len(self.resent),
            },
            "rows": {
                "sent": self.rows_sent,
                "failed": sum(request.exchange.rows for request in failed),
                "not_sent": self.rows_to_send - self.rows_sent,
                "served_by": self.answered_rows(),
            },
            "seconds": self.seconds,
            "requests_per_second": len(self.sent) / self.seconds,
            "rows_per_second": self.rows_sent / self.seconds,
            "latency_seconds": self.latencies(),
            "stopped": self.stopped,
            "failed": [_failed_entry(request) for request in failed],
            "resent": [_resent_entry(request) for request in self.resent],
        }

    def to_text(self) -> str:
        """The report for a person."""
        failed, resent = self.failed, self.resent
        rates = f"{len(self.sent) / self.seconds:.0f} requests/s, {self.rows_sent / self.seconds:.0f} rows/s"
        lines = [
            f"sent       {len(self.sent)} requests with {self.rows_sent} rows in {self.seconds:.1f} s ({rates})",
            f"to         {self.url}",
            f"answered   {len(self.sent) - len(failed)} as they should be, {len(failed)} failed",
        ]
        sides = self.answered_rows()
        if sides:
            counts = ", ".join(f"{count} by {side}" for side, count in sorted(sides.items()))
            lines.append(f"rows       {counts}")
        latencies = self.latencies()
        if latencies is not None:
            figures = ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in latencies.items())
            lines.append(f"latency    {figures}")
        if self.stopped is not None:
            lines.append(f"NOT SENT   {self.rows_to_send - self.rows_sent} rows: {self.stopped}")
        if failed:
            lines.append("failed requests:")
            lines += [f"  {_where(request)}: {request.exchange.error}" for request in failed]
        if resent:
            lines.append("requests sent more than once:")
            for request in resent:
                reasons = "; ".join(request.exchange.resent_because)
                lines.append(f"  {_where(request)}: {request.exchange.attempts} attempts, after: {reasons}")
        return "\n".join(lines)


def _where(request: SentRequest) -> str:
    """Id and rows of a request, the rows counted from 1 as an editor without the header line would."""
    first = request.exchange.first_row + 1
    return f"{request.exchange.id} ({request.source}, rows {first}-{first + request.exchange.rows - 1})"


def _failed_entry(request: SentRequest) -> dict[str, Any]:
    exchange = request.exchange
    return {
        "id": exchange.id,
        "source": request.source,
        "first_row": exchange.first_row,
        "rows": exchange.rows,
        "status": exchange.status,
        "reason": exchange.error,
        "attempts": exchange.attempts,
    }


def _resent_entry(request: SentRequest) -> dict[str, Any]:
    exchange = request.exchange
    return {
        "id": exchange.id,
        "source": request.source,
        "first_row": exchange.first_row,
        "rows": exchange.rows,
        "attempts": exchange.attempts,
        "reasons": list(exchange.resent_because),
        "succeeded": exchange.error is None,
    }
