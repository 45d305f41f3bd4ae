"""The JSON of `/status`."""

from datetime import UTC, datetime
from typing import Any

from drift_operator.breaker import Decision, State
from drift_operator.resource.spec import DriftBreakerSpec
from drift_operator.resource.status import to_rfc3339
from drift_operator.resource.vocabulary import ConditionStatus
from drift_operator.status import status_of


def _spec_accepted(error: str | None) -> dict[str, Any]:
    """A condition that only the operator on one machine needs: an API server would have refused the edit."""
    if error is None:
        judged = {"status": ConditionStatus.TRUE, "reason": "ValidSpec", "message": "the file's spec is in force"}
    else:
        judged = {"status": ConditionStatus.FALSE, "reason": "InvalidSpec", "message": error}
    return {"type": "SpecAccepted"} | judged


def local_status(
    state: State,
    decision: Decision,
    spec: DriftBreakerSpec,
    *,
    signal_age: float,
    spec_error: str | None,
    trouble: str | None,
) -> dict[str, Any]:
    """The resource's status with snake_case names, and what only the operator on one machine can say.

    Args:
        state: The state after the newest decision.
        decision: The newest decision.
        spec: The spec in force.
        signal_age: Seconds since the signal was last readable.
        spec_error: What is wrong with the resource's file as it is now, if anything.
        trouble: Why state or route cannot be written, if they cannot.

    Returns:
        `phase`, `reason`, `message`, `weights`, `planned_weights`, `verdict`, `sequence`, `streak`,
        `last_switch_time`, `switches`, `conditions`, `signal_age_seconds`, `mode`, `pinned` (bool), `pin` (or None),
        `spec_error`, `trouble`. Times are RFC 3339 in UTC.
    """
    status = status_of(state, decision).model_dump(mode="json", by_alias=False)
    switches = [
        {"from" if key == "from_side" else key: value for key, value in switch.items()}
        for switch in status.pop("history")
    ]
    status.pop("observed_generation")
    for condition in status["conditions"]:
        condition.pop("observed_generation")
    status["conditions"].append(_spec_accepted(spec_error))
    pinned = any(item.type == "Pinned" and item.status is ConditionStatus.TRUE for item in state.conditions)
    return status | {
        "switches": switches,
        "signal_age_seconds": round(signal_age, 3),
        "mode": spec.mode,
        "pinned": pinned,
        "pin": spec.pin.model_dump(mode="json") if spec.pin is not None else None,
        "spec_error": spec_error,
        "trouble": trouble,
        "time": to_rfc3339(datetime.now(UTC)),
    }
