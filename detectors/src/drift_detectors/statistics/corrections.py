"""Corrections of p-values for testing several features in one window."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import false_discovery_control

from drift_detectors.statistics.base import FloatArray


def bonferroni(p_values: FloatArray) -> FloatArray:
    """Bonferroni's adjusted p-values, min(1, m p): the family-wise error rate stays below alpha."""
    return np.minimum(1.0, p_values * p_values.size)


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's step-down adjusted p-values: Bonferroni's guarantee with more power.

    The i-th smallest of m p-values becomes the largest of (m - j + 1) p_(j) over j <= i, at most 1.

    Reference:
        S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
        (1979), 65-70.

    Example:
        >>> import numpy as np
        >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values: the false discovery rate stays below alpha.

    Reference:
        Y. Benjamini, Y. Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B
        57 (1995), 289-300. Computed by ``scipy.stats.false_discovery_control``.
    """
    adjusted: FloatArray = false_discovery_control(p_values, method="bh")
    return adjusted


def uncorrected(p_values: FloatArray) -> FloatArray:
    """The p-values as they are."""
    return p_values


CORRECTIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "holm": holm,
    "bonferroni": bonferroni,
    "benjamini-hochberg": benjamini_hochberg,
    "none": uncorrected,
}
"""The corrections by the name that a policy uses."""
