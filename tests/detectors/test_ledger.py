"""The ledgers: every event ends in exactly one outcome, and rows are neither lost nor invented."""

import threading

import pytest
from detector_service import attributes, v2_request, v2_response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_detectors.admission import Admission
from drift_detectors.events.envelope import Envelope
from drift_detectors.events.outcomes import EventType, Outcome, Reason
from drift_detectors.ledger import Ledger
from drift_detectors.policy import Policy
from drift_detectors.profile_file import ProfileFile
from drift_detectors.profiles import load_profile
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.service.worker import Worker
from drift_detectors.stream import Stream, StreamName

NAME = StreamName("insurance-risk", "default", ("insurance-risk",))
WINDOW = 7


def new_stream(profile):
    """A stream whose checks say nothing: what is counted is looked at here, not what is concluded."""
    policy = Policy(window_size=WINDOW, minimum_rows=1)
    return Stream(
        NAME, profile, policy, lambda _profile, _policy: lambda _rows: (), history=5, on_window=lambda _: None
    )


def total(events):
    return sum(sum(outcomes.values()) for outcomes in events.values())


def balances(snapshot):
    rows = snapshot.rows
    assert rows.accepted == rows.closed + rows.discarded + snapshot.filling
    for kind, outcomes in snapshot.events.items():
        reasons = sum(count for (of, _), count in snapshot.reasons.items() if of is kind)
        assert outcomes[Outcome.REJECTED] == reasons
    return True


def test_counts_add_up_by_type_outcome_and_reason():
    ledger = Ledger()
    ledger.accept(EventType.REQUEST, rows=3)
    ledger.reject(EventType.REQUEST, Reason.NOT_FINITE, rows=2)
    ledger.count(EventType.RESPONSE, Outcome.SHED)
    assert total(ledger.events()) == 3
    assert ledger.events()[EventType.RESPONSE][Outcome.SHED] == 1
    assert ledger.reasons() == {(EventType.REQUEST, Reason.NOT_FINITE): 1}
    assert (ledger.rows().accepted, ledger.rows().rejected) == (3, 2)


def test_what_is_read_is_a_copy():
    ledger = Ledger()
    ledger.events()[EventType.REQUEST][Outcome.SHED] = 7
    ledger.rows().accepted = 7
    assert total(ledger.events()) == 0
    assert ledger.rows().accepted == 0


def test_no_count_is_lost_between_threads():
    ledger = Ledger()

    def count():
        for _ in range(5000):
            ledger.accept(EventType.REQUEST, rows=2)
            ledger.reject(EventType.REQUEST, Reason.NOT_JSON)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.events()[EventType.REQUEST] == {
        **dict.fromkeys(Outcome, 0),
        Outcome.ACCEPTED: 20_000,
        Outcome.REJECTED: 20_000,
    }
    assert ledger.rows().accepted == 40_000


moves = st.lists(
    st.one_of(
        st.tuples(st.just("rows"), st.integers(1, 20)),
        st.tuples(st.sampled_from(["answer", "health", "broken", "infinite", "profile"]), st.just(3)),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(moves)
def test_rows_balance_through_windows_and_profiles(make_profile, sample_rows, sequence):
    profile = load_profile(make_profile(rows=20))
    stream = new_stream(profile)
    rows = sample_rows(20, seed=1)
    accepted = rejected = events = 0
    for move, count in sequence:
        events += move != "profile"
        match move:
            case "rows":
                accepted += count
                assert stream.process(EventType.REQUEST, v2_request(rows, 0, count), None) is Outcome.ACCEPTED
            case "infinite":
                rejected += count
                body = v2_request({**rows, "miles": [1e300] * 20}, 0, count).replace(b"1e+300", b"1e+999")
                assert stream.process(EventType.REQUEST, body, None) is Outcome.REJECTED
            case "broken":
                assert stream.process(EventType.REQUEST, b"{", None) is Outcome.REJECTED
            case "answer":
                assert stream.process(EventType.RESPONSE, v2_response(count), None) is Outcome.ACCEPTED
            case "health":
                assert stream.process(EventType.RESPONSE, b'{"ready":true}', None) is Outcome.IGNORED
            case "profile":
                stream.replace_profile(profile)
        snapshot = stream.snapshot()
        assert balances(snapshot)
        assert snapshot.filling < WINDOW
    assert total(snapshot.events if sequence else {}) == events
    assert (stream.ledger.rows().accepted, stream.ledger.rows().rejected) == (accepted, rejected)
    assert stream.ledger.rows().closed == WINDOW * stream.snapshot().state.sequence


deliveries = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", "driftbreaker-probe-1"]),
        st.sampled_from(["request", "response"]),
        st.sampled_from(["good", "empty", "broken"]),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(deliveries)
def test_every_delivered_event_ends_in_exactly_one_outcome(make_profile, sample_rows, sequence):
    path = make_profile(rows=20)
    stream = new_stream(load_profile(path))
    queue = IntakeQueue(events=20, size=1 << 20)
    bodies = {
        ("request", "good"): v2_request(sample_rows(4, seed=1)),
        ("response", "good"): v2_response(4),
    }
    for event_id, kind, content in sequence:
        body = bodies.get((kind, content), b"" if content == "empty" else b"{")
        event = QueuedEvent(Envelope(attributes(event_id, kind)), body, 0.0)
        if not queue.offer(event):
            stream.ledger.count(event.envelope.event_type, Outcome.SHED)
    worker = Worker(stream, queue, Admission(100), ProfileFile(path), None, poll_seconds=60.0, on_failure=lambda: None)
    worker.start()
    assert worker.stop(10.0) == 0
    assert not worker.is_alive()
    snapshot = stream.snapshot()
    assert balances(snapshot)
    assert total(snapshot.events) == len(sequence)
    shed = sum(outcomes[Outcome.SHED] for outcomes in snapshot.events.values())
    assert shed == max(0, len(sequence) - 20)
    assert snapshot.rows.accepted == 4 * snapshot.events[EventType.REQUEST][Outcome.ACCEPTED]
    assert snapshot.rows.accepted <= 16


@pytest.mark.parametrize(("events", "size"), [(2, 1000), (1000, 5)])
def test_the_queue_is_bounded_in_events_and_in_bytes(events, size):
    queue = IntakeQueue(events=events, size=size)
    event = QueuedEvent(Envelope(attributes("1")), b"xx", 0.0)
    assert [queue.offer(event) for _ in range(3)] == [True, True, False]
    assert (len(queue), queue.size) == (2, 4)
    assert queue.take(0) is event
    assert queue.offer(event)
    assert [queue.take(0) for _ in range(3)] == [event, event, None]
    assert (len(queue), queue.size) == (0, 0)
