import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drift_detectors.statistics.chi_squared import ChiSquaredTest
from drift_detectors.statistics.direction import categorical_direction, numeric_direction
from drift_detectors.statistics.effects import JensenShannonEffect, WassersteinEffect, shares
from drift_detectors.statistics.kolmogorov_smirnov import KolmogorovSmirnovTest

# alibi-detect computes in single precision.
SINGLE = {"rel": 1e-5, "abs": 1e-7}

values = st.lists(st.integers(-400, 400).map(lambda value: value / 4), min_size=2, max_size=60).map(np.array)
codes = st.lists(st.integers(0, 4), min_size=2, max_size=80).map(lambda column: np.array(column, dtype=np.float64))


def largest_distance_of_distribution_functions(reference, current):
    return max(
        abs(np.mean(reference <= value) - np.mean(current <= value)) for value in np.concatenate([reference, current])
    )


def area_between_distribution_functions(reference, current):
    grid = np.unique(np.concatenate([reference, current]))
    return sum(
        (right - left) * abs(np.mean(reference <= left) - np.mean(current <= left))
        for left, right in itertools.pairwise(grid)
    )


def chi_squared_by_hand(reference, current):
    """Pearson's statistic over the categories that occur, with Yates' correction for a table of two by two."""
    occurring = sorted({*reference, *current})
    observed = [[np.sum(sample == category) for category in occurring] for sample in (reference, current)]
    total = len(reference) + len(current)
    statistic = 0.0
    for sample, row in zip((reference, current), observed, strict=True):
        for index in range(len(occurring)):
            expected = len(sample) * (observed[0][index] + observed[1][index]) / total
            difference = abs(row[index] - expected)
            if len(occurring) == 2:
                difference -= min(0.5, difference)
            statistic += difference**2 / expected
    degrees = len(occurring) - 1
    return statistic, stats.chi2.sf(statistic, degrees) if degrees else 1.0


def jensen_shannon_by_hand(reference, current):
    divergence = 0.0
    for category in {*reference, *current}:
        p, q = np.mean(reference == category), np.mean(current == category)
        middle = (p + q) / 2
        divergence += sum(share * math.log(share / middle) / 2 for share in (p, q) if share > 0)
    return math.sqrt(max(divergence, 0.0))


class TestKolmogorovSmirnov:
    @settings(max_examples=50, deadline=None)
    @given(values, values)
    def test_is_the_largest_distance_with_scipys_asymptotic_p_value(self, reference, current):
        result = KolmogorovSmirnovTest(reference).compare(current)

        assert result.statistic == pytest.approx(
            largest_distance_of_distribution_functions(reference, current), **SINGLE
        )
        assert result.p_value == pytest.approx(
            stats.ks_2samp(reference, current, method="asymp").pvalue, rel=1e-4, abs=1e-7
        )

    def test_samples_of_unequal_size(self):
        random = np.random.default_rng(1)
        reference, current = random.normal(size=2000), random.normal(0.1, 1.1, size=500)

        result = KolmogorovSmirnovTest(reference).compare(current)

        oracle = stats.ks_2samp(reference, current, method="asymp")
        assert (result.statistic, result.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), **SINGLE)

    @pytest.mark.parametrize("broken", [[math.nan], [1.0, math.nan, 2.0], [math.nan] * 5])
    def test_nan_in_the_window_gives_a_p_value_of_nan(self, broken):
        result = KolmogorovSmirnovTest(np.arange(50.0)).compare(np.array(broken))

        assert math.isnan(result.p_value)


class TestChiSquared:
    @settings(max_examples=50, deadline=None)
    @given(codes, codes)
    def test_is_pearsons_statistic_over_the_categories_that_occur(self, reference, current):
        result = ChiSquaredTest(reference).compare(current)

        statistic, p_value = chi_squared_by_hand(reference, current)
        assert result.statistic == pytest.approx(statistic, rel=1e-4, abs=1e-6)
        assert result.p_value == pytest.approx(p_value, rel=1e-4, abs=1e-6)

    def test_agrees_with_scipys_contingency_table(self):
        reference, current = np.repeat([0.0, 1.0, 2.0], [500, 300, 200]), np.repeat([0.0, 1.0, 2.0], [110, 80, 60])

        result = ChiSquaredTest(reference).compare(current)

        oracle = stats.chi2_contingency([[500, 300, 200], [110, 80, 60]])
        assert (result.statistic, result.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), **SINGLE)

    def test_an_unseen_category_is_a_column_of_its_own(self):
        reference, current = np.repeat([0.0, 1.0], [60, 40]), np.repeat([0.0, 1.0, 2.0], [30, 20, 50])

        result = ChiSquaredTest(reference).compare(current)

        oracle = stats.chi2_contingency([[60, 40, 0], [30, 20, 50]])
        assert (result.statistic, result.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), **SINGLE)
        assert result.p_value < 1e-10

    def test_a_window_of_nothing_but_unseen_categories(self):
        result = ChiSquaredTest(np.repeat([0.0, 1.0], [60, 40])).compare(np.full(50, 7.0))

        assert result.p_value < 1e-10
        assert math.isfinite(result.statistic)

    def test_a_category_that_the_window_lacks_is_counted(self):
        result = ChiSquaredTest(np.repeat([0.0, 1.0, 2.0], [50, 25, 25])).compare(np.repeat([0.0, 1.0], [50, 25]))

        oracle = stats.chi2_contingency([[50, 25, 25], [50, 25, 0]])
        assert result.p_value == pytest.approx(oracle.pvalue, **SINGLE)

    @pytest.mark.parametrize("broken", [[math.nan], [0.0, math.nan, 1.0]])
    def test_nan_in_the_window_gives_a_p_value_of_nan(self, broken):
        result = ChiSquaredTest(np.repeat([0.0, 1.0], [20, 30])).compare(np.array(broken))

        assert math.isnan(result.p_value)

    def test_one_category_everywhere_is_no_difference(self):
        result = ChiSquaredTest(np.zeros(40)).compare(np.zeros(30))

        assert (result.statistic, result.p_value) == (0.0, 1.0)


