import json

import numpy as np
import pytest
from scipy.special import ndtri

from insurance_risk.errors import BundleError
from insurance_risk.gate_table import render_gates
from insurance_risk.gates import GateReport, evaluate_gates, wilson_interval
from insurance_risk.schema import CLASSES

ROWS = 300


def answers(accuracy, *, certainty=(0.6, 0.9, 0.999), favour=None):
    """Labels of three equal classes and probabilities with the accuracy and certainties asked for."""
    labels = np.repeat(np.arange(3), ROWS // 3)
    predicted = labels.copy()
    wrong = round(ROWS * (1 - accuracy))
    spread = np.linspace(0, ROWS - 1, wrong).round().astype(int)
    predicted[spread] = (labels[spread] + 1) % 3
    if favour is not None:
        predicted[spread] = favour
    top = np.full(ROWS, certainty[1])
    top[0], top[1] = certainty[0], certainty[2]
    probabilities = np.repeat(((1 - top) / 2)[:, np.newaxis], 3, axis=1)
    probabilities[np.arange(ROWS), predicted] = top
    return labels, probabilities


def report(train=0.9, test=0.9, **options):
    train_labels, train_probabilities = answers(train)
    test_labels, test_probabilities = answers(test, **options)
    return evaluate_gates(
        train_labels=train_labels,
        train_probabilities=train_probabilities,
        test_labels=test_labels,
        test_probabilities=test_probabilities,
        classes=CLASSES,
    )


class TestGates:
    def test_a_sound_model_passes_all(self):
        assert report().failed_names == ()
        assert report().passed

    @pytest.mark.parametrize(
        ("case", "failed"),
        [
            ({"train": 0.85, "test": 0.87}, ("accuracy_train",)),
            ({"train": 0.87, "test": 0.85}, ("accuracy_test",)),
            ({"train": 0.96, "test": 0.94}, ("accuracy_train_plausible",)),
            ({"train": 0.94, "test": 0.96}, ("accuracy_test_plausible",)),
            ({"train": 0.92, "test": 0.87}, ("accuracy_gap",)),
            ({"train": 0.87, "test": 0.92}, ("accuracy_gap",)),
            ({"certainty": (0.40, 0.9, 0.999)}, ("certainty_minimum",)),
            ({"certainty": (0.5, 0.69, 0.999)}, ("certainty_mean",)),
            ({"certainty": (0.6, 0.9, 0.99)}, ("certainty_maximum",)),
        ],
    )
    def test_each_gate_fails_alone_at_its_bound(self, case, failed):
        assert report(**case).failed_names == failed

    @pytest.mark.parametrize("case", [{"train": 0.95, "test": 0.95}, {"train": 0.9, "test": 0.86}])
    def test_accuracy_at_the_ceiling_and_a_small_gap_pass(self, case):
        assert report(**case).passed

    def test_a_class_answered_too_often_fails_its_count_and_a_count_at_the_bound_passes(self):
        result = report(train=0.86, test=0.86, favour=0)
        assert result.failed_names == ("class_count_high",)
        high = next(gate for gate in result.results if gate.name == "class_count_high")
        assert "too often" in high.sentence
        assert high.value == pytest.approx(1.28)

    def test_counts_are_compared_with_the_labels_not_with_equal_shares(self):
        labels, probabilities = answers(0.9)
        few_high = np.concatenate([labels[90:100], labels[100:]])
        shown = np.concatenate([probabilities[90:100], probabilities[100:]])
        result = evaluate_gates(
            train_labels=labels,
            train_probabilities=probabilities,
            test_labels=few_high,
            test_probabilities=shown,
            classes=CLASSES,
        )
        ratios = {gate.name: gate.value for gate in result.results if gate.name.startswith("class_count")}
        predicted = np.bincount(shown.argmax(axis=1))
        assert ratios == {
            f"class_count_{name}": pytest.approx(predicted[number] / np.bincount(few_high)[number])
            for number, name in enumerate(CLASSES)
        }

    def test_a_class_without_labels_fails_and_says_why(self):
        labels, probabilities = answers(0.9)
        result = evaluate_gates(
            train_labels=labels,
            train_probabilities=probabilities,
            test_labels=labels[100:],
            test_probabilities=probabilities[100:],
            classes=CLASSES,
        )
        assert "class_count_high" in result.failed_names
        assert next(gate for gate in result.results if gate.name == "class_count_high").value is None


class TestWilsonInterval:
    @pytest.mark.parametrize(("successes", "trials"), [(265, 300), (0, 10), (10, 10), (1, 2)])
    def test_its_ends_solve_the_score_equation(self, successes, trials):
        z = ndtri(0.975)
        share = successes / trials
        for end in wilson_interval(successes, trials):
            assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / trials, abs=1e-9)


class TestReport:
    def test_table_names_every_gate_and_the_failed_ones_again_at_the_end(self):
        result = report(train=0.84, test=0.84)
        table = render_gates(result)
        for gate in result.results:
            assert gate.name in table
        assert table.splitlines()[-1] == "2 of 11 gates failed: accuracy_train, accuracy_test."
        assert render_gates(report()).endswith("All 11 gates passed.")

    def test_json_gives_the_same_report_back(self):
        result = report(train=0.84)
        content = json.loads(json.dumps(result.to_content()))
        assert content["passed"] is False
        assert content["failed"] == ["accuracy_train", "accuracy_gap"]
        assert GateReport.from_content(content) == result

    def test_something_else_is_no_report(self):
        with pytest.raises(BundleError, match="not a report"):
            GateReport.from_content({"gates": [{"name": "x"}]})
