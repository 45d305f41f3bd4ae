"""State: all that the breaker remembers between two decisions."""

from drift_operator.breaker.base import Frozen
from drift_operator.breaker.evidence import Window
from drift_operator.resource.spec import WHOLE, Mode
from drift_operator.resource.vocabulary import (
    ConditionStatus,
    ConditionType,
    Phase,
    Side,
    Streak,
    Verdict,
    Weights,
)


class Switch(Frozen):
    """One switch: traffic left the model wholly, or returned to it wholly."""

    time: float
    from_side: Side
    to_side: Side
    reason: str
    sequence: int | None
    enforced: bool
    """False for a switch that `mode: Observe` only reports."""


class Condition(Frozen):
    """One condition of the status."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str
    last_transition_time: float


class SignalMemory(Frozen):
    """What is remembered of the signal to tell lost from idle."""

    last_read: float
    """When the signal was last readable; before that ever happened, when the breaker began."""
    events: float | None = None
    """Events that had reached the detector by the newest reading."""
    served_at_event: float | None = None
    """Requests that had been served when `events` last changed."""
    starving_since: float | None = None
    """When requests were first seen served without an event; none while events keep up."""


class BackendMemory(Frozen):
    """What is remembered of one backend's probes."""

    probe_time: float | None = None
    """Time of the newest probe that was counted."""
    failures: int = 0
    """Probes in a row that failed, up to the newest."""
    successes: int = 0
    """Probes in a row that were answered, up to the newest."""
    dead: bool = False
    """Whether it stopped answering (`failureThreshold` failures) and has not yet answered as many times again."""


class State(Frozen):
    """All that the breaker remembers. It survives a restart of the operator as JSON."""

    phase: Phase
    phase_since: float
    mode: Mode
    """The spec's mode at the last decision."""
    weights: Weights
    """Weights as ordered: what the route should carry."""
    planned: Weights
    """What the weights would be if every decision moved traffic; `mode: Observe` only plans."""
    last_switch_time: float | None = None
    switches: tuple[Switch, ...] = ()
    """The last switches, newest last; bounded."""
    flap_times: tuple[float, ...] = ()
    """Times of the switches that moved traffic and count for the flap limit, newest last; bounded."""
    planned_flap_times: tuple[float, ...] = ()
    """The same of those that `mode: Observe` only reported."""
    step_since: float | None = None
    """When the present step of the return began."""
    step_window: Window | None = None
    """The newest window at that time."""
    window: Window | None = None
    """The newest window that was decided on."""
    verdict: Verdict | None = None
    streak: Streak = Streak()
    profile_digest: str | None = None
    profile_window: Window | None = None
    """The newest window when the profile changed: its verdict was about the profile before."""
    signal: SignalMemory
    model: BackendMemory = BackendMemory()
    fallback: BackendMemory = BackendMemory()
    conditions: tuple[Condition, ...] = ()


def initial_state(time: float, mode: Mode) -> State:
    """The state of a breaker that has seen nothing: learning, with all traffic on the model.

    Args:
        time: Now, in Unix seconds.
        mode: The spec's mode.
    """
    everything_on_model = Weights.with_model(WHOLE)
    return State(
        phase=Phase.LEARNING,
        phase_since=time,
        mode=mode,
        weights=everything_on_model,
        planned=everything_on_model,
        signal=SignalMemory(last_read=time),
    )
