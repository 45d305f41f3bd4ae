import json

import pytest

from drift_detectors.events.outcomes import EventType, Outcome
from drift_detectors.evidence import FeatureEvidence
from drift_detectors.policy import Policy
from drift_detectors.profiles import parse_profile
from drift_detectors.stream import Stream, StreamName
from drift_detectors.verdict import UndecidedReason, Verdict

SIZE = 10
POLICY = Policy(window_size=SIZE, minimum_rows=5, drift_when_flagged_in=2, of_last_windows=3)
NAME = StreamName("risk", "default", ("risk",))


def age_is_high(profile, policy):
    """A check whose answer a test can foresee: age is flagged when its mean is above 100."""

    def check(rows):
        return [
            FeatureEvidence(
                feature=feature,
                test="mean",
                statistic=0.0,
                p_value=0.0,
                adjusted_p_value=0.0,
                effect=1.0,
                effect_name="wasserstein",
                flagged=bool(index == 0 and rows.values[:, 0].mean() > 100),
                direction="higher",
            )
            for index, feature in enumerate(profile.features)
        ]

    return check


@pytest.fixture
def profile(make_document):
    return parse_profile(json.dumps(make_document()).encode())


@pytest.fixture
def stream(profile):
    return new_stream(profile)


def new_stream(profile, *, policy=POLICY, prepare=age_is_high):
    return Stream(NAME, profile, policy, prepare, history=5, on_window=lambda _window: None)


def request(rows, *, age=40.0):
    def tensor(name, datatype, value):
        return {"name": name, "shape": [rows], "datatype": datatype, "data": [value] * rows}

    return json.dumps(
        {
            "inputs": [
                tensor("age", "FP64", age),
                tensor("miles", "FP64", 30.0),
                tensor("training", "INT64", 1),
                tensor("region", "BYTES", "north"),
            ]
        }
    ).encode()


def response(digest=None, *, sides=("model",)):
    outputs = [{"name": "served_by", "shape": [len(sides)], "datatype": "BYTES", "data": list(sides)}]
    return json.dumps({"outputs": outputs, "parameters": {"profile_digest": digest} if digest else {}}).encode()


def verdicts(stream):
    return [window.decision.verdict for window in stream.snapshot().history]


def test_a_request_that_spans_windows_closes_each_of_them(stream):
    assert stream.process(EventType.REQUEST, request(25), 1.0) is Outcome.ACCEPTED
    snapshot = stream.snapshot()
    assert (snapshot.state.sequence, snapshot.filling) == (2, 5)
    assert verdicts(stream) == [Verdict.CLEAR, Verdict.CLEAR]


def test_a_window_carries_the_arrival_of_the_event_that_closed_it(stream):
    stream.process(EventType.REQUEST, request(9), 1.0)
    stream.process(EventType.REQUEST, request(1), 7.5)
    snapshot = stream.snapshot()
    assert (snapshot.newest.timestamp, snapshot.last_event) == (7.5, 7.5)


def test_the_same_rows_in_other_portions_give_the_same_windows(profile):
    ages = [40.0, 140.0, 40.0, 140.0, 140.0]
    whole, single = new_stream(profile), new_stream(profile)
    for age in ages:
        whole.process(EventType.REQUEST, request(SIZE, age=age), 1.0)
        for _ in range(SIZE):
            single.process(EventType.REQUEST, request(1, age=age), 1.0)
    assert verdicts(whole) == verdicts(single)
    assert verdicts(whole) == [Verdict.CLEAR, Verdict.SUSPECT, Verdict.CLEAR, Verdict.DRIFT, Verdict.DRIFT]


def test_an_answer_from_another_profile_makes_only_its_own_window_undecided(stream, profile):
    stream.process(EventType.REQUEST, request(5), 1.0)
    stream.process(EventType.RESPONSE, response("sha256:other"), 1.0)
    stream.process(EventType.REQUEST, request(5), 1.0)
    stream.process(EventType.RESPONSE, response(profile.digest), 1.0)
    stream.process(EventType.RESPONSE, response(), 1.0)
    stream.process(EventType.REQUEST, request(SIZE), 1.0)
    first, second = stream.snapshot().history
    assert first.decision.reason is UndecidedReason.PROFILE_MISMATCH
    assert first.features
    assert second.decision.verdict is Verdict.CLEAR


