import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from insurance_data.generator import sample_rows
from insurance_data.variants import Variant, world_in_month
from insurance_risk.errors import ScorecardError
from insurance_risk.schema import CLASSES, FEATURE_NAMES
from insurance_risk.scorecard import load_scorecard, parse_scorecard
from insurance_risk.training_data import feature_matrix

CARD = load_scorecard()

DRIVER_WEIGHT = 0.45
FORMULA = {
    "training": lambda value: -40 * DRIVER_WEIGHT * value,
    "age": lambda value: 40 * DRIVER_WEIGHT * np.abs(value - 35) / 22,
    "emergency_braking": lambda value: -10 * value,
    "braking_distance": lambda value: 2 * (value - 40),
    "power": lambda value: np.abs(value - 100) / 5,
    "miles": lambda value: np.abs(value - 50) / 4,
}
"""The experts' formula in points, written independently of the table."""


def table():
    return yaml.safe_load(
        """
        format: driftbreaker.dev/scorecard/v1
        spread: 1.0
        classes:
          - {class: high, from: 10, reason: r}
          - {class: low, below: 10, reason: r}
        features:
          - name: age
            reason: r
            bands:
              - {below: 30, points: 12}
              - {from: 30, points: 4}
        """
    )


class TestShippedTable:
    @pytest.mark.parametrize("feature", CARD.features, ids=lambda feature: feature.name)
    def test_points_are_the_formula_rounded_to_the_band(self, feature):
        for band in feature.bands:
            if band.start is None or band.below is None:
                continue
            middle = FORMULA[feature.name](np.linspace(band.start, band.below, 101)).mean()
            assert abs(band.points - middle) <= 0.5 + 1e-9

    @pytest.mark.parametrize("name", ["training", "emergency_braking"])
    def test_categories_get_exactly_the_formulas_points(self, name):
        feature = next(feature for feature in CARD.features if feature.name == name)
        assert [feature.points[np.searchsorted(feature.edges, k, side="right")] for k in (0, 1)] == [
            FORMULA[name](0),
            FORMULA[name](1),
        ]

    @pytest.mark.parametrize(("month", "lowest", "highest"), [(0, 0.66, 0.71), (20, 0.85, 0.95), (36, 0.70, 0.77)])
    def test_accuracy_follows_the_world_it_was_made_for(self, month, lowest, highest):
        rows = sample_rows(np.random.default_rng(11), 10_000, world_in_month(Variant.BOTH, month, None))
        classes = CARD.classify(CARD.score(feature_matrix(rows), FEATURE_NAMES))
        assert lowest < np.mean(classes == rows["group"].to_numpy()) < highest

    def test_every_factor_and_class_gives_a_reason(self):
        for part in (*CARD.features, *CARD.classes):
            assert len(part.reason.split()) > 5

    def test_classes_are_those_of_the_schema(self):
        assert CARD.class_names == CLASSES
        assert set(CARD.feature_names) == set(FEATURE_NAMES)


class TestScoring:
    @given(arrays(np.float64, st.tuples(st.integers(1, 8), st.just(6)), elements=st.floats(-1e9, 1e9)))
    def test_any_finite_row_gets_a_sum_a_class_and_probabilities_that_agree(self, matrix):
        points = CARD.score(matrix, FEATURE_NAMES)
        probabilities = CARD.probabilities(points)
        assert probabilities.shape == (len(matrix), 3)
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
        np.testing.assert_array_equal(probabilities.argmax(axis=1), CARD.classify(points))

    def test_every_sum_around_the_cut_offs_has_the_class_of_its_interval(self):
        points = np.arange(-60, 120)
        expected = np.where(points >= 30, 0, np.where(points >= 10, 1, 2))
        np.testing.assert_array_equal(CARD.classify(points), expected)
        np.testing.assert_array_equal(CARD.probabilities(points).argmax(axis=1), expected)

    def test_a_value_on_an_edge_belongs_to_the_band_that_begins_there(self):
        card = parse_scorecard(yaml.safe_dump(table()))
        assert card.score(np.array([[29.999], [30.0]]), ("age",)).tolist() == [12, 4]

    def test_columns_may_come_in_any_order_but_must_be_the_tables(self, matrix):
        order = np.random.default_rng(0).permutation(6)
        shuffled = CARD.score(matrix[:, order], tuple(FEATURE_NAMES[k] for k in order))
        np.testing.assert_array_equal(shuffled, CARD.score(matrix, FEATURE_NAMES))
        with pytest.raises(ScorecardError, match=r"lacks \['miles'\].*lacks \['kilometres'\]"):
            CARD.score(matrix, (*FEATURE_NAMES[:5], "kilometres"))

    def test_other_classes_or_another_order_are_refused(self):
        with pytest.raises(ScorecardError, match="classes"):
            CARD.check_classes(("low", "medium", "high"))


class TestFaults:
    @pytest.mark.parametrize(
        ("spoil", "named"),
        [
            (lambda t: t["features"][0]["bands"][1].update({"from": 31}), "gap or overlap"),
            (lambda t: t["features"][0]["bands"][1].update({"from": 29}), "gap or overlap"),
            (lambda t: t["features"][0]["bands"][0].update({"from": 0}), "cover every value"),
            (lambda t: t["features"][0]["bands"].pop(), "cover every value"),
            (lambda t: t["features"][0]["bands"].clear(), "bands"),
            (
                lambda t: t["features"][0].update(
                    bands=[
                        {"below": 30, "points": 1},
                        {"from": 30, "below": 20, "points": 1},
                        {"from": 20, "points": 2},
                    ]
                ),
                "ascending",
            ),
            (lambda t: t["features"][0]["bands"][0].update(points=1.5), "points"),
            (lambda t: t["features"][0].pop("reason"), "reason"),
            (lambda t: t["features"].append(t["features"][0]), "twice"),
            (lambda t: t["classes"][0].update({"from": 11}), "gap or overlap"),
            (lambda t: t.update(classes=t["classes"][::-1]), "cover every value"),
            (lambda t: (t["classes"][0].update({"from": 9.5}), t["classes"][1].update(below=9.5)), "whole number"),
            (lambda t: t.update(spread=0), "spread"),
            (lambda t: t.update(surprise=1), "surprise"),
        ],
    )
    def test_the_error_names_the_fault(self, spoil, named):
        spoiled = table()
        spoil(spoiled)
        with pytest.raises(ScorecardError, match=named):
            parse_scorecard(yaml.safe_dump(spoiled))

    def test_text_that_is_no_yaml_is_named(self):
        with pytest.raises(ScorecardError, match="not YAML"):
            parse_scorecard("a: [")
