import pandas as pd
import pytest

from local_stack.demo.accuracy import accuracy_by_month, bundle_in_use, mean_accuracy, reading
from local_stack.demo.retraining import RetrainingPolicy


def test_the_first_bundle_is_in_use_until_the_month_after_a_retraining():
    assert bundle_in_use([1, 2, 3, 4], {2: "month-2"}) == {1: "month-0", 2: "month-0", 3: "month-2", 4: "month-2"}


def test_each_way_of_answering_is_scored_by_month():
    scores = pd.DataFrame(
        {
            "month": [1, 1, 2, 2],
            "month-0": ["high", "low", "high", "high"],
            "month-1": ["low", "low", "low", "medium"],
            "rules": ["high", "high", "high", "medium"],
        }
    )
    labels = pd.Series(["high", "low", "low", "medium"])
    served = pd.Series(["high", None, "low", "high"], dtype=object)
    accuracy = accuracy_by_month(scores, labels, served, {1: "month-1"})
    assert accuracy == {
        "breaker": {1: 0.5, 2: 0.5},
        "model": {1: 1.0, 2: 0.0},
        "rules": {1: 0.5, 2: 0.5},
        "retrained": {1: 1.0, 2: 1.0},
    }
    assert mean_accuracy(accuracy["breaker"]) == 0.5


def test_the_reading_says_where_falling_back_cost_accuracy_and_where_it_paid():
    accuracy = {
        "breaker": {1: 0.9, 2: 0.70, 3: 0.74, 4: 0.9},
        "model": {1: 0.9, 2: 0.85, 3: 0.80, 4: 0.6},
        "rules": {1: 0.7, 2: 0.70, 3: 0.74, 4: 0.9},
        "retrained": {1: 0.9, 2: 0.9, 3: 0.9, 4: 0.9},
    }
    text = " ".join(reading(accuracy, {1: 0.1, 2: 1.0, 3: 1.0, 4: 1.0}))
    assert "cost accuracy in 2 of 3 months on the rules (months 2-3): 10.5 points on average, at most 15.0" in text
    assert "paid in 1 months on the rules (months 4): 30.0 points" in text
    assert "gained 2.3 points" in text


def test_the_reading_does_not_call_a_loss_a_gain():
    worse = {"breaker": {1: 0.5}, "model": {1: 0.8}, "rules": {1: 0.5}, "retrained": {1: 0.8}}
    assert "the breaker cost 30.0 points" in reading(worse, {1: 1.0})[0]
    assert "against it the breaker cost 30.0 points" in reading(worse, {1: 1.0})[1]
    assert "never stood mainly on the rules" in reading(worse, {1: 0.2})[-1]


@pytest.mark.parametrize(
    ("delay", "finished", "tripped", "expected"),
    [
        (1, 8, 8, ()),  # the labels of month 8 come at the end of month 9
        (1, 9, 8, (6, 7, 8)),
        (0, 8, 8, (6, 7, 8)),
        (3, 12, 8, (7, 8, 9)),
        (1, 3, 2, (1, 2)),
    ],
)
def test_retraining_waits_for_the_labels_of_the_month_of_the_trip(delay, finished, tripped, expected):
    assert RetrainingPolicy(delay, 3).training_months(finished, tripped) == expected
