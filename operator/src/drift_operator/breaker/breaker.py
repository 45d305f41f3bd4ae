"""`decide`: the one function that everything else serves."""

from drift_operator.breaker.conditions import conditions
from drift_operator.breaker.decision import Decision, Reason
from drift_operator.breaker.evidence import Evidence
from drift_operator.breaker.intent import Intent
from drift_operator.breaker.overrides import follow_pin, leave_dead_backend, wait_for_signal
from drift_operator.breaker.situation import Situation, assess
from drift_operator.breaker.state import State, Switch
from drift_operator.breaker.verdicts import on_fallback, on_model, recovering
from drift_operator.resource.spec import MAXIMUM_HISTORY, WHOLE, DriftBreakerSpec, Mode
from drift_operator.resource.vocabulary import Phase, Side, Weights


def decide(state: State, evidence: Evidence, spec: DriftBreakerSpec) -> tuple[State, Decision]:
    """Decide on the weights of traffic.

    The rules, in order; the first that has something to say decides:

    1. An active pin.
    2. A backend that carries traffic and does not answer, while the other one does.
    3. A signal that cannot be read (hold), or is lost (`onSignalLoss`).
    4. The verdict of the newest window, according to where traffic is.

    Calling it again with the new state and the same evidence holds and changes nothing. In `mode: Observe` phases,
    planned weights and switches go on as if traffic moved, and the weights stay. When the mode turns to Enforce, what
    was only planned is forgotten and the breaker starts from where traffic really is.

    Args:
        state: What the breaker remembers; `initial_state` at first.
        evidence: What is known now, the time included.
        spec: What the user wants.

    Returns:
        The new state and the decision.
    """
    state = _anchored(state, evidence, spec.mode)
    situation = assess(state, evidence, spec)
    intent = (
        follow_pin(situation)
        or leave_dead_backend(situation)
        or wait_for_signal(situation)
        or _follow_verdict(situation)
    )
    return _carry_out(state, evidence, situation, intent)


def _follow_verdict(situation: Situation) -> Intent:
    match situation.phase:
        case Phase.FALLBACK:
            return on_fallback(situation)
        case Phase.RECOVERING:
            return recovering(situation)
        case Phase.LEARNING | Phase.HEALTHY | Phase.SUSPECT:
            return on_model(situation)


def _anchored(state: State, evidence: Evidence, mode: Mode) -> State:
    """Forget what was only planned when the mode turns from Observe to Enforce."""
    if state.mode is mode or mode is Mode.OBSERVE:
        return state.model_copy(update={"mode": mode})
    if state.weights.model == WHOLE:
        phase = Phase.LEARNING
    elif state.weights.model == 0:
        phase = Phase.FALLBACK
    else:
        phase = Phase.RECOVERING
    changes: dict[str, object] = {
        "mode": mode,
        "phase": phase,
        "phase_since": evidence.time,
        "planned": state.weights,
        # The dwell of a traffic that is on the fallback starts anew: planned moves say nothing about it.
        "last_switch_time": evidence.time if phase is not Phase.LEARNING else None,
        "switches": tuple(switch for switch in state.switches if switch.enforced),
        "planned_flap_times": (),
        "step_since": evidence.time if phase is Phase.RECOVERING else None,
        "step_window": state.window if phase is Phase.RECOVERING else None,
    }
    return state.model_copy(update=changes)


def _switch(state: State, evidence: Evidence, situation: Situation, intent: Intent) -> Switch | None:
    """The switch that the intent is, if traffic leaves the model wholly or returns to it wholly."""
    before, after = state.planned.model, intent.model_percent
    if before == after or after not in {0, WHOLE}:
        return None
    window = situation.profile.window
    return Switch(
        time=evidence.time,
        from_side=Side.MODEL if after == 0 else Side.FALLBACK,
        to_side=Side.FALLBACK if after == 0 else Side.MODEL,
        reason=intent.reason,
        sequence=window.sequence if window is not None else None,
        enforced=situation.spec.mode is Mode.ENFORCE,
    )


def _carry_out(state: State, evidence: Evidence, situation: Situation, intent: Intent) -> tuple[State, Decision]:
    enforced = situation.spec.mode is Mode.ENFORCE
    planned = Weights.with_model(intent.model_percent)
    weights = planned if enforced else state.weights
    switch = _switch(state, evidence, situation, intent)
    stepped = intent.phase is Phase.RECOVERING and planned != state.planned
    keeps_step = intent.phase is Phase.RECOVERING and not stepped
    flap = () if switch is None or intent.reason is Reason.PINNED else (evidence.time,)
    profile = situation.profile
    new_state = State(
        phase=intent.phase,
        phase_since=state.phase_since if intent.phase is state.phase else evidence.time,
        mode=situation.spec.mode,
        weights=weights,
        planned=planned,
        last_switch_time=evidence.time if switch is not None else state.last_switch_time,
        switches=(*state.switches, switch)[-MAXIMUM_HISTORY:] if switch is not None else state.switches,
        flap_times=(state.flap_times + (flap if enforced else ()))[-MAXIMUM_HISTORY:],
        planned_flap_times=(state.planned_flap_times + (() if enforced else flap))[-MAXIMUM_HISTORY:],
        step_since=evidence.time if stepped else (state.step_since if keeps_step else None),
        step_window=profile.window if stepped else (state.step_window if keeps_step else None),
        window=profile.window,
        verdict=profile.verdict,
        streak=profile.streak,
        profile_digest=profile.digest,
        profile_window=profile.old_window,
        signal=situation.signal_memory,
        model=situation.model,
        fallback=situation.fallback,
        conditions=state.conditions,
    )
    new_state = new_state.model_copy(update={"conditions": conditions(new_state, situation, evidence)})
    decision = Decision(
        kind=intent.kind,
        reason=intent.reason,
        message=intent.message,
        phase=intent.phase,
        weights=weights,
        planned=planned,
        moved=weights != state.weights,
        switch=switch,
    )
    return new_state, decision
