"""Settings and schedule of a replay."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance_data.errors import SettingsError
from insurance_data.replay import ReplaySettings
from insurance_data.replay.pacing import MAXIMUM_LAG_SECONDS, Pace


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows_per_request": 0}, "rows_per_request is 0, expected 1 or more"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"requests_per_second": 0}, "requests_per_second is 0, expected more than 0"),
        ({"rows_per_second": -2.0}, "rows_per_second is -2.0"),
        ({"rows_per_second": float("nan")}, "rows_per_second is nan"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
        ({"max_consecutive_failures": 0}, "max_consecutive_failures is 0"),
        ({"id_prefix": ""}, "id_prefix is ''"),
        ({"id_prefix": "a b"}, "id_prefix is 'a b'"),
        ({"id_prefix": "line\nbreak"}, "id_prefix is"),
        ({"id_prefix": "driftbreaker-probe"}, "detectors ignore rows of such ids"),
        ({"columns": ()}, "columns are"),
        ({"columns": ("age", "age")}, "one or more different names"),
        ({"headers": {"Bad Name": "x"}}, "not a valid HTTP header"),
        ({"headers": {"X-Name": "a\r\nb"}}, "not a valid HTTP header"),
        ({"headers": {"ce-id": "mine"}}, "'ce-id' is set by the replay itself"),
        ({"headers": {"Content-Type": "text/plain"}}, "set by the replay itself"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(SettingsError, match=message):
        ReplaySettings(**fields)


def test_every_replay_has_ids_of_its_own():
    assert ReplaySettings().id_prefix != ReplaySettings().id_prefix


def test_without_a_bound_nothing_waits():
    pace = Pace(None, None)
    assert [pace.delay_before(7.0, 100) for _ in range(5)] == [0.0] * 5


@pytest.mark.parametrize(
    ("requests", "rows", "gap"), [(10, None, 0.1), (None, 100, 0.05), (10, 100, 0.1), (50, 25, 0.2)]
)
def test_the_slower_bound_holds(requests, rows, gap):
    pace = Pace(requests, rows)
    now, starts = 50.0, []
    for _ in range(5):
        now += pace.delay_before(now, 5)
        starts.append(now)
    assert [later - earlier for earlier, later in itertools.pairwise(starts)] == pytest.approx([gap] * 4)


def test_a_late_start_is_made_up_for_but_a_stall_is_not():
    pace = Pace(100, None)
    assert pace.delay_before(0.0, 1) == 0
    assert pace.delay_before(0.013, 1) == 0
    assert pace.delay_before(0.013, 1) == pytest.approx(0.007)
    at_once = 0
    while pace.delay_before(60.0, 1) == 0:
        at_once += 1
    assert at_once <= MAXIMUM_LAG_SECONDS * 100 + 1


@given(
    rate=st.floats(0.5, 1000),
    rows=st.lists(st.integers(1, 50), min_size=2, max_size=50),
    pauses=st.lists(st.floats(0, 3), min_size=50, max_size=50),
)
def test_the_rate_is_never_exceeded_by_more_than_the_lag(rate, rows, pauses):
    pace = Pace(None, rate)
    now, starts = 0.0, []
    for count, pause in zip(rows, pauses, strict=False):
        now += pace.delay_before(now, count)
        starts.append(now)
        now += pause
    for first in range(len(rows)):
        for last in range(first + 1, len(rows)):
            sent_before_last = sum(rows[first:last])
            assert sent_before_last <= rate * (starts[last] - starts[first] + MAXIMUM_LAG_SECONDS) + 1e-6
