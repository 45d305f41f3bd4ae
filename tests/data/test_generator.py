"""The generator against its description, with scipy.stats as an independent oracle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from insurance_data.generator import (
    concept_factor,
    group_of,
    risk_without_noise,
    sample_features,
    sample_rows,
    stratified_test_rows,
)
from insurance_data.schema import CLASSES, COLUMNS, FEATURES
from insurance_data.variants import World

ROWS = 100_000
STANDARD_ERRORS = 4.5
"""Two-sided probability of a false alarm: 7e-6 for each comparison."""

P_VALUE = 1e-4


@pytest.fixture(scope="module", params=[0, 12, 24, 36])
def month(request):
    return request.param


@pytest.fixture(scope="module")
def table(month):
    return sample_rows(np.random.default_rng(1000 + month), ROWS, World(month, month))


def test_columns_and_types(table):
    assert tuple(table.columns) == COLUMNS
    assert len(table) == ROWS
    assert set(table["training"]) == set(table["emergency_braking"]) == {0, 1}
    assert not table.isna().any().any()


def test_numeric_features_follow_their_distributions(table, month):
    miles = stats.skewnorm(4, 50 - 0.5 * month, 40)
    expected = {
        "age": stats.skewnorm(16, 18 + 0.1 * month, 22).cdf,
        "braking_distance": stats.norm(40, 5).cdf,
        "power": stats.skewnorm(2, 100, 50).cdf,
        "miles": lambda values: np.where(values < 5, 0.0, miles.cdf(values)),
    }
    for feature, distribution in expected.items():
        assert stats.kstest(table[feature], distribution).pvalue > P_VALUE, feature


def test_shares_of_the_binary_features(table, month):
    for feature, share in (("training", 0.20), ("emergency_braking", 0.395 + 0.015 * month)):
        error = np.sqrt(share * (1 - share) / ROWS)
        assert abs(table[feature].mean() - share) < STANDARD_ERRORS * error, feature


def test_means_and_spreads_of_the_numeric_features(table, month):
    expected = {
        "age": stats.skewnorm(16, 18 + 0.1 * month, 22),
        "braking_distance": stats.norm(40, 5),
        "power": stats.skewnorm(2, 100, 50),
        "miles": stats.skewnorm(4, 50 - 0.5 * month, 40),
    }
    for feature, distribution in expected.items():
        error = distribution.std() / np.sqrt(ROWS)
        assert abs(table[feature].mean() - distribution.mean()) < STANDARD_ERRORS * error, feature
        assert table[feature].std() == pytest.approx(distribution.std(), rel=0.02), feature


def test_features_are_independent(table):
    correlations = table[list(FEATURES)].corr(method="spearman").to_numpy()
    apart = correlations[~np.eye(len(FEATURES), dtype=bool)]
    assert np.abs(apart).max() < STANDARD_ERRORS / np.sqrt(ROWS)


def test_labels_are_exact_cuts_of_the_stored_risk(table):
    cut = pd.cut(table["risk"], [-np.inf, 1, 3, np.inf], right=False, labels=["low", "medium", "high"])
    assert (cut.astype(str) == table["group_name"]).all()
    assert (table["group_name"] == [CLASSES[number] for number in table["group"]]).all()


@pytest.mark.parametrize(
    ("risk", "name"),
    [(3.0, "high"), (np.nextafter(3, 0), "medium"), (1.0, "medium"), (np.nextafter(1, 0), "low"), (-50.0, "low")],
)
def test_the_bounds_belong_to_the_higher_class(risk, name):
    assert CLASSES[group_of(np.array([risk]))[0]] == name


def test_risk_of_one_applicant_by_hand():
    row = {"training": 1, "age": 57.0, "emergency_braking": 1, "braking_distance": 45.0, "power": 150.0, "miles": 10.0}
    assert risk_without_noise(pd.DataFrame([row]), 0) == pytest.approx([-4 + 4 - 1 + 1 + 1 + 1])
    row["training"] = 0
    assert risk_without_noise(pd.DataFrame([row]), 20) == pytest.approx([0.5 * 4 - 1 + 1 + 1 + 1])


def test_spread_of_the_noise(table, month):
    noise = table["risk"] - risk_without_noise(table, month)
    expected = np.hypot(0.4 * (1 - 0.025 * month), 0.1414)
    assert stats.kstest(noise, stats.norm(0, expected).cdf).pvalue > P_VALUE


def test_class_counts_match_an_independent_simulation(table, month):
    source = np.random.default_rng(77 + month)
    driver = -4 * stats.bernoulli.rvs(0.2, size=ROWS, random_state=source) + 4 / 22 * np.abs(
        stats.skewnorm.rvs(16, 18 + 0.1 * month, 22, size=ROWS, random_state=source) - 35
    )
    miles = stats.skewnorm.rvs(4, 50 - 0.5 * month, 40, size=ROWS, random_state=source)
    risk = (
        (1 - 0.025 * month) * (driver + stats.norm.rvs(0, 0.4, size=ROWS, random_state=source))
        - stats.bernoulli.rvs(0.395 + 0.015 * month, size=ROWS, random_state=source)
        + stats.norm.rvs(0, 1, size=ROWS, random_state=source)
        + np.abs(stats.skewnorm.rvs(2, 0, 1, size=ROWS, random_state=source))
        + np.abs(np.maximum(miles, 5) - 50) / 40
        + stats.norm.rvs(0, 0.1414, size=ROWS, random_state=source)
    )
    expected = [(risk >= 3).sum(), ((risk >= 1) & (risk < 3)).sum(), (risk < 1).sum()]
    found = [(table["group"] == number).sum() for number in range(3)]
    assert stats.chi2_contingency([expected, found]).pvalue > P_VALUE


MEASURED_ROWS = 1500
"""The published figures below were taken on data sets of this size, so they carry its sampling error."""

MEASURED_SHARES = {0: (0.39, 0.33, 0.29), 12: (0.25, 0.39, 0.36), 24: (0.12, 0.39, 0.49), 36: (0.03, 0.31, 0.66)}
MEASURED_CEILING = {0: 0.907, 12: 0.909, 24: 0.939, 36: 0.960}


def test_class_shares_agree_with_the_published_ones(table, month):
    for number, share in enumerate(MEASURED_SHARES[month]):
        error = np.sqrt(share * (1 - share) / MEASURED_ROWS)
        rounding = 0.005
        assert abs((table["group"] == number).mean() - share) < 3 * error + rounding


def test_the_noise_free_risk_is_right_as_often_as_published(table, month):
    right = (group_of(risk_without_noise(table, month)) == table["group"]).mean()
    published = MEASURED_CEILING[month]
    assert abs(right - published) < 3 * np.sqrt(published * (1 - published) / MEASURED_ROWS)


MONTHS = np.arange(37)
SLOPES = {"training": 0, "age": 0.1, "emergency_braking": 0.015, "braking_distance": 0, "power": 0, "miles": -0.5}


def wrong_input_slopes(speed):
    """Features whose mean moves at another slope than described, when the inputs drift at `speed` times theirs."""
    source = np.random.default_rng(5)
    tables = [sample_features(source, 20_000, speed * month) for month in MONTHS]
    wrong = []
    for feature, described in SLOPES.items():
        fit = stats.linregress(MONTHS, [table[feature].mean() for table in tables])
        if abs(fit.slope - described) > STANDARD_ERRORS * fit.stderr:
            wrong.append(feature)
    return wrong


def concept_slope_is_as_described(speed):
    """Fit k of each month from the stored risks: the risk less the car's part, on the driver's part."""
    source = np.random.default_rng(6)
    factors = []
    for month in MONTHS:
        table = sample_rows(source, 5_000, World(0, speed * month))
        car = risk_without_noise(table, 40)
        driver = -4 * table["training"] + 4 * (table["age"] - 35).abs() / 22
        factors.append(stats.linregress(driver, table["risk"] - car).slope)
    fit = stats.linregress(MONTHS, factors)
    return (
        abs(fit.slope + 0.025) < STANDARD_ERRORS * fit.stderr
        and abs(fit.intercept - 1) < STANDARD_ERRORS * fit.intercept_stderr
    )


def test_means_move_at_the_described_slopes():
    assert wrong_input_slopes(1.0) == []


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_an_input_slope_that_is_a_tenth_off_is_caught(speed):
    assert set(wrong_input_slopes(speed)) == {"age", "emergency_braking", "miles"}


def test_concept_fades_at_the_described_slope():
    assert concept_slope_is_as_described(1.0)


@pytest.mark.parametrize("speed", [0.97, 1.03])
def test_a_concept_slope_that_is_a_little_off_is_caught(speed):
    assert not concept_slope_is_as_described(speed)


def test_drift_beyond_month_40_stays_within_its_bounds():
    assert concept_factor(36) == pytest.approx(0.1)
    assert concept_factor(40) == concept_factor(100) == 0
    table = sample_features(np.random.default_rng(0), 5_000, 150)
    assert table["emergency_braking"].min() == 1
    assert table["miles"].min() == 5


def test_worlds_of_one_seed_hold_the_same_applicants():
    here = sample_rows(np.random.default_rng(8), 2_000, World(0, 0))
    there = sample_rows(np.random.default_rng(8), 2_000, World(10, 0))
    for feature in ("training", "braking_distance", "power"):
        assert (here[feature] == there[feature]).all(), feature
    np.testing.assert_allclose(there["age"] - here["age"], 1.0, atol=0.0101)
    assert (there["emergency_braking"] >= here["emergency_braking"]).all()
    elsewhere = sample_rows(np.random.default_rng(8), 2_000, World(0, 10))
    pd.testing.assert_frame_equal(here[list(FEATURES)], elsewhere[list(FEATURES)])
    assert (here["risk"] != elsewhere["risk"]).mean() > 0.99


@given(
    groups=st.lists(st.integers(0, 2), min_size=1, max_size=300).map(np.array),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_a_stratified_split_has_its_size_and_every_class_its_share(groups, share, seed):
    wanted = round(share * len(groups))
    chosen = stratified_test_rows(np.random.default_rng(seed), groups, wanted)
    assert chosen.sum() == wanted
    for number in np.unique(groups):
        quota = (groups == number).sum() * wanted / len(groups)
        assert abs(chosen[groups == number].sum() - quota) < 1


def test_a_split_depends_on_its_seed():
    groups = np.repeat([0, 1, 2], 100)
    first, second = (stratified_test_rows(np.random.default_rng(seed), groups, 60) for seed in (1, 2))
    assert (first != second).any()
