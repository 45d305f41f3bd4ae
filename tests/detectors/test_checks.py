"""The check of a whole window, with the real tests: what it flags, what it leaves alone, and how often it errs."""

import json

import numpy as np
import pytest
from scipy import stats

from drift_detectors.checks import WindowChecker
from drift_detectors.policy import EffectThresholds, Policy
from drift_detectors.profiles import parse_profile
from drift_detectors.windows import TumblingWindow


@pytest.fixture
def check(make_document, sample_rows):
    """A function: rows (columns by name) compared with 600 reference rows; gives evidence by feature name."""

    def compare(rows, *, policy=None, seed=11):
        profile = parse_profile(json.dumps(make_document(rows=600, seed=seed)).encode())
        window = TumblingWindow(profile.features, len(rows["age"]))
        columns = [
            rows[feature.name]
            if feature.takes_text
            else [float(value) for value in rows[feature.name]]
            if feature.is_categorical
            else np.array(rows[feature.name])
            for feature in profile.features
        ]
        window.add(columns, 0, None)
        evidence = WindowChecker(profile, policy or Policy())(window.rows())
        return {piece.feature.name: piece for piece in evidence}

    return compare


def test_a_feature_that_moved_is_flagged_and_described_in_its_own_unit(check, sample_rows):
    evidence = check(sample_rows(500, seed=1, age_shift=0.5))
    assert [name for name, piece in evidence.items() if piece.flagged] == ["age"]
    age = evidence["age"]
    assert age.direction == "higher"
    assert age.current_mean - age.reference_mean == pytest.approx(6, abs=2)
    assert age.effect == pytest.approx(0.5, abs=0.15)


def test_categories_that_moved_are_flagged_with_their_shares(check, sample_rows):
    evidence = check(sample_rows(500, seed=1, region_shares=(0.2, 0.3, 0.5)))
    region = evidence["region"]
    assert region.flagged
    assert region.direction == "more west"
    assert region.current_shares["west"] == pytest.approx(0.5, abs=0.07)
    assert sum(region.current_shares.values()) == pytest.approx(1)


def test_a_category_that_the_reference_never_had_counts_in_test_and_effect(check, sample_rows):
    rows = sample_rows(500, seed=1)
    rows["region"] = ["east" if index % 5 == 0 else value for index, value in enumerate(rows["region"])]
    region = check(rows)["region"]
    assert region.flagged
    assert region.direction == "more east"
    assert (region.reference_shares["east"], region.current_shares["east"]) == (0.0, 0.2)
    assert region.effect > 0.2


def test_one_row_of_an_unseen_category_is_seen_and_not_flagged(check, sample_rows):
    rows = sample_rows(500, seed=1)
    rows["region"][0] = "east"
    region = check(rows)["region"]
    assert region.current_shares["east"] == pytest.approx(1 / 500)
    assert not region.flagged
    assert np.isfinite(region.p_value)


def test_significance_without_effect_is_no_flag_and_neither_is_effect_without_significance(check, sample_rows):
    significant = check(
        sample_rows(5000, seed=1, age_shift=0.2), policy=Policy(effect_thresholds=EffectThresholds(0.5))
    )
    assert significant["age"].adjusted_p_value < 0.01
    assert not significant["age"].flagged
    small = check(sample_rows(8, seed=4, age_shift=0.3))["age"]
    assert small.effect > 0.1
    assert not small.flagged


def test_the_correction_of_the_policy_is_used(check, sample_rows):
    rows = sample_rows(500, seed=1, age_shift=0.15)
    plain = check(rows, policy=Policy(correction="none"))
    strict = check(rows, policy=Policy(correction="bonferroni"))
    for name, piece in plain.items():
        assert piece.adjusted_p_value == piece.p_value
        assert strict[name].adjusted_p_value == pytest.approx(min(1, 4 * piece.p_value))


def test_a_category_that_is_declared_and_never_occurs_is_no_obstacle(make_document, sample_rows, check):
    rows = sample_rows(300, seed=3)
    rows["region"] = ["north"] * 300
    region = check(rows)["region"]
    assert region.flagged
    assert region.current_shares == {"north": 1.0, "south": 0.0, "west": 0.0}


def test_false_alarms_without_drift_stay_at_the_level_of_the_policy(check, sample_rows):
    """Fresh reference and fresh window each time; what decides is the corrected test alone, at alpha."""
    trials = 300
    alarms = sum(
        any(piece.adjusted_p_value < 0.05 for piece in check(sample_rows(250, seed=9000 + n), seed=100 + n).values())
        for n in range(trials)
    )
    # Holm keeps the rate at or below alpha; more than this is improbable (1 in 1,000) at alpha exactly.
    assert alarms <= stats.binom.ppf(0.999, trials, 0.05)
    # A check that never alarms is broken as well.
    assert alarms >= 1
