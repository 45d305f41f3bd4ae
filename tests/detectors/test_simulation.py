"""Error rates of the whole way from rows to verdicts, on synthetic data, with exact binomial intervals.

The seeds were chosen before the first run. An interval covers the true rate with 99.9 %.
"""

import json
import math

import numpy as np
import pytest
from scipy import stats

from drift_detectors.checks import WindowChecker
from drift_detectors.policy import EffectThresholds, Policy
from drift_detectors.profiles import parse_profile
from drift_detectors.stream import Stream, StreamName
from drift_detectors.verdict import UndecidedReason, Verdict

ROWS = 250
NO_EFFECT_GATE = EffectThresholds(wasserstein=0.0, jensen_shannon=0.0)


def policy(**changes):
    return Policy(**{"window_size": ROWS, "minimum_rows": ROWS // 2, **changes})


@pytest.fixture
def watch(make_document, sample_rows):
    """A function that gives the closed windows of a stream with its own reference: ``watch(seed, batches, policy)``."""

    def run(seed, batches, policy):
        profile = parse_profile(json.dumps(make_document(rows=800, seed=seed)).encode())
        closed = []
        stream = Stream(
            StreamName("simulated", "", ()), profile, policy, WindowChecker, history=1, on_window=closed.append
        )
        for batch in batches:
            stream.take_rows(
                [
                    batch[feature.name] if feature.takes_text else np.array(batch[feature.name], dtype=np.float64)
                    for feature in profile.features
                ],
                None,
            )
        return closed

    return run


@pytest.fixture
def first_windows(watch, sample_rows):
    """A function: the first window of ``count`` independent streams, each with a reference of its own."""

    def run(count, *, seed, policy, **changes):
        return [
            watch(seed + 2 * trial, [sample_rows(ROWS, seed=seed + 2 * trial + 1, **changes)], policy)[0]
            for trial in range(count)
        ]

    return run


def interval(windows, verdict):
    """Clopper and Pearson's interval for the share of windows with a verdict."""
    hits = sum(window.decision.verdict is verdict for window in windows)
    found = stats.binomtest(hits, len(windows)).proportion_ci(confidence_level=0.999, method="exact")
    return found.low, found.high


def test_without_drift_the_corrected_tests_alarm_no_more_often_than_alpha(first_windows):
    corrected = interval(
        first_windows(250, seed=20_000, policy=policy(effect_thresholds=NO_EFFECT_GATE)), Verdict.SUSPECT
    )
    plain = interval(
        first_windows(250, seed=20_000, policy=policy(effect_thresholds=NO_EFFECT_GATE, correction="none")),
        Verdict.SUSPECT,
    )

    assert corrected[0] <= 0.05
    # Four tests at 5 % each alarm in up to 19 % of the windows: this simulation would notice a missing correction.
    assert plain[0] > 0.05


@pytest.mark.parametrize(
    "change", [{"age_shift": 0.6}, {"age_shift": -0.6}, {"region_shares": (0.25, 0.3, 0.45)}], ids=str
)
def test_a_clear_shift_is_nearly_always_seen_in_one_window(first_windows, change):
    low, _ = interval(first_windows(100, seed=30_000, policy=policy(), **change), Verdict.SUSPECT)

    assert low > 0.9


def test_steady_streams_do_not_drift_and_shifted_ones_do_in_the_third_window(watch, sample_rows):
    steady, third = [], []
    for seed in range(40_000, 40_060):
        steady += watch(seed, [sample_rows(4 * ROWS, seed=seed + 1000)], policy())
        third.append(watch(seed, [sample_rows(3 * ROWS, seed=seed + 2000, age_shift=0.6)], policy())[2])

    assert interval(steady, Verdict.DRIFT)[1] < 0.04
    assert interval(third, Verdict.DRIFT)[0] > 0.85


def test_a_shift_too_small_to_matter_is_significant_and_yet_not_flagged(watch, sample_rows):
    rows = 20_000
    batches = [sample_rows(rows, seed=50_000, age_shift=0.3)]
    lenient = EffectThresholds(wasserstein=0.5)

    window = watch(1, batches, policy(window_size=rows, effect_thresholds=lenient))[0]

    age = window.features[0]
    assert age.adjusted_p_value < 0.001
    assert 0.1 < age.effect < 0.5
    assert window.decision.verdict is Verdict.CLEAR


def test_a_number_that_is_nan_makes_a_window_undecided_and_never_clear(watch, sample_rows):
    rows = sample_rows(ROWS, seed=60_000)
    rows["age"][17] = math.nan

    (window,) = watch(1, [rows], policy())

    assert window.decision.verdict is Verdict.UNDECIDED
    assert window.decision.reason is UndecidedReason.INVALID_STATISTIC
