"""What a rule wants: the form in which rules answer."""

from dataclasses import dataclass

from drift_operator.breaker.decision import DecisionKind, Reason
from drift_operator.breaker.situation import Situation
from drift_operator.resource.spec import WHOLE
from drift_operator.resource.vocabulary import MODEL_PHASES, Phase, Verdict


@dataclass(frozen=True, slots=True)
class Intent:
    """The phase and the model's percent of traffic that a rule wants."""

    kind: DecisionKind
    phase: Phase
    model_percent: int
    reason: Reason
    message: str


def hold(situation: Situation, reason: Reason, message: str, *, phase: Phase | None = None) -> Intent:
    """Leave traffic as it is; the phase too, unless one is given."""
    return Intent(DecisionKind.HOLD, phase or situation.phase, situation.model_percent, reason, message)


def to_fallback(kind: DecisionKind, reason: Reason, message: str) -> Intent:
    """Everything to the fallback."""
    return Intent(kind, Phase.FALLBACK, 0, reason, message)


def to_model(situation: Situation, kind: DecisionKind, reason: Reason, message: str) -> Intent:
    """Everything to the model."""
    return Intent(kind, phase_on_model(situation), WHOLE, reason, message)


def phase_on_model(situation: Situation) -> Phase:
    """The phase while the model carries all traffic: what the signal says of it, and Learning when it says nothing.

    An undecided window and a signal that is unreadable for a moment change nothing. Where traffic has just come back
    from the fallback they leave the breaker in Suspect: nothing has said yet that the model fits.
    """
    if situation.signal_lost or (situation.verdict is None and situation.available):
        return Phase.LEARNING
    if situation.available and situation.verdict is Verdict.CLEAR:
        return Phase.HEALTHY
    if situation.available and situation.verdict in {Verdict.DRIFT, Verdict.SUSPECT}:
        return Phase.SUSPECT
    return situation.phase if situation.phase in MODEL_PHASES else Phase.SUSPECT
