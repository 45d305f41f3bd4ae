"""Probing one backend over and over, and at once when a decision needs to know."""

import asyncio
import random
from collections.abc import Callable

import httpx

from drift_operator.breaker import ProbeResult
from drift_operator.probes import send_probe
from drift_operator.resource.spec import Probe

_JITTER = 0.1


def jittered(seconds: float) -> float:
    """A pause of about so many seconds, so that many operators do not ask at the same moments."""
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 (no secret)


class Prober:
    """Probes one backend.

    Args:
        client: Used for the requests.
        address: Tells the backend's `host:port`, which an edit of the spec may change.
        probe: Tells the probe of the spec in force, or None when it has none.
    """

    def __init__(
        self, client: httpx.AsyncClient, address: Callable[[], str], probe: Callable[[], Probe | None]
    ) -> None:
        self._client = client
        self._address = address
        self._probe = probe
        self._one_at_a_time = asyncio.Lock()
        self.latest: ProbeResult | None = None
        """The newest result; none before the first."""

    async def probe_now(self) -> ProbeResult | None:
        """Send a probe, after one that is on its way."""
        probe = self._probe()
        if probe is None:
            self.latest = None
            return None
        async with self._one_at_a_time:
            self.latest = await send_probe(self._client, f"http://{self._address()}", probe)
        return self.latest

    async def run(self) -> None:
        """Probe every `probe.interval`, for ever."""
        while True:
            await self.probe_now()
            probe = self._probe()
            await asyncio.sleep(jittered(probe.interval) if probe is not None else 1.0)
