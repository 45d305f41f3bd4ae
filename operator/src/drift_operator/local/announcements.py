"""What is worth a line in the log: changes, and nothing else."""

import logging

from drift_operator.breaker import Decision, State
from drift_operator.resource.spec import Mode


def announcements(before: State, after: State, decision: Decision) -> list[tuple[int, str]]:
    """The log lines of one decision, as level and text.

    Args:
        before: The state before it.
        after: The state after it.
        decision: The decision.
    """
    lines = []
    because = f"({decision.reason}): {decision.message}"
    if after.planned != before.planned:
        would = "would move" if after.mode is Mode.OBSERVE else "moves"
        move = f"{before.planned.model} % to {after.planned.model} %"
        phases = f"phase {before.phase} -> {after.phase}"
        text = f"{decision.kind}: traffic on the model {would} from {move}, {phases} {because}"
        lines.append((logging.WARNING, text))
    elif after.phase is not before.phase:
        lines.append((logging.INFO, f"phase {before.phase} -> {after.phase} {because}"))
    known = {condition.type: condition for condition in before.conditions}
    for condition in after.conditions:
        old = known.get(condition.type)
        if old is not None and old.status is not condition.status:
            text = f"{condition.type} {old.status} -> {condition.status} ({condition.reason}): {condition.message}"
            lines.append((logging.INFO, text))
    return lines
