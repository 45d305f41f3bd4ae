import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_detectors.policy import Policy
from drift_detectors.verdict import (
    Streak,
    UndecidedReason,
    Verdict,
    VerdictState,
    WindowEvidence,
    flagged_in,
    judge,
    restart,
)

POLICY = Policy()  # drift when flagged in 3 of the last 4
A, B = "age", "miles"
UNDECIDED = "undecided"

NOTHING = frozenset()
flags = st.frozensets(st.sampled_from([A, B, "region"]))
windows = st.lists(st.one_of(flags, st.just(UNDECIDED)), max_size=25)
policies = st.integers(1, 5).flatmap(
    lambda last: st.integers(1, last).map(lambda k: Policy(drift_when_flagged_in=k, of_last_windows=last))
)


def evidence(window):
    if window == UNDECIDED:
        return WindowEvidence(undecided=UndecidedReason.TOO_FEW_ROWS)
    return WindowEvidence(frozenset(window))


def run(windows, policy=POLICY, state=None):
    state = state or VerdictState()
    decisions = []
    for window in windows:
        decisions.append(judge(state, evidence(window), policy))
        state = decisions[-1].state
    return decisions


def shown(decisions):
    """Verdict and streaks of each window: ``drift 2 0`` is the second drift in a row."""
    return [f"{made.verdict} {made.state.streak.drift} {made.state.streak.clear}" for made in decisions]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        pytest.param([[], []], ["clear 0 1", "clear 0 2"], id="clear windows add up"),
        pytest.param([[A], [A], [A]], ["suspect 0 0", "suspect 0 0", "drift 1 0"], id="three in a row"),
        pytest.param(
            [[A], [A], [], [A]],
            ["suspect 0 0", "suspect 0 0", "clear 0 1", "drift 1 0"],
            id="three of the last four",
        ),
        pytest.param(
            [[A], [], [], [A], [A]],
            ["suspect 0 0", "clear 0 1", "clear 0 2", "suspect 0 0", "suspect 0 0"],
            id="three of five are too far apart",
        ),
        pytest.param(
            [[A], [B], [A], [B]],
            ["suspect 0 0"] * 4,
            id="different features do not add up",
        ),
        pytest.param(
            [[A], [A, B], [B], [B]],
            ["suspect 0 0", "suspect 0 0", "suspect 0 0", "drift 1 0"],
            id="each feature is counted for itself",
        ),
        pytest.param(
            [[], [], [B], []],
            ["clear 0 1", "clear 0 2", "suspect 0 0", "clear 0 1"],
            id="suspect ends the clear streak",
        ),
        pytest.param(
            [[A], [A], [A], [B], [B]],
            ["suspect 0 0", "suspect 0 0", "drift 1 0", "drift 2 0", "suspect 0 0"],
            id="suspect ends the drift streak",
        ),
        pytest.param(
            [[A], [A], [A], [], []],
            ["suspect 0 0", "suspect 0 0", "drift 1 0", "drift 2 0", "clear 0 1"],
            id="drift fades when three of four no longer hold",
        ),
        pytest.param(
            [[], UNDECIDED, []],
            ["clear 0 1", "undecided 0 1", "clear 0 2"],
            id="undecided neither extends nor ends the clear streak",
        ),
        pytest.param(
            [[A], [A], [A], UNDECIDED, UNDECIDED, [A]],
            ["suspect 0 0", "suspect 0 0", "drift 1 0", "undecided 1 0", "undecided 1 0", "drift 2 0"],
            id="undecided neither extends nor ends the drift streak",
        ),
        pytest.param(
            [[A], UNDECIDED, UNDECIDED, UNDECIDED, UNDECIDED, [A], [A]],
            ["suspect 0 0", *["undecided 0 0"] * 4, "suspect 0 0", "drift 1 0"],
            id="undecided windows do not push flags out of memory",
        ),
    ],
)
def test_sequences_of_windows(windows, expected):
    assert shown(run(windows)) == expected


@pytest.mark.parametrize("reason", UndecidedReason)
def test_an_undecided_window_says_why_even_when_features_are_flagged(reason):
    decision = judge(
        VerdictState(), WindowEvidence(frozenset({A}), reason), Policy(1, None, 1, drift_when_flagged_in=1)
    )

    assert (decision.verdict, decision.reason) == (Verdict.UNDECIDED, reason)
    assert decision.state.recent == ()


