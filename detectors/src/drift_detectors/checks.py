"""The check of one window: every feature tested against the profile, both legs of evidence reported for each.

Importing this module imports alibi-detect and scipy, which takes seconds; the service does so in its worker.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from drift_detectors.evidence import FeatureEvidence
from drift_detectors.policy import Policy
from drift_detectors.profiles import Category, Feature, Profile
from drift_detectors.statistics.base import TestResult
from drift_detectors.statistics.chi_squared import ChiSquaredTest
from drift_detectors.statistics.corrections import CORRECTIONS
from drift_detectors.statistics.direction import categorical_direction, numeric_direction
from drift_detectors.statistics.effects import JensenShannonEffect, WassersteinEffect, shares
from drift_detectors.statistics.kolmogorov_smirnov import KolmogorovSmirnovTest
from drift_detectors.windows import WindowRows

FloatArray: TypeAlias = npt.NDArray[np.float64]


class _Movement(msgspec.Struct, frozen=True):
    """One feature's test, effect and description, before the correction that needs all features."""

    test: str
    result: TestResult
    effect: float
    effect_name: str
    threshold: float
    direction: str
    reference_mean: float | None = None
    current_mean: float | None = None
    reference_shares: dict[str, float] | None = None
    current_shares: dict[str, float] | None = None


class WindowChecker:
    """Checks windows against one profile; the reference is prepared once.

    Args:
        profile: the profile.
        policy: alpha, correction and effect thresholds.

    Example:
        ``WindowChecker(profile, policy)(window.rows())`` gives one :class:`FeatureEvidence` for each feature.
    """

    def __init__(self, profile: Profile, policy: Policy) -> None:
        self._policy = policy
        self._features = profile.features
        thresholds = policy.effect_thresholds
        self._comparisons = [
            _CategoricalComparison(feature, column, thresholds.jensen_shannon)
            if feature.is_categorical
            else _NumericComparison(column, thresholds.wasserstein)
            for feature, column in zip(profile.features, np.ascontiguousarray(profile.rows.T), strict=True)
        ]

    def __call__(self, window: WindowRows) -> Sequence[FeatureEvidence]:
        """Tests every feature of a window of at least one row; one piece of evidence each, in profile order."""
        movements = [
            comparison.compare(column, unseen)
            for comparison, column, unseen in zip(
                self._comparisons, np.ascontiguousarray(window.values.T), window.unseen, strict=True
            )
        ]
        p_values = np.array([movement.result.p_value for movement in movements], dtype=np.float64)
        # The corrections order the p-values, which NaN cannot be; the window is undecided then.
        adjusted = p_values if np.isnan(p_values).any() else CORRECTIONS[self._policy.correction](p_values)
        return [
            self._evidence(feature, movement, float(p_value))
            for feature, movement, p_value in zip(self._features, movements, adjusted, strict=True)
        ]

    def _evidence(self, feature: Feature, movement: _Movement, adjusted: float) -> FeatureEvidence:
        return FeatureEvidence(
            feature=feature,
            test=movement.test,
            statistic=movement.result.statistic,
            p_value=movement.result.p_value,
            adjusted_p_value=adjusted,
            effect=movement.effect,
            effect_name=movement.effect_name,
            flagged=adjusted < self._policy.alpha and movement.effect > movement.threshold,
            direction=movement.direction,
            reference_mean=movement.reference_mean,
            current_mean=movement.current_mean,
            reference_shares=movement.reference_shares,
            current_shares=movement.current_shares,
        )


class _NumericComparison:
    def __init__(self, reference: FloatArray, threshold: float) -> None:
        self._reference = reference
        self._threshold = threshold
        self._test = KolmogorovSmirnovTest(reference)
        self._effect = WassersteinEffect(reference)

    def compare(self, current: FloatArray, _unseen: Sequence[Category]) -> _Movement:
        distance = self._effect.distance(current)
        return _Movement(
            test=self._test.name,
            result=self._test.compare(current),
            effect=self._effect.scaled(distance, current),
            effect_name=self._effect.name,
            threshold=self._threshold,
            direction=numeric_direction(self._reference, current, distance),
            reference_mean=float(np.mean(self._reference)),
            current_mean=float(np.mean(current)),
        )


class _CategoricalComparison:
    def __init__(self, feature: Feature, reference: FloatArray, threshold: float) -> None:
        self._reference = reference
        self._threshold = threshold
        self._categories = tuple(feature.categories or ())
        self._test = ChiSquaredTest(reference)
        self._effect = JensenShannonEffect(reference)

    def compare(self, current: FloatArray, unseen: Sequence[Category]) -> _Movement:
        labels = [category_label(category) for category in (*self._categories, *unseen)]
        before = dict(zip(labels, shares(self._reference, len(labels)).tolist(), strict=True))
        now = dict(zip(labels, shares(current, len(labels)).tolist(), strict=True))
        return _Movement(
            test=self._test.name,
            result=self._test.compare(current),
            effect=self._effect.measure(current),
            effect_name=self._effect.name,
            threshold=self._threshold,
            direction=categorical_direction(before, now),
            reference_shares=before,
            current_shares=now,
        )


def category_label(category: Category) -> str:
    """How a category is written: whole numbers without a decimal point."""
    if isinstance(category, str):
        return category
    return str(int(category)) if category.is_integer() else str(category)
