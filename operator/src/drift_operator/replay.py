"""Replay: recorded evidence through the same breaker again."""

from collections.abc import Iterable
from dataclasses import dataclass

from drift_operator.breaker import Decision, State, decide
from drift_operator.breaker.state import Switch
from drift_operator.recording import EvidenceLine, Line, SpecLine, StartLine
from drift_operator.resource.spec import DriftBreakerSpec


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that came out otherwise than recorded."""

    line: int
    """Line of the recording."""
    time: float
    """Time of its evidence, Unix seconds."""
    recorded: Decision
    replayed: Decision


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found."""

    decisions: int
    """Evidence lines that were decided on."""
    switches: tuple[Switch, ...]
    """The switches of the replayed decisions, and those that an operator had made before the recording began or, when
    it was killed, had made without recording them."""
    differences: tuple[Difference, ...]


def replay(lines: Iterable[tuple[int, Line]]) -> ReplayReport:
    """Decide on recorded evidence again.

    Args:
        lines: Numbered lines of a recording; the first is a `StartLine`.
    """
    switches: list[Switch] = []
    differences: list[Difference] = []
    decisions = 0
    position: tuple[State, DriftBreakerSpec] | None = None
    for number, line in lines:
        match line:
            case StartLine(state=state, spec=spec):
                position = (state, spec)
                switches += [switch for switch in state.switches if switch not in switches]
            case SpecLine(spec=spec) if position is not None:
                position = (position[0], spec)
            case EvidenceLine(evidence=evidence, decision=recorded) if position is not None:
                state, decision = decide(position[0], evidence, position[1])
                position = (state, position[1])
                decisions += 1
                if decision.switch is not None and decision.switch not in switches:
                    switches.append(decision.switch)
                if decision != recorded:
                    differences.append(Difference(number, evidence.time, recorded, decision))
            case _:
                raise ValueError(f"line {number}: a recording begins with a line of kind 'start'")
    return ReplayReport(decisions, tuple(switches), tuple(differences))
