"""Conditions of the status, from the situation."""

from drift_operator.breaker.evidence import Evidence
from drift_operator.breaker.moments import as_text
from drift_operator.breaker.situation import Situation, flapping_until
from drift_operator.breaker.state import Condition, State
from drift_operator.breaker.watch import Availability
from drift_operator.resource.spec import DriftBreakerSpec, Mode, PinTarget
from drift_operator.resource.vocabulary import ConditionStatus, ConditionType

Judgement = tuple[ConditionStatus, str, str]


def conditions(state: State, situation: Situation, evidence: Evidence) -> tuple[Condition, ...]:
    """All conditions; the transition time of one whose status did not change stays.

    Args:
        state: The state after the decision, still with the conditions before it.
        situation: The situation that was decided on.
        evidence: Its evidence, for the words of errors.
    """
    since = {condition.type: condition for condition in state.conditions}
    judged = {
        ConditionType.SIGNAL_AVAILABLE: _signal_available(situation, evidence),
        ConditionType.FALLBACK_READY: _fallback_ready(situation, evidence),
        ConditionType.ROUTE_ACCEPTED: _route_accepted(evidence),
        ConditionType.PINNED: _pinned(situation, state.weights.model),
        ConditionType.FLAPPING: _flapping(situation.spec, flapping_until(state, evidence.time, situation.spec)),
    }
    result = []
    for kind, (status, reason, message) in judged.items():
        old = since.get(kind)
        changed = old is None or old.status is not status
        time = evidence.time if changed or old is None else old.last_transition_time
        result.append(Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=time))
    return tuple(result)


def _signal_available(situation: Situation, evidence: Evidence) -> Judgement:
    match situation.availability:
        case Availability.LOST:
            return ConditionStatus.FALSE, "SignalUnreadable", evidence.signal_error or "the signal cannot be read"
        case Availability.UNREADABLE:
            return ConditionStatus.UNKNOWN, "SignalUnreadable", evidence.signal_error or "the signal cannot be read"
        case Availability.STARVING:
            return (
                ConditionStatus.FALSE,
                "NoEvents",
                "requests are served, but no event of the stream reaches the detector; look at the payload logger",
            )
        case Availability.AVAILABLE if situation.verdict is None:
            return ConditionStatus.TRUE, "NoWindowYet", "the signal is readable; no window has closed yet"
        case Availability.AVAILABLE:
            return ConditionStatus.TRUE, "SignalRead", "the signal is readable"


def _fallback_ready(situation: Situation, evidence: Evidence) -> Judgement:
    if evidence.fallback is None:
        why = "no probe has ended yet" if situation.spec.probe else "the spec has no probe; write one to find out"
        return ConditionStatus.UNKNOWN, "NotProbed", why
    if situation.fallback_ready:
        return ConditionStatus.TRUE, "ProbeAnswered", "the fallback answers its probe"
    if evidence.fallback.answered:
        needed = situation.spec.probe.failure_threshold if situation.spec.probe else 1
        return (
            ConditionStatus.FALSE,
            "ProbeAnsweredTooFewTimes",
            f"the fallback stopped answering; it must answer {needed} probes in a row to get traffic again",
        )
    return ConditionStatus.FALSE, "ProbeFailed", evidence.fallback.message


def _route_accepted(evidence: Evidence) -> Judgement:
    route = evidence.route
    if route is None:
        return ConditionStatus.UNKNOWN, "NotVerified", "nothing tells whether the weights are in force"
    if route.in_force is None:
        return ConditionStatus.UNKNOWN, "NotVerified", route.message
    if route.in_force:
        return ConditionStatus.TRUE, "InForce", route.message
    return ConditionStatus.FALSE, "NotInForce", route.message


def _pinned(situation: Situation, model_percent: int) -> Judgement:
    pin = situation.pin
    if pin is None:
        if situation.spec.pin is not None:
            return ConditionStatus.FALSE, "PinExpired", "the pin has ended; remove it from the spec"
        return ConditionStatus.FALSE, "NotPinned", "the breaker decides"
    if situation.spec.mode is Mode.OBSERVE:
        return ConditionStatus.FALSE, "ModeObserve", f"mode Observe moves nothing, pin or not: {pin.reason}"
    if pin.to is PinTarget.FALLBACK and model_percent > 0:
        return ConditionStatus.FALSE, "FallbackNotReady", f"the fallback does not answer its probe: {pin.reason}"
    return ConditionStatus.TRUE, f"PinnedTo{pin.to.value}", pin.reason


def _flapping(spec: DriftBreakerSpec, until: float | None) -> Judgement:
    if until is None:
        return ConditionStatus.FALSE, "UnderFlapLimit", "switches are rare enough"
    message = (
        f"{spec.flap_limit.switches} switches within the flap limit's span; from the fallback traffic does not "
        f"return before {as_text(until)}, unless it is pinned"
    )
    return ConditionStatus.TRUE, "FlapLimitReached", message
