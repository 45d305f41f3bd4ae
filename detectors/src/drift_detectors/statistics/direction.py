"""Which way a feature has moved, in words that a person can check."""

import numpy as np

from drift_detectors.statistics.base import FloatArray


def numeric_direction(reference: FloatArray, current: FloatArray, distance: float) -> str:
    """Direction in which a numeric feature moved.

    The difference of the means is never larger than the Wasserstein distance. When it makes up half of it or more,
    the values went up or down; otherwise they mostly spread out or drew together.

    Args:
        reference: reference values.
        current: values of the window.
        distance: their Wasserstein distance, in the feature's own unit.

    Returns:
        ``higher``, ``lower``, ``wider``, ``narrower``, or ``none`` when nothing moved.
    """
    if distance <= 0:
        return "none"
    shift = float(np.mean(current) - np.mean(reference))
    if abs(shift) >= distance / 2:
        return "higher" if shift > 0 else "lower"
    return "wider" if float(np.std(current)) >= float(np.std(reference)) else "narrower"


def categorical_direction(reference: dict[str, float], current: dict[str, float]) -> str:
    """Direction in which a categorical feature moved: ``more`` of the category that gained the largest share.

    Args:
        reference: share of each category in the reference.
        current: share of each category in the window, over the same categories.

    Returns:
        ``more <category>``, or ``none`` when no share grew.

    Example:
        >>> categorical_direction({"no": 0.6, "yes": 0.4}, {"no": 0.3, "yes": 0.7})
        'more yes'
    """
    gains = {category: share - reference.get(category, 0.0) for category, share in current.items()}
    category = max(gains, key=lambda name: gains[name])
    return f"more {category}" if gains[category] > 0 else "none"