def test_a_decided_window_gives_no_reason():
    assert [made.reason for made in run([[], [A], [A], [A]])] == [None] * 4


def test_drifted_names_the_features_with_k_of_n_and_no_others():
    assert [made.drifted for made in run([[A, B], [A], [A], [B]])] == [NOTHING, NOTHING, {A}, {A}]


def test_an_undecided_window_still_names_what_has_drifted():
    assert run([[A], [A], [A], UNDECIDED])[-1].drifted == {A}


def test_since_is_the_beginning_of_the_episode():
    states = [made.state.since for made in run([[], [A], UNDECIDED, [A, B], [], [], [], [], [A]])]

    assert states[1] == {A: 2}
    assert states[3] == {A: 2, B: 4}
    assert states[7] == {}
    assert states[8] == {A: 9}


def test_a_new_profile_forgets_everything_but_the_sequence():
    before = run([[A], [A], [A], [A]])[-1].state
    assert before.streak.drift == 2

    after = restart(before)

    assert after == VerdictState(sequence=4)
    # Two flags are not three: those under the old profile are gone.
    assert shown(run([[A], [A], [A]], state=after)) == ["suspect 0 0", "suspect 0 0", "drift 1 0"]


@given(windows, policies)
def test_drift_is_exactly_k_of_the_last_n_decided_windows_on_one_feature(windows, policy):
    decided = []
    for window, decision in zip(windows, run(windows, policy), strict=True):
        if window == UNDECIDED:
            assert decision.verdict is Verdict.UNDECIDED
            continue
        decided.append(window)
        newest = decided[-policy.of_last_windows :]
        drifted = {
            name
            for name in (A, B, "region")
            if len([1 for flagged in newest if name in flagged]) >= policy.drift_when_flagged_in
        }
        assert decision.drifted == drifted
        expected = Verdict.DRIFT if drifted else Verdict.SUSPECT if window else Verdict.CLEAR
        assert decision.verdict is expected


@given(windows, policies)
def test_streaks_are_the_run_of_the_same_verdict_up_to_here_without_undecided_windows(windows, policy):
    verdicts = []
    for decision in run(windows, policy):
        if decision.verdict is not Verdict.UNDECIDED:
            verdicts.append(decision.verdict)
        lengths = {}
        for kind in (Verdict.DRIFT, Verdict.CLEAR):
            others = [index for index, verdict in enumerate(verdicts) if verdict is not kind]
            lengths[kind] = len(verdicts) - (others[-1] + 1 if others else 0)
        assert decision.state.streak == Streak(lengths[Verdict.DRIFT], lengths[Verdict.CLEAR])
        assert 0 in lengths.values()


@given(windows, policies)
def test_undecided_windows_change_no_other_verdict(windows, policy):
    with_gaps = [made for made in run(windows, policy) if made.verdict is not Verdict.UNDECIDED]
    without = run([window for window in windows if window != UNDECIDED], policy)

    assert shown(with_gaps) == shown(without)


@given(st.lists(st.one_of(flags, st.just(UNDECIDED), st.just("new profile")), max_size=25), policies)
def test_the_sequence_counts_every_closed_window_and_never_goes_back(steps, policy):
    state = VerdictState()
    closed = 0
    for step in steps:
        if step == "new profile":
            state = restart(state)
            assert (state.recent, state.since, state.streak) == ((), {}, Streak())
        else:
            state = judge(state, evidence(step), policy).state
            closed += 1
        assert state.sequence == closed


@given(windows, policies)
def test_memory_is_bounded(windows, policy):
    for decision in run(windows, policy):
        assert len(decision.state.recent) <= policy.of_last_windows
        assert set(decision.state.since) == set().union(*decision.state.recent)
        assert all(flagged_in(decision.state.recent, name) for name in decision.state.since)


@given(windows)
def test_judging_changes_nothing_that_was_given(windows):
    state = VerdictState(7, (frozenset({A}),), {A: 5}, Streak(drift=2))

    run(windows, POLICY, state)

    assert state == VerdictState(7, (frozenset({A}),), {A: 5}, Streak(drift=2))
