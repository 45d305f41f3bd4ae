"""Every phase and every way out of it."""

import pytest


class TestWhileTheModelServes:
    @pytest.mark.parametrize(
        ("windows", "phase", "kind", "reason"),
        [
            ([], "Learning", "Hold", "NoWindowYet"),
            (["undecided"], "Learning", "Hold", "Undecided"),
            (["clear"], "Healthy", "Hold", "Clear"),
            (["suspect"], "Suspect", "Hold", "SuspectWindow"),
            (["drift"], "Fallback", "Trip", "DriftConfirmed"),
            (["clear", "undecided"], "Healthy", "Hold", "Undecided"),
            (["clear", "suspect"], "Suspect", "Hold", "SuspectWindow"),
            (["suspect", "undecided"], "Suspect", "Hold", "Undecided"),
            (["suspect", "clear"], "Healthy", "Hold", "Clear"),
            (["clear", "drift"], "Fallback", "Trip", "DriftConfirmed"),
            (["suspect", "drift"], "Fallback", "Trip", "DriftConfirmed"),
        ],
    )
    def test_the_newest_verdict_sets_the_phase(self, make_bench, windows, phase, kind, reason):
        bench = make_bench()
        decision = bench.see()
        for verdict in windows:
            decision = bench.see(verdict)
        assert (bench.state.phase, decision.kind, decision.reason) == (phase, kind, reason)
        assert bench.model_percent == (0 if phase == "Fallback" else 100)

    def test_drift_short_of_the_trips_streak_is_suspect(self, make_bench):
        bench = make_bench(trip={"streak": 2})
        decision = bench.see("drift")
        assert (bench.state.phase, decision.reason, bench.model_percent) == ("Suspect", "DriftUnconfirmed", 100)
        assert bench.see("drift").kind == "Trip"

    def test_a_missed_poll_loses_no_drift(self, make_bench):
        bench = make_bench(trip={"streak": 3})
        bench.see("clear")
        assert bench.see("drift", "drift", "drift").kind == "Trip"

    def test_an_undecided_window_after_drift_moves_nothing(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        decision = bench.see("drift", "undecided")
        assert bench.drift == 1
        assert (decision.kind, decision.reason, bench.model_percent) == ("Hold", "Undecided", 100)

    def test_a_trip_is_one_switch_with_window_and_reason(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        decision = bench.see("drift")
        assert decision.moved
        (switch,) = bench.state.switches
        assert switch == decision.switch
        assert (switch.from_side, switch.to_side, switch.reason) == ("model", "fallback", "DriftConfirmed")
        assert (switch.sequence, switch.time, switch.enforced) == (2, bench.time, True)
        assert bench.see("drift").switch is None


class TestFallbackThatDoesNotAnswer:
    @pytest.mark.parametrize("fallback", [False, None])
    def test_confirmed_drift_stays_on_the_model(self, make_bench, fallback):
        bench = make_bench()
        decision = bench.see("drift", fallback=fallback)
        assert (bench.state.phase, bench.model_percent) == ("Suspect", 100)
        assert decision.reason == "FallbackNotAnswering"
        assert "until the fallback answers" in decision.message
        assert bench.condition("FallbackReady")[0] == ("False" if fallback is False else "Unknown")

    def test_it_trips_on_the_same_window_once_the_fallback_answers(self, make_bench):
        bench = make_bench()
        bench.see("drift", fallback=False)
        assert bench.see(fallback=True).kind == "Trip"
        assert bench.state.switches[0].sequence == 1

    def test_one_answer_is_not_enough_after_it_was_dead(self, make_bench):
        bench = make_bench()
        for _ in range(3):
            bench.see("drift", fallback=False)
        assert [bench.see().kind for _ in range(3)] == ["Hold", "Hold", "Trip"]

    def test_a_fallback_that_dies_with_the_traffic_is_left(self, make_bench):
        bench = make_bench().tripped()
        kinds = [bench.see(fallback=False).kind for _ in range(3)]
        assert kinds == ["Hold", "Hold", "LeaveFallback"]
        assert (bench.state.phase, bench.model_percent) == ("Suspect", 100)
        assert (bench.state.switches[-1].to_side, bench.state.switches[-1].reason) == (
            "model",
            "FallbackNotAnswering",
        )
        assert bench.condition("FallbackReady") == ("False", "ProbeFailed")

    def test_traffic_goes_back_to_it_when_drift_persists_and_it_is_well(self, make_bench):
        bench = make_bench().tripped()
        for _ in range(3):
            bench.see(fallback=False)
        assert [bench.see().kind for _ in range(3)] == ["Hold", "Hold", "Trip"]

    def test_with_both_sides_dead_nothing_moves(self, make_bench):
        bench = make_bench().tripped()
        assert {bench.see(fallback=False, model=False).kind for _ in range(6)} == {"Hold"}


class TestModelThatDoesNotAnswer:
    def test_it_is_left_after_the_failure_threshold(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        assert [bench.see(model=False).kind for _ in range(3)] == ["Hold", "Hold", "LeaveModel"]
        assert (bench.state.phase, bench.state.switches[-1].reason) == ("Fallback", "ModelNotAnswering")

    def test_a_single_answer_in_between_starts_the_count_anew(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        answers = [False, False, True, False, False]
        assert {bench.see(model=answer).kind for answer in answers} == {"Hold"}

    def test_the_same_probe_is_counted_once(self, make_bench):
        bench = make_bench()
        bench.see("clear", model=False)
        assert {bench.see(model=None).kind for _ in range(9)} == {"Hold"}

    def test_it_is_not_left_for_a_fallback_that_does_not_answer(self, make_bench):
        bench = make_bench()
        bench.see("clear", fallback=False)
        assert {bench.see(model=False, fallback=False).kind for _ in range(5)} == {"Hold"}
        assert bench.model_percent == 100

    def test_no_return_to_it(self, make_bench):
        bench = make_bench().tripped()
        for _ in range(20):
            decision = bench.see("clear", model=False)
        assert (decision.kind, decision.reason) == ("Hold", "ModelNotAnswering")

    def test_in_a_return_the_first_failure_aborts(self, make_bench):
        bench = make_bench().returning()
        decision = bench.see("clear", model=False)
        assert (decision.kind, decision.reason) == ("AbortReturn", "ModelNotAnswering")


class TestReturn:
    @pytest.mark.parametrize(
        ("windows", "after", "reason"),
        [
            (["clear", "clear"], 99, "Dwelling"),
            (["clear"], 100, "ClearUnconfirmed"),
            (["clear", "clear", "suspect"], 100, "SuspectWindow"),
            (["clear", "clear", "undecided"], 100, "Undecided"),
            (["clear", "clear", "drift"], 100, "DriftPersists"),
        ],
    )
    def test_it_waits(self, make_bench, windows, after, reason):
        bench = make_bench().tripped()
        decision = bench.see(*windows, after=after)
        assert (bench.state.phase, decision.kind, decision.reason) == ("Fallback", "Hold", reason)

    def test_it_goes_by_steps_each_after_its_time_and_a_clear_window(self, make_bench):
        bench = make_bench().returning()
        assert bench.see("clear", after=29).reason == "StepLasts"
        assert (bench.see(after=1).kind, bench.model_percent) == ("Step", 50)
        assert bench.see(after=60).reason == "AwaitingWindow"
        decision = bench.see("clear")
        assert (decision.kind, decision.reason, bench.state.phase) == (
            "CompleteReturn",
            "ClearConfirmed",
            "Healthy",
        )
        assert bench.model_percent == 100
        assert [(switch.from_side, switch.to_side) for switch in bench.state.switches] == [
            ("model", "fallback"),
            ("fallback", "model"),
        ]

    def test_a_single_step_returns_at_once(self, make_bench):
        bench = make_bench(recover={"steps": [100]}).tripped()
        assert (bench.see("clear", "clear", after=100).kind, bench.state.phase) == ("CompleteReturn", "Healthy")

    @pytest.mark.parametrize(("verdict", "reason"), [("suspect", "SuspectWindow"), ("undecided", "Undecided")])
    def test_suspect_and_undecided_windows_keep_the_step(self, make_bench, verdict, reason):
        bench = make_bench().returning()
        for _ in range(5):
            decision = bench.see(verdict, after=100)
        assert (bench.state.phase, bench.model_percent, decision.reason) == ("Recovering", 10, reason)

    def test_drift_aborts_at_once_even_below_the_trips_streak(self, make_bench):
        bench = make_bench(trip={"streak": 5})
        bench.see("drift", "drift", "drift", "drift", "drift")
        bench.see("clear", "clear", after=100)
        assert bench.state.phase == "Recovering"
        decision = bench.see("drift", after=1)
        assert (decision.kind, bench.state.phase, bench.model_percent) == ("AbortReturn", "Fallback", 0)
        assert decision.switch.reason == "DriftDuringReturn"

    def test_an_abort_starts_the_dwell_anew(self, make_bench):
        bench = make_bench().returning()
        bench.see("drift")
        assert bench.see("clear", "clear", after=99).reason == "Dwelling"
        assert bench.see(after=1).kind == "BeginReturn"

    def test_an_abort_needs_a_fallback_that_answers(self, make_bench):
        bench = make_bench().returning()
        decision = bench.see("drift", fallback=False)
        assert (decision.kind, decision.reason, bench.model_percent) == ("Hold", "FallbackNotAnswering", 10)

    def test_no_step_while_the_last_weights_are_not_in_force(self, make_bench):
        bench = make_bench().returning()
        bench.route = False
        assert bench.see("clear", after=30).reason == "RouteNotInForce"
        bench.route = True
        assert bench.see().kind == "Step"

    def test_steps_that_were_edited_go_on_from_the_present_weight(self, make_bench):
        bench = make_bench().returning()
        bench.edit(recover={"steps": [5, 10, 20, 100]})
        bench.see("clear", after=30)
        assert bench.model_percent == 20


class TestSignalLoss:
    def lose(self, bench):
        bench.error = "connection refused"
        assert bench.see(after=59).reason == "SignalUnreadable"
        return bench.see(after=1)

    @pytest.mark.parametrize(
        ("policy", "phase", "weight"),
        [("Hold", "Learning", 100), ("Fallback", "Fallback", 0), ("Model", "Learning", 100)],
    )
    def test_from_the_model(self, make_bench, policy, phase, weight):
        bench = make_bench(onSignalLoss=policy)
        bench.see("clear")
        decision = self.lose(bench)
        assert (bench.state.phase, bench.model_percent, decision.reason) == (phase, weight, "SignalLost")
        assert bench.condition("SignalAvailable") == ("False", "SignalUnreadable")

    @pytest.mark.parametrize(("policy", "phase", "weight"), [("Hold", "Recovering", 10), ("Fallback", "Fallback", 0)])
    def test_in_a_return(self, make_bench, policy, phase, weight):
        bench = make_bench(onSignalLoss=policy).returning()
        self.lose(bench)
        assert (bench.state.phase, bench.model_percent) == (phase, weight)

    def test_policy_model_leaves_the_fallback_after_the_dwell(self, make_bench):
        bench = make_bench(onSignalLoss="Model").tripped()
        decision = self.lose(bench)
        assert (decision.kind, bench.state.phase) == ("Hold", "Fallback")
        decision = bench.see(after=40)
        assert (decision.kind, bench.state.phase, bench.model_percent) == ("FollowSignalLoss", "Learning", 100)

    def test_policy_fallback_needs_a_fallback_that_answers(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.see("clear", fallback=False)
        bench.error = "gone"
        decision = bench.see(after=60, fallback=False)
        assert (decision.kind, bench.model_percent) == ("Hold", 100)
        assert "does not answer" in decision.message

    def test_an_old_verdict_is_not_acted_on_while_the_signal_is_unreadable(self, make_bench):
        bench = make_bench()
        bench.see("drift", fallback=False)
        bench.error = "gone"
        assert bench.see(fallback=True).reason == "SignalUnreadable"
        bench.error = None
        assert bench.see().kind == "Trip"

    def test_a_signal_that_never_was_is_lost_as_well(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.error = "no such host"
        assert bench.see(after=59).kind == "Hold"
        assert bench.see(after=1).kind == "FollowSignalLoss"

    def test_it_returns_when_the_signal_does(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.see("clear", "clear")
        self.lose(bench)
        bench.error = None
        assert bench.see(after=100).kind == "BeginReturn"


class TestIdleAndStarving:
    def test_no_requests_at_all_is_idle(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.events, bench.served = 10, 500
        bench.see("clear")
        assert {bench.see(after=1000).kind for _ in range(5)} == {"Hold"}
        assert (bench.state.phase, bench.condition("SignalAvailable")[0]) == ("Healthy", "True")

    def test_requests_without_events_are_a_loss_after_the_time(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.events, bench.served = 10, 500
        bench.see("clear")
        bench.served = 501
        assert bench.see(after=10).kind == "Hold"
        assert bench.see(after=59).kind == "Hold"
        decision = bench.see(after=1)
        assert (decision.kind, decision.reason) == ("FollowSignalLoss", "SignalLost")
        assert bench.condition("SignalAvailable") == ("False", "NoEvents")

    def test_a_starving_detector_does_not_read_as_healthy(self, make_bench):
        bench = make_bench()
        bench.events, bench.served = 10, 500
        bench.see("clear")
        bench.served = 900
        bench.see()
        bench.see(after=60)
        assert bench.state.phase == "Learning"

    def test_one_event_ends_it(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.events, bench.served = 10, 500
        bench.see("clear")
        for _ in range(20):
            bench.served += 100
            bench.see(after=30)
            bench.events += 1
            assert bench.see(after=29).kind == "Hold"

    def test_counters_that_start_anew_are_no_loss(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.events, bench.served = 10, 500
        bench.see("clear")
        bench.served = 3
        assert {bench.see(after=100).kind for _ in range(3)} == {"Hold"}
        bench.served, bench.events = 9, 0
        assert {bench.see(after=100).kind for _ in range(3)} == {"Hold"}

    def test_a_data_plane_that_started_anew_is_counted_from_there(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback")
        bench.events, bench.served = 10, 500
        bench.see("clear")
        bench.served = 3
        bench.see()
        bench.served = 4
        bench.see()
        assert bench.see(after=60).kind == "FollowSignalLoss"


class TestDetectorStartsAnew:
    def test_a_smaller_sequence_is_followed(self, make_bench):
        bench = make_bench().returning()
        for _ in range(50):
            bench.see("clear", after=0)
        bench.restart_detector()
        assert bench.see(after=30).reason == "NoWindowYet"
        assert bench.model_percent == 10
        assert bench.see("clear").kind == "Step"
        assert bench.see("drift").kind == "AbortReturn"

    def test_it_makes_the_model_learning_until_a_window_closes(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        bench.restart_detector()
        bench.see()
        assert bench.state.phase == "Learning"
        bench.see("clear")
        assert bench.state.phase == "Healthy"

    def test_a_verdict_under_an_earlier_profile_is_set_aside(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        bench.digest, bench.drift, bench.clear = "sha256:two", 0, 0
        bench.verdict = "drift"
        bench.see()
        assert (bench.state.phase, bench.state.verdict) == ("Learning", None)
        bench.see()
        assert bench.state.phase == "Learning"
        assert bench.see("drift").kind == "Trip"

    def test_a_window_that_closed_together_with_the_new_profile_counts(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        bench.digest, bench.clear = "sha256:two", 0
        assert bench.see("drift").kind == "Trip"


class TestPin:
    def test_to_the_fallback_and_back_by_the_evidence(self, make_bench):
        bench = make_bench()
        bench.see("clear", "clear")
        bench.edit(pin={"to": "Fallback", "reason": "incident 4711"})
        decision = bench.see()
        assert (decision.kind, bench.state.phase, bench.model_percent) == ("FollowPin", "Fallback", 0)
        assert "incident 4711" in decision.message
        assert bench.condition("Pinned") == ("True", "PinnedToFallback")
        for _ in range(30):
            assert bench.see("clear").kind == "Hold"
        bench.edit()
        assert bench.see().kind == "BeginReturn"
        assert bench.condition("Pinned") == ("False", "NotPinned")

    def test_to_the_model_against_drift(self, make_bench):
        bench = make_bench().tripped()
        bench.edit(pin={"to": "Model", "reason": "rules are wrong"})
        assert (bench.see("drift").kind, bench.state.phase, bench.model_percent) == ("FollowPin", "Suspect", 100)
        assert bench.see("drift").kind == "Hold"
        bench.edit()
        assert bench.see().kind == "Trip"

    def test_it_ends_at_its_time(self, make_bench):
        bench = make_bench()
        # The bench begins at 2027-01-15T08:00:00Z.
        bench.edit(pin={"to": "Model", "until": "2027-01-15T08:01:00Z", "reason": "a look"})
        assert bench.see("drift", after=59).kind == "Hold"
        assert bench.see(after=1).kind == "Trip"
        assert bench.condition("Pinned") == ("False", "PinExpired")

    def test_to_a_fallback_that_does_not_answer_moves_nothing(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        bench.edit(pin={"to": "Fallback", "reason": "incident"})
        decision = bench.see(fallback=False)
        assert (decision.kind, bench.model_percent) == ("Hold", 100)
        assert bench.condition("Pinned") == ("False", "FallbackNotReady")

    def test_it_is_stronger_than_a_dead_backend_and_a_lost_signal(self, make_bench):
        bench = make_bench(onSignalLoss="Fallback", pin={"to": "Model", "reason": "stay"})
        bench.error = "gone"
        assert {bench.see(after=100, model=False).kind for _ in range(6)} == {"Hold"}
        assert bench.model_percent == 100

    def test_it_does_not_count_for_the_flap_limit(self, make_bench):
        bench = make_bench(flapLimit={"switches": 1})
        for side in ("Fallback", "Model", "Fallback"):
            bench.edit(flapLimit={"switches": 1}, pin={"to": side, "reason": "to and fro"})
            bench.see("clear")
        assert len(bench.state.switches) == 3
        assert bench.condition("Flapping")[0] == "False"


class TestFlapLimit:
    def flap(self, bench):
        bench.returning()
        bench.see("drift")
        assert len(bench.state.switches) == 2

    def test_it_keeps_traffic_on_the_fallback_and_says_until_when(self, make_bench):
        bench = make_bench(flapLimit={"switches": 2, "per": "1h"})
        self.flap(bench)
        first, second = (switch.time for switch in bench.state.switches)
        decision = bench.see("clear", "clear", after=200)
        assert (decision.kind, decision.reason) == ("Hold", "FlapLimit")
        assert bench.condition("Flapping") == ("True", "FlapLimitReached")
        bench.see("clear", after=first + 3599 - bench.time)
        assert bench.decision.reason == "FlapLimit"
        assert bench.see("clear", after=1).kind == "BeginReturn"
        assert bench.condition("Flapping")[0] == "False"
        assert second > first

    def test_a_pin_to_the_model_goes_before_it(self, make_bench):
        bench = make_bench(flapLimit={"switches": 2})
        self.flap(bench)
        bench.edit(flapLimit={"switches": 2}, pin={"to": "Model", "reason": "checked by hand"})
        bench.see("clear")
        assert bench.model_percent == 100

    def test_a_trip_is_never_held_up(self, make_bench):
        bench = make_bench(flapLimit={"switches": 1})
        bench.see("drift")
        bench.edit(flapLimit={"switches": 1}, pin={"to": "Model", "reason": "once more"})
        bench.see()
        bench.edit(flapLimit={"switches": 1})
        assert bench.see().kind == "Trip"

    def test_it_holds_the_policy_model_as_well(self, make_bench):
        bench = make_bench(flapLimit={"switches": 1}, onSignalLoss="Model").tripped()
        bench.error = "gone"
        bench.see(after=60)
        decision = bench.see(after=100)
        assert decision.kind == "Hold"
        assert "flap limit" in decision.message


class TestObserve:
    def test_it_decides_and_reports_and_moves_nothing(self, make_bench):
        bench = make_bench(mode="Observe", probe=None)
        bench.see("clear", fallback=None, model=None)
        decision = bench.see("drift", fallback=None, model=None)
        assert (decision.kind, decision.moved, bench.model_percent) == ("Trip", False, 100)
        assert (bench.state.phase, bench.state.planned.model) == ("Fallback", 0)
        assert not decision.switch.enforced
        decision = bench.see("clear", "clear", after=100, fallback=None, model=None)
        assert (decision.kind, bench.state.planned.model, bench.model_percent) == ("BeginReturn", 10, 100)

    def test_enforcing_starts_from_where_traffic_is(self, make_bench):
        bench = make_bench(mode="Observe")
        bench.see("clear")
        bench.see("drift")
        assert bench.state.phase == "Fallback"
        bench.edit()
        decision = bench.see("clear")
        assert (bench.state.phase, bench.model_percent, decision.moved) == ("Healthy", 100, False)
        assert bench.state.switches == ()
        assert bench.see("drift").moved

    def test_planned_switches_do_not_count_once_it_enforces(self, make_bench):
        bench = make_bench(mode="Observe", flapLimit={"switches": 2})
        bench.see("drift")
        bench.edit(flapLimit={"switches": 2})
        bench.see("clear")
        bench.see("drift")
        assert bench.see("clear", "clear", after=100).kind == "BeginReturn"

    def test_observing_freezes_traffic_where_it_is(self, make_bench):
        bench = make_bench().tripped()
        bench.edit(mode="Observe")
        bench.see("clear", "clear", after=100)
        assert (bench.state.phase, bench.state.planned.model, bench.model_percent) == ("Recovering", 10, 0)
        bench.edit()
        assert bench.see("clear").reason == "Dwelling"
        assert (bench.state.phase, bench.model_percent) == ("Fallback", 0)

    def test_a_pin_moves_nothing_either(self, make_bench):
        bench = make_bench(mode="Observe", pin={"to": "Fallback", "reason": "x"})
        bench.see("clear")
        assert bench.model_percent == 100
        assert bench.condition("Pinned") == ("False", "ModeObserve")


class TestConditions:
    def test_all_five_are_always_there(self, make_bench):
        bench = make_bench()
        bench.see()
        assert [condition.type.value for condition in bench.state.conditions] == [
            "SignalAvailable",
            "FallbackReady",
            "RouteAccepted",
            "Pinned",
            "Flapping",
        ]

    def test_the_transition_time_is_that_of_the_status(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        first = bench.time
        bench.see("clear")
        assert {condition.last_transition_time for condition in bench.state.conditions} == {first}
        bench.see("clear", fallback=False)
        changed = {item.type.value: item.last_transition_time for item in bench.state.conditions}
        # One failed probe leaves a fallback that has answered before not ready to be switched to.
        assert changed["FallbackReady"] == bench.time
        assert changed["SignalAvailable"] == first

    @pytest.mark.parametrize(("route", "status"), [(None, "Unknown"), (True, "True"), (False, "False")])
    def test_route_accepted(self, make_bench, route, status):
        bench = make_bench()
        bench.route = route
        bench.see()
        assert bench.condition("RouteAccepted")[0] == status
