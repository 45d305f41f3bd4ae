"""Evidence: all that the breaker learns about the world, at one moment."""

from typing import Self

from pydantic import model_validator

from drift_operator.breaker.base import Frozen
from drift_operator.resource.vocabulary import Streak, Verdict


class Window(Frozen):
    """Identity of a closed window.

    A reading with another identity tells of another window: a later one or, after a restart of the detector, one that
    is counted anew.
    """

    sequence: int | None
    """Number of windows closed so far, where the signal has it."""
    time: float | None
    """When the window closed."""


class SignalReading(Frozen):
    """One successful reading of the drift signal."""

    window: Window | None
    """The newest closed window; none before the first."""
    verdict: Verdict | None
    """Its verdict."""
    streak: Streak
    """Windows in a row with verdict drift, and with verdict clear, up to the newest."""
    profile_digest: str | None = None
    """Digest of the reference profile that windows are compared with."""
    events: float | None = None
    """Events of the stream that reached the detector so far, ignored ones (probes, health checks) aside."""


class ProbeResult(Frozen):
    """What became of the newest probe of one backend."""

    time: float
    """When the probe ended."""
    answered: bool
    """Whether the backend gave a whole V2 answer in time."""
    message: str
    """What it answered, or why that was no answer."""


class RouteReading(Frozen):
    """Whether the ordered weights are in force in the data plane."""

    in_force: bool | None
    """Whether the data plane reports the route that was written last; none where it cannot be asked."""
    message: str
    """What it reports."""


class Evidence(Frozen):
    """All that is known at one moment. Exactly one of `signal` and `signal_error` is set."""

    time: float
    """The moment, in Unix seconds. The breaker knows no other clock."""
    signal: SignalReading | None = None
    """The drift signal."""
    signal_error: str | None = None
    """Why the drift signal could not be read."""
    model: ProbeResult | None = None
    """The model's newest probe; none before the first."""
    fallback: ProbeResult | None = None
    """The fallback's newest probe; none before the first."""
    route: RouteReading | None = None
    """Whether the weights are in force; none where that cannot be seen."""
    served_requests: float | None = None
    """Requests that both backends answered so far, where a count is available."""

    @model_validator(mode="after")
    def _signal_or_error(self) -> Self:
        if (self.signal is None) == (self.signal_error is None):
            raise ValueError("evidence holds either a signal or the error of reading it")
        return self
