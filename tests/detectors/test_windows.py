import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_detectors.profiles import Feature
from drift_detectors.windows import OTHER, UNSEEN_LENGTH, UNSEEN_LIMIT, TumblingWindow

AGE = Feature("age", "numeric")
TRAINING = Feature("training", "categorical", categories=(0.0, 1.0))
REGION = Feature("region", "categorical", categories=("north", "south"))


def columns(start, count):
    numbers = np.arange(start, start + count, dtype=np.float64)
    return [numbers, [number % 2 for number in numbers.tolist()]]


def fill(window, rows, received=None):
    """Takes columns in and gives the windows that they close, as the stream does."""
    closed, start = [], 0
    start += window.add(rows, start, received)
    while window.is_full:
        closed.append(window.rows())
        window.clear()
        start += window.add(rows, start, received)
    assert start == len(rows[0])
    return closed


@given(st.lists(st.integers(0, 23), max_size=12), st.integers(1, 10))
def test_rows_come_out_once_in_order_however_they_are_cut_into_requests(batches, size):
    window = TumblingWindow([AGE, TRAINING], size)
    closed, sent = [], 0
    for count in batches:
        closed += fill(window, columns(sent, count))
        sent += count

    ages = np.concatenate([*(rows.values[:, 0] for rows in closed), window.rows().values[:, 0]])
    assert ages.tolist() == list(range(sent))
    assert all(rows.count == size for rows in closed)
    assert (len(closed), window.count) == divmod(sent, size)


def test_a_large_request_takes_only_what_there_is_room_for():
    window = TumblingWindow([AGE, TRAINING], 4)

    assert window.add(columns(0, 3), 0, None) == 3
    assert not window.is_full
    assert window.add(columns(10, 9), 0, None) == 1
    assert window.is_full
    assert window.add(columns(10, 9), 1, None) == 0
    assert window.rows().values[:, 0].tolist() == [0, 1, 2, 10]


def test_the_age_of_a_window_counts_from_its_first_row():
    window = TumblingWindow([AGE, TRAINING], 4)
    assert window.started is None

    window.add(columns(0, 0), 0, 50.0)
    assert window.started is None
    window.add(columns(0, 1), 0, 100.0)
    window.add(columns(1, 1), 0, 200.0)
    assert window.started == 100.0

    window.clear()
    assert (window.count, window.started) == (0, None)


def test_known_categories_become_their_index_in_the_profile():
    window = TumblingWindow([TRAINING, REGION], 4)

    window.add([[1.0, 0.0, 1.0], ["south", "north", "north"]], 0, None)

    assert window.rows().values.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert window.rows().unseen == ((), ())


def test_unseen_categories_get_codes_after_the_known_ones_in_order_of_arrival():
    window = TumblingWindow([TRAINING, REGION], 6)

    window.add([[0.0, 7.0, 0.0], ["east", "north", "west"]], 0, None)
    window.add([[0.5, 7.0], ["west", "east"]], 0, None)

    rows = window.rows()
    assert rows.values.tolist() == [[0, 2], [2, 0], [0, 3], [3, 3], [2, 2]]
    assert rows.unseen == ((7.0, 0.5), ("east", "west"))


def test_a_new_window_forgets_the_unseen_categories():
    window = TumblingWindow([REGION], 2)
    first, second = fill(window, [["east", "west", "west", "north"]])

    assert first.unseen == (("east", "west"),)
    assert second.unseen == (("west",),)
    assert second.values.tolist() == [[2], [0]]


def test_a_flood_of_unseen_categories_is_kept_bounded_and_none_is_dropped():
    window = TumblingWindow([REGION], 3 * UNSEEN_LIMIT)

    window.add([[f"region-{number}" for number in range(3 * UNSEEN_LIMIT)]], 0, None)

    rows = window.rows()
    assert len(rows.unseen[0]) == UNSEEN_LIMIT + 1
    assert rows.unseen[0][-1] == OTHER
    codes, counts = np.unique(rows.values, return_counts=True)
    assert codes.tolist() == list(range(2, 2 + UNSEEN_LIMIT + 1))
    assert counts.tolist() == [1] * UNSEEN_LIMIT + [2 * UNSEEN_LIMIT]


def test_a_long_unseen_category_is_cut():
    window = TumblingWindow([REGION], 2)

    window.add([["x" * 5000]], 0, None)

    assert window.rows().unseen == (("x" * UNSEEN_LENGTH,),)


def test_the_rows_are_a_copy():
    window = TumblingWindow([AGE, TRAINING], 2)
    before = fill(window, columns(0, 2))[0]

    fill(window, columns(100, 2))

    assert before.values[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_count_is_the_number_of_rows(count):
    window = TumblingWindow([AGE, TRAINING], 4)

    window.add(columns(0, count), 0, None)

    assert window.count == window.rows().count == count
