"""Rules that follow the detector's verdict: one for each place where traffic can be.

They look at the newest window only through its verdict and the detector's streaks, so judging a window twice changes
nothing and a missed one loses nothing. `undecided` never moves traffic, whatever the streaks say.
"""

from drift_operator.breaker.decision import DecisionKind, Reason
from drift_operator.breaker.intent import Intent, hold, phase_on_model, to_fallback
from drift_operator.breaker.moments import as_text
from drift_operator.breaker.situation import Situation
from drift_operator.resource.spec import WHOLE
from drift_operator.resource.vocabulary import Phase, Verdict

_QUIET = {
    None: (Reason.NO_WINDOW_YET, "no window has closed yet"),
    Verdict.UNDECIDED: (Reason.UNDECIDED, "the newest window is undecided"),
    Verdict.CLEAR: (Reason.CLEAR, "the newest window is clear"),
    Verdict.SUSPECT: (Reason.SUSPECT_WINDOW, "the newest window is suspect"),
}
"""What is said where a verdict moves nothing."""


def on_model(situation: Situation) -> Intent:
    """The model carries all traffic: trip when drift is confirmed and the fallback answers."""
    phase = phase_on_model(situation)
    if situation.verdict is not Verdict.DRIFT:
        reason, message = _QUIET[situation.verdict]
        return hold(situation, reason, message, phase=phase)
    seen, needed = situation.streak.drift, situation.spec.trip.streak
    if seen < needed:
        return hold(situation, Reason.DRIFT_UNCONFIRMED, f"drift streak {seen} of {needed}", phase=phase)
    message = f"drift streak {seen} reached the trip at {needed}"
    if situation.fallback_ready:
        return to_fallback(DecisionKind.TRIP, Reason.DRIFT_CONFIRMED, message)
    message += "; traffic stays on the model until the fallback answers its probe"
    return hold(situation, Reason.FALLBACK_NOT_ANSWERING, message, phase=phase)


def on_fallback(situation: Situation) -> Intent:
    """The fallback carries all traffic: begin the return when everything speaks for it."""
    hindrance = _no_clear_streak(situation) or _no_permission(situation)
    if hindrance is not None:
        return hold(situation, *hindrance)
    seen, needed = situation.streak.clear, situation.spec.recover.streak
    return _next_step(situation, DecisionKind.BEGIN_RETURN, f"clear streak {seen} reached the return at {needed}")


def _no_clear_streak(situation: Situation) -> tuple[Reason, str] | None:
    if situation.verdict is Verdict.DRIFT:
        return Reason.DRIFT_PERSISTS, "the newest window drifts"
    if situation.verdict is not Verdict.CLEAR:
        return _QUIET[situation.verdict]
    seen, needed = situation.streak.clear, situation.spec.recover.streak
    return (Reason.CLEAR_UNCONFIRMED, f"clear streak {seen} of {needed}") if seen < needed else None


def _no_permission(situation: Situation) -> tuple[Reason, str] | None:
    if situation.dwelling:
        return Reason.DWELLING, "the shortest stay on the fallback is not over"
    if situation.flapping_until is not None:
        limit = situation.spec.flap_limit.switches
        until = as_text(situation.flapping_until)
        return Reason.FLAP_LIMIT, f"{limit} switches reached the flap limit; no return before {until}"
    if not situation.model_ready:
        return Reason.MODEL_NOT_ANSWERING, "the model does not answer its probe"
    return _no_route(situation)


def _no_route(situation: Situation) -> tuple[Reason, str] | None:
    if situation.route_in_force is False:
        return Reason.ROUTE_NOT_IN_FORCE, "the weights ordered last are not in force yet"
    return None


def recovering(situation: Situation) -> Intent:
    """Traffic is on its way back: abort at once on drift, go on when the step is over and a later window is clear.

    Time alone is no evidence: a step ends only when a window has closed since it began and the newest one is clear.
    A suspect or undecided window keeps the step.
    """
    verdict = situation.verdict
    if verdict is Verdict.CLEAR:
        return _clear_step(situation)
    if verdict is not Verdict.DRIFT:
        reason, message = _QUIET[verdict]
        return hold(situation, reason, f"{message}; the step stays")
    message = "a window drifted during the return"
    if situation.fallback_ready:
        return to_fallback(DecisionKind.ABORT_RETURN, Reason.DRIFT_DURING_RETURN, message)
    message += "; the step stays until the fallback answers its probe"
    return hold(situation, Reason.FALLBACK_NOT_ANSWERING, message)


def _clear_step(situation: Situation) -> Intent:
    percent = situation.model_percent
    if situation.step_since is not None and (
        situation.time - situation.step_since < situation.spec.recover.step_duration
    ):
        return hold(situation, Reason.STEP_LASTS, f"the step at {percent} % is not over")
    if situation.profile.window == situation.step_window:
        return hold(situation, Reason.AWAITING_WINDOW, f"no window has closed since the step to {percent} %")
    no_route = _no_route(situation)
    if no_route is not None:
        return hold(situation, *no_route)
    return _next_step(situation, DecisionKind.STEP, f"the step at {percent} % is over and the newest window is clear")


def _next_step(situation: Situation, kind: DecisionKind, message: str) -> Intent:
    later = [step for step in situation.spec.recover.steps if step > situation.model_percent]
    percent = later[0] if later else WHOLE
    if percent == WHOLE:
        return Intent(DecisionKind.COMPLETE_RETURN, Phase.HEALTHY, WHOLE, Reason.CLEAR_CONFIRMED, message)
    return Intent(kind, Phase.RECOVERING, percent, Reason.CLEAR_CONFIRMED, message)
