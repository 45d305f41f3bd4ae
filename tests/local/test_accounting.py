from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.demo.accounting import (
    Traffic,
    complaints,
    event_counts,
    request_counts,
    switch_differences,
    window_differences,
)
from local_stack.demo.state import OUTCOMES, Books

MODEL, RULES = "insurance-risk", "insurance-risk-rules"


def sound(requests: int, on_rules: int, rows: int, probes: int) -> tuple[Traffic, Books]:
    events = {
        kind: {**dict.fromkeys(OUTCOMES, 0), "accepted": requests, "ignored": probes}
        for kind in ("request", "response")
    }
    sent = 2 * (requests + probes)
    delivery = {"offered": sent, "sent": sent, "refused": 0, "failed": 0, "dropped": 0, "waiting": 0}
    traffic = Traffic(requests, 0, rows, 0, rows - rows // 3, rows // 3)
    return traffic, Books({MODEL: requests - on_rules, RULES: on_rules}, events, rows, delivery)


counts = st.integers(0, 10_000)


@given(requests=counts, share=st.floats(0, 1), rows=counts, probes=counts)
def test_sound_books_have_no_complaint_and_the_counts_are_theirs(requests, share, rows, probes):
    on_rules = int(requests * share)
    traffic, books = sound(requests, on_rules, rows, probes)
    assert complaints(traffic, books) == []
    assert request_counts(traffic, books, MODEL, RULES) == {
        "sent": requests,
        "failed": 0,
        "model": requests - on_rules,
        "rules": on_rules,
    }
    assert event_counts(books) == {
        "accepted": 2 * requests,
        "duplicate": 0,
        "ignored": 2 * probes,
        "rejected": 0,
        "shed": 0,
    }


def change(books: Books, kind: str, outcome: str, by: int) -> Books:
    events = {one: dict(outcomes) for one, outcomes in books.events.items()}
    events[kind][outcome] += by
    return replace(books, events=events)


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda t, b: (replace(t, failed=1), b), "1 of 100 requests failed"),
        (lambda t, b: (replace(t, requests=101), b), "requests completed by Envoy"),
        (lambda t, b: (t, replace(b, answered={MODEL: 60, RULES: 41})), "requests completed by Envoy"),
        (lambda t, b: (t, change(b, "request", "accepted", -1)), "request events accepted"),
        (lambda t, b: (t, change(b, "response", "accepted", -1)), "response events accepted"),
        (lambda t, b: (t, change(b, "request", "duplicate", 1)), "events in the detector's ledger"),
        (lambda t, b: (t, replace(b, rows_accepted=999)), "rows accepted by the detector"),
        (lambda t, b: (replace(t, rows_by_rules=1), b), "rows served by either side"),
        (lambda t, b: (t, replace(b, delivery={**b.delivery, "dropped": 2})), "2 payload events did not reach"),
        (lambda t, b: (t, replace(b, delivery={**b.delivery, "offered": 7})), "events offered to the agents: 7"),
    ],
)
def test_every_hole_in_the_books_is_found_and_named(break_it, named):
    found = complaints(*break_it(*sound(100, 40, 1_000, 3)))
    assert any(named in complaint for complaint in found), found


def test_counts_before_the_replay_do_not_count():
    _, before = sound(5, 2, 50, 9)
    traffic, _ = sound(100, 40, 1_000, 3)
    _, after = sound(105, 42, 1_050, 12)
    assert complaints(traffic, after.minus(before)) == []


def test_the_books_settle_when_the_detector_has_what_the_agents_delivered():
    _, books = sound(10, 0, 10, 1)
    assert books.settled()
    assert books.quiet()
    assert not change(books, "request", "ignored", 1).quiet(), "a probe came while the counters were read"
    assert not replace(books, delivery={**books.delivery, "waiting": 1}).quiet()
    assert not change(books, "request", "accepted", -1).settled()
    assert not replace(books, delivery={**books.delivery, "waiting": 1}).settled()


def test_replayed_switches_and_windows_must_be_the_live_ones():
    switch = {"from": "model", "to": "fallback", "sequence": 24, "reason": "DriftConfirmed"}
    live = [{**switch, "time": 1.0}]
    assert switch_differences(live, [{**switch, "time": 2.0}]) == []
    assert switch_differences(live, [{**switch, "sequence": 25}])
    assert switch_differences(live, [])
    window = {"sequence": 1, "verdict": "clear", "timestamp": 1.0, "features": [{"name": "age", "effect": 0.1}]}
    assert window_differences([window], [{**window, "timestamp": 9.0}]) == []
    assert "closed 1 windows, the replayed events 0" in window_differences([window], [])[0]
    other = {**window, "features": [{"name": "age", "effect": 0.2}]}
    assert "window 1" in window_differences([window], [other])[0]
