"""The breaker: state, evidence and spec in; new state and decision out. No clock, no input or output.

Everything that decides about traffic is here, so the operator on one machine, the one on Kubernetes, the replay and
the tests decide alike. Call `decide`.
"""

from drift_operator.breaker.breaker import decide
from drift_operator.breaker.decision import Decision, DecisionKind
from drift_operator.breaker.evidence import Evidence, ProbeResult, RouteReading, SignalReading
from drift_operator.breaker.state import State, initial_state

__all__ = [
    "Decision",
    "DecisionKind",
    "Evidence",
    "ProbeResult",
    "RouteReading",
    "SignalReading",
    "State",
    "decide",
    "initial_state",
]
