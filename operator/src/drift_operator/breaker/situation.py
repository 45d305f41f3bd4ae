"""The situation that the rules judge: state, evidence and spec, brought together once."""

from dataclasses import dataclass

from drift_operator.breaker.evidence import Evidence, Window
from drift_operator.breaker.state import BackendMemory, SignalMemory, State
from drift_operator.breaker.watch import Availability, ProfileView, under_new_profile, watch_backend, watch_signal
from drift_operator.resource.spec import DriftBreakerSpec, Pin
from drift_operator.resource.vocabulary import Phase, Streak, Verdict


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a rule may look at."""

    time: float
    spec: DriftBreakerSpec
    phase: Phase
    model_percent: int
    """Planned percent of traffic on the model."""
    step_since: float | None
    step_window: Window | None
    availability: Availability
    signal_memory: SignalMemory
    profile: ProfileView
    """The newest readable signal; of earlier evidence while it is unreadable."""
    model: BackendMemory
    fallback: BackendMemory
    route_in_force: bool | None
    dwelling: bool
    """Whether the shortest stay on the fallback is not over."""
    flapping_until: float | None
    """When returns are allowed again; none while the flap limit is not reached."""
    pin: Pin | None
    """The pin, while it is active."""

    @property
    def verdict(self) -> Verdict | None:
        """Verdict of the newest window under the present profile."""
        return self.profile.verdict

    @property
    def streak(self) -> Streak:
        """Streaks of the stream."""
        return self.profile.streak

    @property
    def available(self) -> bool:
        """Whether the signal says something now."""
        return self.availability is Availability.AVAILABLE

    @property
    def signal_lost(self) -> bool:
        """Whether `onSignalLoss` decides."""
        return self.availability in {Availability.LOST, Availability.STARVING}

    @property
    def fallback_ready(self) -> bool:
        """Whether traffic may move to the fallback. Without a probe, which only Observe allows, nothing moves."""
        return self.spec.probe is None or (self.fallback.successes > 0 and not self.fallback.dead)

    @property
    def model_ready(self) -> bool:
        """Whether traffic may move to the model."""
        return self.spec.probe is None or (self.model.successes > 0 and not self.model.dead)


def flapping_until(state: State, time: float, spec: DriftBreakerSpec) -> float | None:
    """When the flap limit lets traffic return again, or None while it is not reached.

    Args:
        state: Knows the switches that count.
        time: Now.
        spec: Has the limit.
    """
    limit = spec.flap_limit
    recent = sorted(moment for moment in state.flap_times + state.planned_flap_times if moment > time - limit.per)
    return recent[-limit.switches] + limit.per if len(recent) >= limit.switches else None


def assess(state: State, evidence: Evidence, spec: DriftBreakerSpec) -> Situation:
    """Bring state, evidence and spec together."""
    signal_memory, availability = watch_signal(state.signal, evidence, spec.signal.stale_after)
    if evidence.signal is not None:
        profile = under_new_profile(state, evidence.signal)
    else:
        profile = ProfileView(state.window, state.verdict, state.streak, state.profile_digest, state.profile_window)
    threshold = spec.probe.failure_threshold if spec.probe is not None else 1
    return Situation(
        time=evidence.time,
        spec=spec,
        phase=state.phase,
        model_percent=state.planned.model,
        step_since=state.step_since,
        step_window=state.step_window,
        availability=availability,
        signal_memory=signal_memory,
        profile=profile,
        model=watch_backend(state.model, evidence.model, threshold),
        fallback=watch_backend(state.fallback, evidence.fallback, threshold),
        route_in_force=evidence.route.in_force if evidence.route is not None else None,
        dwelling=state.last_switch_time is not None and evidence.time - state.last_switch_time < spec.recover.dwell,
        flapping_until=flapping_until(state, evidence.time, spec),
        pin=spec.pin if spec.pin is not None and spec.pin.is_active(evidence.time) else None,
    )
