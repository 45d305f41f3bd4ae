import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from drift_detectors.policy import Policy
from drift_detectors.statistics.corrections import CORRECTIONS, benjamini_hochberg, bonferroni, holm, uncorrected

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


def holm_by_definition(column):
    """Each p-value's adjusted value: the largest (m - j + 1) p_(j) over the p-values that come no later, at most 1."""
    order = sorted(range(len(column)), key=lambda index: column[index])
    adjusted = [0.0] * len(column)
    for rank, index in enumerate(order):
        steps = [(len(column) - earlier) * column[order[earlier]] for earlier in range(rank + 1)]
        adjusted[index] = min(1.0, max(steps))
    return adjusted


def holm_rejections(column, alpha):
    """Holm's procedure as he states it: reject from the smallest on, until one is above alpha / (m - j)."""
    rejected = set()
    for rank, index in enumerate(sorted(range(len(column)), key=lambda index: column[index])):
        if column[index] > alpha / (len(column) - rank):
            break
        rejected.add(index)
    return rejected


@given(p_values)
def test_holm_agrees_with_its_definition(column):
    assert holm(column) == pytest.approx(holm_by_definition(column.tolist()))


# statsmodels takes a tenth of a second for Holm's method.
@settings(max_examples=10, deadline=None)
@given(p_values)
def test_holm_agrees_with_statsmodels(column):
    assert holm(column) == pytest.approx(multipletests(column, method="holm")[1])


@given(p_values)
def test_bonferroni_agrees_with_statsmodels(column):
    assert bonferroni(column) == pytest.approx(multipletests(column, method="bonferroni")[1])


@given(p_values)
def test_benjamini_hochberg_agrees_with_statsmodels(column):
    assert benjamini_hochberg(column) == pytest.approx(multipletests(column, method="fdr_bh")[1])


@given(st.lists(st.integers(0, 1000).map(lambda value: value / 1000), min_size=1, max_size=8), st.integers(1, 99))
def test_holm_rejects_what_his_step_down_procedure_rejects(column, percent):
    # Halves of a thousandth keep alpha away from every bound p (m - j), where rounding would decide.
    alpha = percent / 100 + 0.0005 / 7

    rejected = {index for index, adjusted in enumerate(holm(np.array(column))) if adjusted <= alpha}

    assert rejected == holm_rejections(column, alpha)


@pytest.mark.parametrize("name", CORRECTIONS)
@given(column=p_values)
def test_every_correction_keeps_the_order_and_never_lowers_a_p_value(name, column):
    adjusted = CORRECTIONS[name](column.copy())

    assert np.all(adjusted >= column - 1e-12)
    assert np.all(adjusted <= 1)
    order = np.argsort(column, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= -1e-12)


@given(p_values)
def test_from_least_to_most_strict(column):
    assert np.all(uncorrected(column) <= benjamini_hochberg(column) + 1e-12)
    assert np.all(benjamini_hochberg(column) <= holm(column) + 1e-12)
    assert np.all(holm(column) <= bonferroni(column) + 1e-12)


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_features_does_not_matter(column, random):
    shuffled = list(range(len(column)))
    random.shuffle(shuffled)

    assert holm(column)[shuffled] == pytest.approx(holm(column[shuffled]))


@pytest.mark.parametrize("name", CORRECTIONS)
def test_one_feature_needs_no_correction(name):
    assert CORRECTIONS[name](np.array([0.03])).tolist() == [0.03]


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_policy_can_name_every_correction(name):
    assert Policy(correction=name).correction == name