def test_a_check_that_crashes_makes_the_window_undecided_and_costs_nothing_else(profile, caplog):
    def broken(profile, policy):
        def check(rows):
            raise RuntimeError("engine")

        return check

    stream = new_stream(profile, prepare=broken)
    assert stream.process(EventType.REQUEST, request(15), 1.0) is Outcome.ACCEPTED
    snapshot = stream.snapshot()
    assert snapshot.newest.decision.reason is UndecidedReason.CHECK_FAILED
    assert (snapshot.state.sequence, snapshot.filling, snapshot.rows.closed) == (1, 5, 10)
    assert "engine" in caplog.text


def test_a_statistic_that_is_not_a_number_is_never_no_drift(profile):
    def invalid(profile, policy):
        def check(rows):
            broken = age_is_high(profile, policy)(rows)[0]
            return [
                FeatureEvidence(
                    **{field: getattr(broken, field) for field in broken.__struct_fields__ if field != "p_value"},
                    p_value=float("nan"),
                )
            ]

        return check

    stream = new_stream(profile, prepare=invalid)
    stream.process(EventType.REQUEST, request(SIZE), 1.0)
    assert stream.snapshot().newest.decision.reason is UndecidedReason.INVALID_STATISTIC


def test_a_window_that_fills_too_slowly_is_closed_by_the_next_event(profile):
    policy = Policy(window_size=SIZE, minimum_rows=5, window_max_age_seconds=60)
    stream = new_stream(profile, policy=policy)
    stream.process(EventType.REQUEST, request(6), 100.0)
    stream.process(EventType.REQUEST, request(2), 160.0)
    assert stream.snapshot().state.sequence == 0
    stream.process(EventType.REQUEST, request(3), 160.1)
    stream.process(EventType.RESPONSE, response(), 221.0)
    first, second = stream.snapshot().history
    assert (first.rows, first.decision.verdict) == (8, Verdict.CLEAR)
    assert (second.rows, second.decision.reason) == (3, UndecidedReason.TOO_FEW_ROWS)
    assert second.features == ()


def test_a_new_profile_gives_up_the_window_and_the_memory_but_not_the_sequence(stream, make_document):
    stream.process(EventType.REQUEST, request(25, age=140.0), 1.0)
    assert verdicts(stream) == [Verdict.SUSPECT, Verdict.DRIFT]
    stream.replace_profile(parse_profile(json.dumps(make_document(seed=12)).encode()))
    snapshot = stream.snapshot()
    assert (snapshot.newest, snapshot.filling, snapshot.rows.discarded) == (None, 0, 5)
    assert (snapshot.state.sequence, snapshot.first_sequence, snapshot.state.streak.drift) == (2, 3, 0)
    stream.process(EventType.REQUEST, request(SIZE, age=140.0), 1.0)
    assert stream.snapshot().newest.decision.verdict is Verdict.SUSPECT
    assert stream.snapshot().state.sequence == 3


def test_the_share_of_the_rules_is_over_the_newest_windows_worth_of_answers(stream):
    assert stream.snapshot().fallback_rows_ratio is None
    stream.process(EventType.RESPONSE, response(sides=["model"] * SIZE), 1.0)
    stream.process(EventType.RESPONSE, response(sides=["rules"] * 5), 1.0)
    assert stream.snapshot().fallback_rows_ratio == pytest.approx(5 / 15)
    stream.process(EventType.RESPONSE, response(sides=["rules"] * 5), 1.0)
    assert stream.snapshot().fallback_rows_ratio == 1.0


def test_history_is_bounded_and_keeps_the_newest(stream):
    stream.process(EventType.REQUEST, request(8 * SIZE), 1.0)
    assert [window.decision.state.sequence for window in stream.snapshot().history] == [4, 5, 6, 7, 8]


def test_warming_up_changes_nothing_that_is_shown(stream):
    before = stream.snapshot()
    stream.warm_up()
    after = stream.snapshot()
    assert (after.state, after.filling, after.rows, after.events) == (
        before.state,
        before.filling,
        before.rows,
        before.events,
    )


def test_rejected_rows_are_counted_where_their_number_is_known(stream):
    body = request(4).replace(b"30.0", b"1e999")
    assert stream.process(EventType.REQUEST, body, 1.0) is Outcome.REJECTED
    assert stream.snapshot().rows.rejected == 4