class TestWassersteinEffect:
    @given(values, values)
    def test_is_the_area_between_the_distribution_functions_in_standard_deviations(self, reference, current):
        effect = WassersteinEffect(reference)

        distance = area_between_distribution_functions(reference, current)
        assert effect.distance(current) == pytest.approx(distance, rel=1e-9, abs=1e-9)
        # Without a spread in the reference, both samples together are the scale.
        spread = np.std(reference) or np.std([*reference, *current])
        assert effect.measure(current) == pytest.approx(distance / spread if distance else 0, rel=1e-9, abs=1e-9)

    @given(values.filter(lambda column: np.std(column) > 0.1), st.floats(-5, 5))
    def test_a_shift_is_measured_in_standard_deviations(self, reference, shift):
        moved = reference + shift * np.std(reference)

        assert WassersteinEffect(reference).measure(moved) == pytest.approx(abs(shift), abs=1e-9)

    def test_does_not_depend_on_the_unit(self):
        random = np.random.default_rng(2)
        reference, current = random.normal(size=200), random.normal(0.4, 1.0, size=150)

        metres = WassersteinEffect(reference).measure(current)

        assert WassersteinEffect(reference * 1000).measure(current * 1000) == pytest.approx(metres)

    def test_a_reference_without_spread_is_no_division_by_zero(self):
        effect = WassersteinEffect(np.full(100, 3.0))

        assert effect.measure(np.full(20, 3.0)) == 0.0
        assert effect.measure(np.full(20, 4.0)) > 1

    def test_nan_is_never_an_effect_of_zero(self):
        assert math.isnan(WassersteinEffect(np.arange(10.0)).measure(np.array([1.0, math.nan])))


class TestJensenShannonEffect:
    @given(codes, codes)
    def test_is_the_square_root_of_the_divergence(self, reference, current):
        measured = JensenShannonEffect(reference).measure(current)

        assert measured == pytest.approx(jensen_shannon_by_hand(reference, current), abs=1e-7)
        assert 0 <= measured <= math.sqrt(math.log(2)) + 1e-12

    @given(codes, st.integers(1, 5))
    def test_equal_shares_have_no_effect(self, reference, times):
        # The root of a rounding error of 1e-16 is 1e-8.
        assert JensenShannonEffect(reference).measure(np.tile(reference, times)) == pytest.approx(0, abs=1e-7)

    def test_an_unseen_category_counts_in_full(self):
        effect = JensenShannonEffect(np.repeat([0.0, 1.0], [50, 50]))

        assert effect.measure(np.full(10, 2.0)) == pytest.approx(math.sqrt(math.log(2)))
        assert effect.measure(np.array([0.0, 1.0, 2.0, 2.0])) > effect.measure(np.array([0.0, 1.0, 1.0, 1.0]))

    def test_nan_is_never_an_effect_of_zero(self):
        assert math.isnan(JensenShannonEffect(np.array([0.0, 1.0])).measure(np.array([0.0, math.nan])))

    def test_shares_have_one_entry_for_each_code(self):
        assert shares(np.array([0.0, 2.0, 2.0, 2.0]), 4).tolist() == [0.25, 0, 0.75, 0]


class TestDirection:
    @pytest.mark.parametrize(
        ("current", "direction"),
        [
            (np.linspace(2, 12, 101), "higher"),
            (np.linspace(-2, 8, 101), "lower"),
            (np.linspace(-10, 20, 101), "wider"),
            (np.linspace(4, 6, 101), "narrower"),
            (np.linspace(0, 10, 101), "none"),
        ],
    )
    def test_of_numbers(self, current, direction):
        reference = np.linspace(0, 10, 101)
        distance = WassersteinEffect(reference).distance(current)

        assert numeric_direction(reference, current, distance) == direction

    @pytest.mark.parametrize(
        ("current", "direction"),
        [
            ({"north": 0.2, "south": 0.5, "west": 0.3}, "more south"),
            ({"north": 0.5, "south": 0.3, "west": 0.2}, "none"),
            ({"north": 0.4, "south": 0.3, "west": 0.2, "east": 0.1}, "more east"),
        ],
    )
    def test_of_categories(self, current, direction):
        assert categorical_direction({"north": 0.5, "south": 0.3, "west": 0.2}, current) == direction

    @settings(max_examples=50)
    @given(values, values)
    def test_higher_and_lower_agree_with_the_means(self, reference, current):
        direction = numeric_direction(reference, current, WassersteinEffect(reference).distance(current))

        if direction in {"higher", "lower"}:
            assert (np.mean(current) > np.mean(reference)) == (direction == "higher")
