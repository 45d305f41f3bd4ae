"""Rules that go before any verdict: the pin, a backend that does not answer, a signal that is not there.

Each takes the situation and returns what it wants, or None when it has nothing to say; the first that speaks decides.
"""

from drift_operator.breaker.decision import DecisionKind, Reason
from drift_operator.breaker.intent import Intent, hold, phase_on_model, to_fallback, to_model
from drift_operator.breaker.moments import as_text
from drift_operator.breaker.situation import Situation
from drift_operator.breaker.watch import Availability
from drift_operator.resource.spec import WHOLE, PinTarget, SignalLossPolicy
from drift_operator.resource.vocabulary import MODEL_PHASES, Phase


def follow_pin(situation: Situation) -> Intent | None:
    """A pin decides alone while it is active, except that traffic never moves to a fallback that does not answer.

    Traffic that is on the pinned side already stays there even when that side stops answering: a person said so.
    """
    pin = situation.pin
    if pin is None:
        return None
    until = f" until {as_text(pin.until.timestamp())}" if pin.until is not None else ""
    message = f"pinned to the {pin.to.value.lower()}{until}: {pin.reason}"
    if pin.to is PinTarget.MODEL:
        if situation.model_percent == WHOLE:
            return hold(situation, Reason.PINNED, message, phase=phase_on_model(situation))
        return to_model(situation, DecisionKind.FOLLOW_PIN, Reason.PINNED, message)
    if situation.model_percent == 0:
        return hold(situation, Reason.PINNED, message, phase=Phase.FALLBACK)
    if situation.fallback_ready:
        return to_fallback(DecisionKind.FOLLOW_PIN, Reason.PINNED, message)
    return hold(
        situation,
        Reason.FALLBACK_NOT_ANSWERING,
        f"{message}; traffic stays until the fallback answers its probe",
        phase=situation.phase if situation.phase is Phase.RECOVERING else phase_on_model(situation),
    )


def leave_dead_backend(situation: Situation) -> Intent | None:
    """A backend that carries traffic and does not answer is left, if the other one answers.

    The model counts as not answering after `failureThreshold` failed probes, in a return after the first one. The
    dwell and the flap limit do not hold up leaving a dead fallback: answers that may be off are better than none.
    """
    if situation.spec.probe is None:
        return None
    model_carries = situation.model_percent > 0
    model_fails = situation.model.dead or (situation.phase is Phase.RECOVERING and situation.model.failures > 0)
    if model_carries and model_fails and situation.fallback_ready:
        aborts = situation.phase is Phase.RECOVERING
        return to_fallback(
            DecisionKind.ABORT_RETURN if aborts else DecisionKind.LEAVE_MODEL,
            Reason.MODEL_NOT_ANSWERING,
            "the model does not answer its probe and the fallback does",
        )
    if situation.model_percent < WHOLE and situation.fallback.dead and situation.model_ready:
        return to_model(
            situation,
            DecisionKind.LEAVE_FALLBACK,
            Reason.FALLBACK_NOT_ANSWERING,
            "the fallback carries traffic and does not answer its probe; the model does",
        )
    return None


def wait_for_signal(situation: Situation) -> Intent | None:
    """Without a signal, no verdict moves traffic; once it is lost, `onSignalLoss` decides."""
    if situation.availability is Availability.UNREADABLE:
        return hold(situation, Reason.SIGNAL_UNREADABLE, "the signal cannot be read; not lost yet")
    if not situation.signal_lost:
        return None
    policy = situation.spec.on_signal_loss
    message = f"the signal is lost; onSignalLoss is {policy.value}"
    if policy is SignalLossPolicy.FALLBACK and situation.model_percent > 0:
        if situation.fallback_ready:
            return to_fallback(DecisionKind.FOLLOW_SIGNAL_LOSS, Reason.SIGNAL_LOST, message)
        message += ", but the fallback does not answer its probe"
    if policy is SignalLossPolicy.MODEL and situation.model_percent < WHOLE:
        hindrance = _hindrance(situation)
        if hindrance is None:
            return to_model(situation, DecisionKind.FOLLOW_SIGNAL_LOSS, Reason.SIGNAL_LOST, message)
        message += f", but {hindrance}"
    learning = situation.phase in MODEL_PHASES
    return hold(situation, Reason.SIGNAL_LOST, message, phase=Phase.LEARNING if learning else None)


def _hindrance(situation: Situation) -> str | None:
    if not situation.model_ready:
        return "the model does not answer its probe"
    if situation.phase is Phase.FALLBACK and situation.dwelling:
        return "the shortest stay on the fallback is not over"
    if situation.flapping_until is not None:
        return f"the flap limit keeps traffic on the fallback until {as_text(situation.flapping_until)}"
    return None
