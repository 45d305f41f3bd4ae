"""Rules that hold for every sequence of evidence."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from drift_operator.breaker import (
    Decision,
    DecisionKind,
    Evidence,
    ProbeResult,
    SignalReading,
    State,
    decide,
    initial_state,
)
from drift_operator.breaker.evidence import Window
from drift_operator.breaker.state import BackendMemory
from drift_operator.breaker.watch import watch_backend
from drift_operator.recording import EvidenceLine, StartLine
from drift_operator.replay import replay
from drift_operator.resource.vocabulary import Streak, Verdict

BY_VERDICT = {DecisionKind.TRIP, DecisionKind.BEGIN_RETURN, DecisionKind.STEP, DecisionKind.COMPLETE_RETURN}
PAUSES = st.sampled_from([0.5, 1.0, 5.0, 29.0, 30.0, 60.0, 100.0, 400.0])
VERDICTS = st.sampled_from(["drift", "drift", "suspect", "clear", "clear", "clear", "undecided"])
ANSWERS = st.sampled_from([True, True, True, False, None])
POLICIES = st.sampled_from(["Hold", "Fallback", "Model"])
STEPS = st.sampled_from([[100], [10, 50, 100], [1, 2, 3, 100]])


class BreakerMachine(RuleBasedStateMachine):
    """A world in any order, and what must never happen in it, judged by books of its own."""

    make_bench = None

    @initialize(
        trip=st.integers(1, 3),
        clear=st.integers(1, 3),
        dwell=st.sampled_from(["0s", "100s", "300s"]),
        steps=STEPS,
        policy=POLICIES,
        limit=st.integers(1, 8),
        mode=st.sampled_from(["Enforce", "Enforce", "Enforce", "Observe"]),
    )
    def begin(self, *, trip, clear, dwell, steps, policy, limit, mode):
        self.wishes = {
            "trip": {"streak": trip},
            "recover": {"streak": clear, "dwell": dwell, "steps": steps},
            "onSignalLoss": policy,
            "flapLimit": {"switches": limit, "per": "10m"},
            "mode": mode,
        }
        self.bench = self.make_bench(**self.wishes)
        self.left_model_at = self.last_rise_at = None
        self.real_switches = []
        self.steps_seen = []
        self.lines = [StartLine(name="x", namespace="y", spec=self.bench.spec, state=self.bench.state)]

    def edit(self, **changes):
        self.wishes = {**self.wishes, **changes}
        self.bench.edit(**{key: value for key, value in self.wishes.items() if value is not None})

    def look(self, after, *windows, model=None, fallback=None):
        before, spec = self.bench.state, self.bench.spec
        decision = self.bench.see(*windows, after=after, model=model, fallback=fallback)
        evidence = self.bench.evidence()
        self.judge(before, evidence, spec, decision)
        again, held = decide(self.bench.state, evidence, spec)
        assert again == self.bench.state
        assert (held.kind, held.moved, held.switch) == (DecisionKind.HOLD, False, None)

    def judge(self, before: State, evidence: Evidence, spec, decision: Decision):
        after = self.bench.state
        assert decision.weights == after.weights
        assert decision.moved == (before.weights != after.weights)
        if spec.mode == "Observe":
            assert not decision.moved
            return
        assert after.weights == after.planned
        if decision.moved:
            self.judge_move(before.weights.model, evidence, spec, decision)
        pin = spec.pin
        if pin is not None and pin.to == "Model":
            assert after.weights.model == 100
        if pin is not None and pin.to == "Fallback" and evidence.fallback is not None:
            healthy = evidence.fallback.answered and not after.fallback.dead
            assert not healthy or after.weights.model == 0

    def judge_move(self, old: int, evidence: Evidence, spec, decision: Decision):
        new, time = decision.weights.model, evidence.time
        verdict = evidence.signal.verdict if evidence.signal is not None else None
        if decision.kind in BY_VERDICT:
            assert verdict in ({"drift"} if decision.kind == "Trip" else {"clear"})
        if decision.kind == DecisionKind.ABORT_RETURN and decision.reason == "DriftDuringReturn":
            assert verdict == "drift"
        if new < old:
            assert new == 0
            assert evidence.fallback is not None
            assert evidence.fallback.answered
            self.left_model_at = time
            self.note(time, decision)
            return
        assert new in spec.recover.steps
        free = decision.kind in {DecisionKind.FOLLOW_PIN, DecisionKind.LEAVE_FALLBACK}
        if old == 0 and not free:
            assert time - self.left_model_at >= spec.recover.dwell
            recent = [at for at in self.real_switches if at > time - spec.flap_limit.per]
            assert len(recent) < spec.flap_limit.switches
        if old > 0 and decision.kind in {DecisionKind.STEP, DecisionKind.COMPLETE_RETURN}:
            assert time - self.last_rise_at >= spec.recover.step_duration
        self.last_rise_at = time
        if new == 100:
            self.note(time, decision)

    def note(self, time, decision):
        assert decision.switch is not None
        assert decision.switch.enforced
        if decision.kind != DecisionKind.FOLLOW_PIN:
            self.real_switches.append(time)

    @rule(after=PAUSES, windows=st.lists(VERDICTS, max_size=3), model=ANSWERS, fallback=ANSWERS)
    def windows_close(self, after, windows, model, fallback):
        self.look(after, *windows, model=model, fallback=fallback)

    @rule(count=st.integers(1, 6), after=PAUSES)
    def clear_times(self, count, after):
        for _ in range(count):
            self.look(after, "clear", model=True, fallback=True)

    @rule(count=st.integers(2, 5))
    def long_clear_times(self, count):
        self.signal_is_back()
        self.unpinned()
        self.enforcing()
        self.bench.route = True
        for after in (10, 90, *[31] * count):
            self.look(after, "clear", model=True, fallback=True)

    @rule(count=st.integers(1, 5), model=st.booleans())
    def probes_fail(self, count, model):
        for _ in range(count):
            self.look(10, model=model, fallback=not model)

    @rule(after=PAUSES, windows=st.lists(VERDICTS, max_size=3))
    def drift_comes(self, after, windows):
        for verdict in ("drift", "drift", "drift", *windows):
            self.look(after, verdict, model=True, fallback=True)

    @rule(after=PAUSES, stays=st.booleans())
    def signal_fails(self, after, stays):
        self.bench.error = "unreachable"
        self.look(after)
        self.look(after)
        if not stays:
            self.signal_is_back()

    @rule()
    def signal_is_back(self):
        self.bench.error = None
        self.look(1)

    @rule(to=st.sampled_from(["Model", "Fallback"]), stays=st.booleans())
    def pinned(self, to, stays):
        self.edit(pin={"to": to, "reason": "a person"})
        self.look(1)
        if not stays:
            self.unpinned()

    @rule()
    def unpinned(self):
        self.edit(pin=None)
        self.look(1)

    @rule()
    def observing(self):
        self.edit(mode="Observe")
        self.look(1)
        self.drift_comes(100, ["clear"])
        self.enforcing()

    @rule()
    def enforcing(self):
        if self.bench.spec.mode == "Observe" and self.bench.model_percent < 100:
            # Entering Enforce starts the dwell anew from here: the books must not be stricter than the rule.
            self.left_model_at = self.last_rise_at = self.bench.time + 1
        self.edit(mode="Enforce")
        self.look(1)

    @rule()
    def detector_restarts(self):
        self.bench.restart_detector()
        self.look(1)

    @rule()
    def profile_changes(self):
        self.bench.digest += "+"
        self.bench.drift = self.bench.clear = 0
        self.look(1)

    @rule(requests=st.integers(0, 5), events=st.integers(0, 5))
    def traffic(self, requests, events):
        self.bench.served = (self.bench.served or 0) + requests
        self.bench.events = (self.bench.events or 0) + events
        self.look(20)

    @rule(route=st.sampled_from([None, True, True, False]))
    def route_reports(self, route):
        self.bench.route = route

    @invariant()
    def state_survives_json(self):
        state = getattr(self, "bench", None) and self.bench.state
        if state is not None:
            assert State.model_validate_json(state.model_dump_json()) == state
            assert state.weights.model + state.weights.fallback == 100
            assert state.planned.model + state.planned.fallback == 100


def test_no_sequence_of_events_breaks_a_rule(make_bench):
    machine = type("Machine", (BreakerMachine,), {"make_bench": staticmethod(make_bench)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=250, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


@st.composite
def evidences(draw):
    """A sequence of evidence with streaks and verdicts that need not even fit together."""
    times = itertools.accumulate(draw(st.lists(PAUSES, min_size=1, max_size=30)), initial=1_800_000_000.0)
    sequence = []
    for time in times:
        readable = draw(st.booleans() | st.just(True))
        reading = SignalReading(
            window=draw(st.none() | st.builds(Window, sequence=st.integers(0, 5), time=st.none() | st.floats(0, 1e9))),
            verdict=draw(st.none() | st.sampled_from(Verdict)),
            streak=Streak(drift=draw(st.integers(0, 4)), clear=draw(st.integers(0, 4))),
            profile_digest=draw(st.sampled_from([None, "a", "b"])),
            events=draw(st.none() | st.integers(0, 3)),
        )
        probes = {
            side: draw(
                st.none()
                | st.builds(ProbeResult, time=st.just(time), answered=st.booleans(), message=st.text(max_size=3))
            )
            for side in ("model", "fallback")
        }
        sequence.append(
            Evidence(
                time=time,
                signal=reading if readable else None,
                signal_error=None if readable else "unreadable",
                served_requests=draw(st.none() | st.integers(0, 5)),
                **probes,
            )
        )
    return sequence


class TestReplayOfAnyRecording:
    @given(sequence=evidences(), policy=POLICIES, mode=st.sampled_from(["Enforce", "Observe"]))
    @settings(max_examples=150, deadline=None)
    def test_recorded_evidence_gives_the_recorded_decisions(self, make_spec, sequence, policy, mode):
        spec = make_spec(onSignalLoss=policy, mode=mode, recover={"dwell": "10s", "streak": 1})
        state = initial_state(sequence[0].time, spec.mode)
        lines = [StartLine(name="x", namespace="y", spec=spec, state=state)]
        for evidence in sequence:
            state, decision = decide(state, evidence, spec)
            lines.append(EvidenceLine(evidence=evidence, decision=decision))
        read = [type(line).model_validate_json(line.model_dump_json()) for line in lines]
        report = replay(enumerate(read, start=1))
        assert report.differences == ()
        assert report.decisions == len(sequence)
        assert list(report.switches) == [line.decision.switch for line in lines[1:] if line.decision.switch]

    @given(sequence=evidences())
    @settings(max_examples=100, deadline=None)
    def test_undecided_or_unreadable_windows_alone_move_nothing(self, make_spec, sequence):
        spec = make_spec(signal={"staleAfter": "24h"})
        state = initial_state(sequence[0].time, spec.mode)
        for evidence in sequence:
            answered = {"answered": True, "time": evidence.time, "message": ""}
            update = {"model": ProbeResult(**answered), "fallback": ProbeResult(**answered)}
            if evidence.signal is not None:
                update["signal"] = evidence.signal.model_copy(update={"verdict": Verdict.UNDECIDED})
            state, decision = decide(state, evidence.model_copy(update=update), spec)
            assert (decision.kind, decision.weights.model) == (DecisionKind.HOLD, 100)


class TestBackendMemory:
    @given(answers=st.lists(st.booleans(), max_size=40), threshold=st.integers(1, 4))
    def test_dead_is_a_run_of_failures_until_as_long_a_run_of_answers(self, answers, threshold):
        memory = BackendMemory()
        dead = False
        for number, answered in enumerate(answers):
            memory = watch_backend(memory, ProbeResult(time=number, answered=answered, message=""), threshold)
            newest = answers[max(0, number + 1 - threshold) : number + 1]
            if len(newest) == threshold and len(set(newest)) == 1:
                dead = not newest[0]
            assert memory.dead is dead


def test_evidence_refuses_what_json_cannot_carry():
    with pytest.raises(ValueError, match="finite"):
        Evidence(time=float("nan"), signal_error="x")
    json.loads(Evidence(time=1.5, signal_error="x").model_dump_json())
