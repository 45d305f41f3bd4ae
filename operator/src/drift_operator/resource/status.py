"""The status of a DriftBreaker: what the operator reports."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, PlainSerializer

from drift_operator.resource.base import ResourceModel
from drift_operator.resource.spec import MAXIMUM_HISTORY
from drift_operator.resource.vocabulary import ConditionStatus, Phase, Side, Streak, Verdict, Weights


def to_rfc3339(time: datetime) -> str:
    """Write a time as Kubernetes does, in UTC with milliseconds: `2027-01-31T00:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(to_rfc3339, return_type=str, when_used="json")]


class StatusCondition(ResourceModel):
    """One condition, in the form of Kubernetes' own."""

    type: str
    """One of the condition types."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: str
    """Machine-readable reason, CamelCase."""
    message: str
    """What it means, for a person."""
    last_transition_time: Timestamp
    """When `status` last changed."""
    observed_generation: int | None = None
    """Generation of the spec that the condition is about."""


class StatusSwitch(ResourceModel):
    """One switch: traffic left the model wholly, or returned to it wholly."""

    time: Timestamp
    """When it was decided."""
    from_side: Annotated[Side, Field(alias="from")]
    """The side that carried traffic before."""
    to: Side
    """The side that carries it since."""
    reason: str
    """Machine-readable reason, CamelCase."""
    sequence: int | None
    """Sequence of the newest window at that time, where the signal has one."""
    enforced: bool
    """Whether traffic moved; False for a switch that `mode: Observe` only reports."""


class DriftBreakerStatus(ResourceModel):
    """What the breaker sees, decided and did."""

    phase: Phase
    """Where the breaker stands; in `mode: Observe`, where it would stand."""
    reason: str
    """Machine-readable reason of the newest decision, CamelCase."""
    message: str
    """The same for a person."""
    weights: Weights
    """Percent of traffic on each side, as ordered."""
    planned_weights: Weights
    """What the weights would be; differs from `weights` in `mode: Observe` only."""
    verdict: Verdict | None
    """Verdict of the newest window; none before the first."""
    sequence: int | None
    """Sequence of the newest window that was decided on."""
    streak: Streak
    """Streaks of the stream."""
    last_switch_time: Timestamp | None
    """When traffic last left or returned."""
    history: Annotated[list[StatusSwitch], Field(max_length=MAXIMUM_HISTORY)]
    """The last switches, newest last."""
    conditions: list[StatusCondition]
    """SignalAvailable, FallbackReady, RouteAccepted, Pinned, Flapping."""
    observed_generation: int | None = None
    """Generation of the spec that was decided on."""
