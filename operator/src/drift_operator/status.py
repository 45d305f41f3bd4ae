"""From the breaker's state to the status that users read."""

from datetime import UTC, datetime

from drift_operator.breaker import Decision, State
from drift_operator.resource.status import DriftBreakerStatus, StatusCondition, StatusSwitch


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def status_of(state: State, decision: Decision) -> DriftBreakerStatus:
    """The status after a decision.

    Args:
        state: The state after it.
        decision: The decision.
    """
    return DriftBreakerStatus(
        phase=state.phase,
        reason=decision.reason,
        message=decision.message,
        weights=state.weights,
        planned_weights=state.planned,
        verdict=state.verdict,
        sequence=state.window.sequence if state.window is not None else None,
        streak=state.streak,
        last_switch_time=_moment(state.last_switch_time) if state.last_switch_time is not None else None,
        history=[
            StatusSwitch(
                time=_moment(switch.time),
                from_side=switch.from_side,
                to=switch.to_side,
                reason=switch.reason,
                sequence=switch.sequence,
                enforced=switch.enforced,
            )
            for switch in state.switches
        ],
        conditions=[
            StatusCondition(
                type=condition.type,
                status=condition.status,
                reason=condition.reason,
                message=condition.message,
                last_transition_time=_moment(condition.last_transition_time),
            )
            for condition in state.conditions
        ],
    )
