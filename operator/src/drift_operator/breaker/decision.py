"""Decisions: what the breaker wants, and why."""

from enum import StrEnum

from drift_operator.breaker.base import Frozen
from drift_operator.breaker.state import Switch
from drift_operator.resource.vocabulary import Phase, Weights


class DecisionKind(StrEnum):
    """What a decision does with traffic. All but Hold move it (in `mode: Observe`: would move it)."""

    HOLD = "Hold"
    """Traffic stays as it is; the phase may change."""
    TRIP = "Trip"
    """Drift is confirmed: everything to the fallback."""
    BEGIN_RETURN = "BeginReturn"
    """The first step back to the model."""
    STEP = "Step"
    """A further step back."""
    COMPLETE_RETURN = "CompleteReturn"
    """The last step: everything to the model."""
    ABORT_RETURN = "AbortReturn"
    """The return is broken off: everything to the fallback."""
    LEAVE_MODEL = "LeaveModel"
    """The model does not answer: everything to the fallback."""
    LEAVE_FALLBACK = "LeaveFallback"
    """The fallback does not answer: everything to the model."""
    FOLLOW_SIGNAL_LOSS = "FollowSignalLoss"
    """The signal is lost: everything to where `onSignalLoss` says."""
    FOLLOW_PIN = "FollowPin"
    """Everything to where the pin says."""


class Reason(StrEnum):
    """Machine-readable reasons of decisions."""

    NO_WINDOW_YET = "NoWindowYet"
    CLEAR = "Clear"
    SUSPECT_WINDOW = "SuspectWindow"
    UNDECIDED = "Undecided"
    DRIFT_UNCONFIRMED = "DriftUnconfirmed"
    DRIFT_CONFIRMED = "DriftConfirmed"
    DRIFT_PERSISTS = "DriftPersists"
    DRIFT_DURING_RETURN = "DriftDuringReturn"
    CLEAR_UNCONFIRMED = "ClearUnconfirmed"
    CLEAR_CONFIRMED = "ClearConfirmed"
    DWELLING = "Dwelling"
    FLAP_LIMIT = "FlapLimit"
    STEP_LASTS = "StepLasts"
    AWAITING_WINDOW = "AwaitingWindow"
    ROUTE_NOT_IN_FORCE = "RouteNotInForce"
    MODEL_NOT_ANSWERING = "ModelNotAnswering"
    FALLBACK_NOT_ANSWERING = "FallbackNotAnswering"
    SIGNAL_UNREADABLE = "SignalUnreadable"
    SIGNAL_LOST = "SignalLost"
    PINNED = "Pinned"


class Decision(Frozen):
    """One decision."""

    kind: DecisionKind
    reason: Reason
    message: str
    """The reason for a person; it changes only when the decision's grounds change."""
    phase: Phase
    """The phase after the decision."""
    weights: Weights
    """What the route should carry from now on."""
    planned: Weights
    """What it would carry in `mode: Enforce`."""
    moved: bool
    """Whether `weights` differ from those before."""
    switch: Switch | None
    """The switch that this decision is, if it is one."""
