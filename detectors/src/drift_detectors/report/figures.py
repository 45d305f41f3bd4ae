"""Figures of the report page as plain numbers: histograms, shares and lines, for the template to draw."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MINIMUM_BINS = 8
_MAXIMUM_BINS = 28


class Bar(msgspec.Struct, frozen=True):
    """One bin of a histogram.

    Attributes:
        low: lower edge in the feature's unit.
        high: upper edge.
        reference: height of the reference's bar, from 0 to 1 (the highest bar of both).
        current: height of the window's bar.
    """

    low: float
    high: float
    reference: float
    current: float


class ShareRow(msgspec.Struct, frozen=True):
    """Shares of one category, from 0 to 1.

    Attributes:
        label: the category.
        reference: its share in the reference.
        current: its share in the window.
        unseen: whether the reference never had it.
    """

    label: str
    reference: float
    current: float
    unseen: bool


def histogram(reference: FloatArray, current: FloatArray) -> list[Bar]:
    """Histograms of two samples over the same bins, each scaled to shares of its own rows.

    The bins are the reference's (Freedman and Diaconis' rule, kept between 8 and 28, never finer than whole numbers
    where all values are whole), widened to cover the window.
    """
    low = float(min(reference.min(), current.min()))
    high = float(max(reference.max(), current.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = int(np.clip(np.histogram_bin_edges(reference, bins="fd").size - 1, _MINIMUM_BINS, _MAXIMUM_BINS))
    edges = np.linspace(low, high, bins + 1)
    if _is_whole(reference) and _is_whole(current):
        width = max(1.0, float(np.ceil((high - low) / bins)))
        edges = np.arange(low - 0.5, high + width, width)
    before = np.histogram(reference, edges)[0] / reference.size
    now = np.histogram(current, edges)[0] / current.size
    top = float(max(before.max(), now.max()))
    return [
        Bar(float(edges[index]), float(edges[index + 1]), float(before[index] / top), float(now[index] / top))
        for index in range(edges.size - 1)
    ]


def share_rows(reference: dict[str, float], current: dict[str, float], *, limit: int = 8) -> list[ShareRow]:
    """The categories whose shares moved most, in the order of the profile; at most ``limit``."""
    moved = sorted(current, key=lambda label: -abs(current[label] - reference.get(label, 0.0)))[:limit]
    return [
        ShareRow(label, reference.get(label, 0.0), current[label], reference.get(label, 0.0) == 0.0)
        for label in current
        if label in moved
    ]


def polyline(values: Sequence[float], *, top: float, width: float, height: float) -> str:
    """Points of an SVG polyline through values from 0 (bottom) to ``top``; values above are drawn at the top."""
    step = width / max(len(values) - 1, 1)
    return " ".join(
        f"{index * step:.1f},{height * (1 - min(value / top, 1.0)):.1f}" for index, value in enumerate(values)
    )


def _is_whole(values: FloatArray) -> bool:
    return bool((values == np.floor(values)).all())
