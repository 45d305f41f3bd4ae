"""What drifts in which variant, seen from the rows and not from the settings."""

import numpy as np
import pytest
from scipy import stats

from insurance_data.errors import SettingsError
from insurance_data.generator import group_of, risk_without_noise, sample_rows
from insurance_data.variants import Variant, World, world_in_month

ROWS = 20_000
DRIFTING = ("age", "emergency_braking", "miles")


def rows_of(variant, month, change_month=None):
    return sample_rows(np.random.default_rng(month), ROWS, world_in_month(variant, month, change_month))


@pytest.fixture(scope="module")
def reference():
    return sample_rows(np.random.default_rng(999), ROWS, World(0, 0))


def inputs_drifted(table, reference):
    return [name for name in DRIFTING if stats.ks_2samp(table[name], reference[name]).pvalue < 1e-6]


def old_concept_accuracy(table):
    return (group_of(risk_without_noise(table, 0)) == table["group"]).mean()


@pytest.mark.parametrize(
    ("variant", "inputs", "concept"),
    [("both", True, True), ("none", False, False), ("inputs", True, False), ("concept", False, True)],
)
def test_what_drifts_by_month_36(reference, variant, inputs, concept):
    table = rows_of(Variant(variant), 36)
    assert inputs_drifted(table, reference) == (list(DRIFTING) if inputs else [])
    assert (old_concept_accuracy(table) < 0.6) == concept
    assert (old_concept_accuracy(table) > 0.89) == (not concept)


def test_gradual_drift_grows_from_month_to_month():
    ages = [rows_of(Variant.BOTH, month)["age"].mean() for month in (0, 12, 24, 36)]
    assert ages == sorted(ages)
    concept = [old_concept_accuracy(rows_of(Variant.BOTH, month)) for month in (0, 12, 24, 36)]
    assert concept == sorted(concept, reverse=True)


def test_abrupt_change_comes_in_its_month_and_stays(reference):
    for month in (1, 5):
        before = rows_of(Variant.ABRUPT, month, 6)
        assert inputs_drifted(before, reference) == []
        assert old_concept_accuracy(before) > 0.89
    for month in (6, 7, 36):
        after = rows_of(Variant.ABRUPT, month, 6)
        assert inputs_drifted(after, reference) == list(DRIFTING)
        assert old_concept_accuracy(after) < 0.75
    assert rows_of(Variant.ABRUPT, 6, 6)["age"].mean() == pytest.approx(
        rows_of(Variant.ABRUPT, 36, 6)["age"].mean(), abs=0.6
    )


def test_an_abrupt_change_is_unmistakable_in_500_rows(reference):
    source = np.random.default_rng(2)
    world = world_in_month(Variant.ABRUPT, 6, 6)
    for _ in range(200):
        window = sample_rows(source, 500, world)
        p_values = [stats.ks_2samp(window["miles"], reference["miles"][:1500]).pvalue]
        counts = [
            np.bincount(part, minlength=2) for part in (window["emergency_braking"], reference["emergency_braking"])
        ]
        p_values.append(stats.chi2_contingency(counts).pvalue)
        assert min(p_values) < 1e-6


def test_constant_shift_is_small_and_the_same_in_every_month(reference):
    worlds = {world_in_month(Variant.SHIFT, month) for month in range(1, 37)}
    assert worlds == {World(1, 0)}
    table = rows_of(Variant.SHIFT, 36)
    assert 0 < stats.ks_2samp(table["miles"], reference["miles"]).statistic < 0.04
    assert old_concept_accuracy(table) > 0.89


def test_the_month_of_the_change_belongs_to_abrupt():
    with pytest.raises(SettingsError, match="'abrupt' needs the month"):
        world_in_month(Variant.ABRUPT, 3)
    with pytest.raises(SettingsError, match="not to 'both'"):
        world_in_month(Variant.BOTH, 3, 6)
