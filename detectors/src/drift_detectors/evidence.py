"""The evidence about one feature of one window: what a check hands to the verdict and to people."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from drift_detectors.policy import Policy
from drift_detectors.profiles import Feature, Profile
from drift_detectors.verdict import UndecidedReason, WindowEvidence
from drift_detectors.windows import WindowRows


class FeatureEvidence(msgspec.Struct, frozen=True):
    """Both legs of evidence about one feature of one window.

    Attributes:
        feature: the feature as the profile declares it.
        test: name of the test.
        statistic: the test's statistic.
        p_value: p-value before correction; NaN when the test could not be computed.
        adjusted_p_value: p-value after correction for the number of features.
        effect: effect size.
        effect_name: ``wasserstein`` (standard deviations of the reference) or ``jensen_shannon``.
        flagged: whether the adjusted p-value is below alpha and the effect above its threshold.
        direction: which way the feature moved.
        reference_mean: mean of a numeric feature in the reference, in its own unit.
        current_mean: mean of a numeric feature in the window.
        reference_shares: share of each category in the reference.
        current_shares: share of each category in the window.
    """

    feature: Feature
    test: str
    statistic: float
    p_value: float
    adjusted_p_value: float
    effect: float
    effect_name: str
    flagged: bool
    direction: str
    reference_mean: float | None = None
    current_mean: float | None = None
    reference_shares: dict[str, float] | None = None
    current_shares: dict[str, float] | None = None

    @property
    def is_valid(self) -> bool:
        """Whether test and effect could be computed."""
        return self.p_value == self.p_value and self.effect == self.effect  # NaN differs from itself


Check: TypeAlias = Callable[[WindowRows], Sequence[FeatureEvidence]]
"""Tests the rows of one window."""

CheckFactory: TypeAlias = Callable[[Profile, Policy], Check]
"""Prepares the check of a profile's windows; done once for each profile."""


def weigh(features: Sequence[FeatureEvidence]) -> WindowEvidence:
    """Turns the evidence about the features into what the verdict is made from.

    One statistic that could not be computed makes the whole window undecided: NaN is never "no drift".
    """
    if not all(feature.is_valid for feature in features):
        return WindowEvidence(undecided=UndecidedReason.INVALID_STATISTIC)
    return WindowEvidence(frozenset(feature.feature.name for feature in features if feature.flagged))
