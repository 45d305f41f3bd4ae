import numpy as np
import pytest

from insurance_risk.answers import ModelAnswerer, RulesAnswerer


class FixedClassifier:
    """Answers every row with the probabilities it was made with."""

    def __init__(self, *probabilities):
        self._probabilities = np.array(probabilities)

    def predict_proba(self, matrix):
        return np.repeat(self._probabilities[np.newaxis], len(matrix), axis=0)


def rows(profile, count, **changed):
    """Rows in the middle of every range, with some columns replaced."""
    row = {"training": 0, "age": 40, "emergency_braking": 0, "braking_distance": 40, "power": 100, "miles": 50}
    matrix = np.repeat([[float(row[name]) for name in profile.feature_names]], count, axis=0)
    for name, values in changed.items():
        matrix[:, profile.feature_names.index(name)] = values
    return matrix


@pytest.fixture
def rules(scorecard, profile):
    return RulesAnswerer(scorecard, profile)


class TestModelAnswerer:
    def test_a_sure_model_answers_alone(self, profile, rules):
        answers = ModelAnswerer(FixedClassifier(0.2, 0.3, 0.5), profile, rules).answer(rows(profile, 4))
        assert answers.served_by == "model"
        assert answers.classes.tolist() == [2] * 4

    @pytest.mark.parametrize(
        ("feature", "values", "outside"),
        [
            ("age", [9.99, 10, 149, 149.01], [True, False, False, True]),
            ("power", [49.99, 50, 249, 249.01], [True, False, False, True]),
            ("miles", [-5, 0, 500, 5000], [False, False, False, False]),
        ],
    )
    def test_rows_outside_a_range_go_to_the_rules_bounds_included(self, profile, rules, feature, values, outside):
        matrix = rows(profile, 4, **{feature: values})
        answers = ModelAnswerer(FixedClassifier(0.0, 0.0, 1.0), profile, rules).answer(matrix)
        assert answers.from_rules.tolist() == outside
        assert answers.served_by == ("mixed" if any(outside) else "model")
        by_rules = rules.answer(matrix)
        expected = np.where(outside, by_rules.classes, 2)
        assert answers.classes.tolist() == expected.tolist()
        np.testing.assert_array_equal(answers.probabilities[outside], by_rules.probabilities[outside])

    def test_an_unsure_model_leaves_every_row_to_the_rules(self, profile, rules):
        matrix = rows(profile, 3, braking_distance=[20, 40, 60])
        answers = ModelAnswerer(FixedClassifier(0.499, 0.3, 0.201), profile, rules).answer(matrix)
        assert answers.served_by == "rules"
        assert answers.classes.tolist() == rules.answer(matrix).classes.tolist() == [2, 2, 0]

    def test_the_real_model_is_as_accurate_as_its_gates_say(self, bundle, rules, historic):
        answers = ModelAnswerer(bundle.pipeline, bundle.profile, rules).answer(historic.test.features)
        assert np.mean(answers.classes == historic.test.labels) > 0.85
        np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
        assert np.mean(answers.from_rules) < 0.05
