"""The operator's metrics, with the names and labels that the design promises.

Every metric carries `name` and `resource_namespace` of its DriftBreaker. The latter is not called `namespace`, since
Prometheus sets that label to the namespace of what it scrapes.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from drift_operator.breaker import Decision, State
from drift_operator.breaker.decision import DecisionKind
from drift_operator.resource.vocabulary import Phase, Side

_LABELS = ("name", "resource_namespace")
_EFFECT_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class BreakerMetrics:
    """Metrics of one breaker.

    Args:
        registry: Where they are registered.
        name: Name of the DriftBreaker.
        namespace: Its namespace.
        signal_age: Tells how many seconds ago the signal was last readable.
    """

    def __init__(
        self, registry: CollectorRegistry, *, name: str, namespace: str, signal_age: Callable[[], float]
    ) -> None:
        self._own = {"name": name, "resource_namespace": namespace}
        self._phase = Gauge(
            "driftbreaker_phase",
            "1 for the breaker's phase, 0 for the others.",
            (*_LABELS, "phase"),
            registry=registry,
        )
        self._weight = Gauge(
            "driftbreaker_weight",
            "Percent of traffic on a side, model or fallback.",
            (*_LABELS, "backend"),
            registry=registry,
        )
        self._switches = Counter(
            "driftbreaker_switches",
            "Switches that moved traffic.",
            (*_LABELS, "from", "to", "reason"),
            registry=registry,
        )
        self._decisions = Counter(
            "driftbreaker_decisions",
            "Decisions by what they do with traffic (in mode Observe: would do).",
            (*_LABELS, "decision"),
            registry=registry,
        )
        self._effect = Histogram(
            "driftbreaker_route_effect_seconds",
            "Time from writing a route until the data plane reports it in force.",
            _LABELS,
            buckets=_EFFECT_BUCKETS,
            registry=registry,
        ).labels(**self._own)
        Gauge(
            "driftbreaker_signal_age_seconds",
            "Seconds since the signal was last readable.",
            _LABELS,
            registry=registry,
        ).labels(**self._own).set_function(signal_age)
        for kind in DecisionKind:
            self._decisions.labels(**self._own, decision=kind)

    def show(self, state: State) -> None:
        """Show where a breaker stands."""
        for phase in Phase:
            self._phase.labels(**self._own, phase=phase).set(phase is state.phase)
        self._weight.labels(**self._own, backend=Side.MODEL).set(state.weights.model)
        self._weight.labels(**self._own, backend=Side.FALLBACK).set(state.weights.fallback)

    def count(self, decision: Decision) -> None:
        """Count a decision, and its switch if it moved traffic."""
        self._decisions.labels(**self._own, decision=decision.kind).inc()
        switch = decision.switch
        if switch is not None and switch.enforced:
            ends = {"from": switch.from_side, "to": switch.to_side, "reason": switch.reason}
            self._switches.labels(**self._own, **ends).inc()

    def route_took_effect(self, seconds: float) -> None:
        """Note how long a written route took to be in force."""
        self._effect.observe(seconds)


def new_registry() -> CollectorRegistry:
    """A registry with the process's own figures (memory, CPU time, open files)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
