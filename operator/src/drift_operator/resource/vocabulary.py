"""Words that the breaker's decisions and the resource's status share."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from drift_operator.resource.base import ResourceModel
from drift_operator.resource.spec import WHOLE


class Verdict(StrEnum):
    """The detector's verdict on its newest window."""

    DRIFT = "drift"
    SUSPECT = "suspect"
    CLEAR = "clear"
    UNDECIDED = "undecided"


class Phase(StrEnum):
    """Where the breaker stands."""

    LEARNING = "Learning"
    """The model carries traffic and there is no verdict: none yet, or the signal is lost."""
    HEALTHY = "Healthy"
    """The model carries traffic and the last decided window was clear."""
    SUSPECT = "Suspect"
    """The model carries traffic; something was flagged, or drift is confirmed and the fallback does not answer."""
    FALLBACK = "Fallback"
    """The fallback carries traffic."""
    RECOVERING = "Recovering"
    """Traffic is on its way back to the model, step by step."""


MODEL_PHASES = frozenset({Phase.LEARNING, Phase.HEALTHY, Phase.SUSPECT})
"""Phases in which the model carries all traffic."""


class Side(StrEnum):
    """One of the two backends."""

    MODEL = "model"
    FALLBACK = "fallback"


class Streak(ResourceModel):
    """How many windows in a row, up to the newest, were drift, and how many were clear."""

    drift: Annotated[int, Field(ge=0)] = 0
    clear: Annotated[int, Field(ge=0)] = 0


class Weights(ResourceModel):
    """Percent of traffic on each side; the sum is always 100."""

    model: Annotated[int, Field(ge=0, le=WHOLE)]
    fallback: Annotated[int, Field(ge=0, le=WHOLE)]

    @model_validator(mode="after")
    def _sum_to_the_whole(self) -> Self:
        if self.model + self.fallback != WHOLE:
            raise ValueError(f"weights {self.model} and {self.fallback} do not sum to {WHOLE}")
        return self

    @classmethod
    def with_model(cls, percent: int) -> Self:
        """Weights that give the model so many percent and the fallback the rest."""
        return cls(model=percent, fallback=WHOLE - percent)


class ConditionType(StrEnum):
    """Conditions of the status."""

    SIGNAL_AVAILABLE = "SignalAvailable"
    FALLBACK_READY = "FallbackReady"
    ROUTE_ACCEPTED = "RouteAccepted"
    PINNED = "Pinned"
    FLAPPING = "Flapping"


class ConditionStatus(StrEnum):
    """Status of a condition, as in all of Kubernetes."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"
