"""Tumbling windows: the rows that one verdict is about, in arrays that are allocated once."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from drift_detectors.profiles import Category, Feature

FloatArray: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = FloatArray | list[float] | list[str]

UNSEEN_LIMIT = 50
"""Distinct unseen categories that one feature of one window keeps apart; all further ones share one code."""

UNSEEN_LENGTH = 100
"""Characters of an unseen category that are kept."""

OTHER = "(other)"
"""Label of the code that further unseen categories share."""


class WindowRows(msgspec.Struct, frozen=True, eq=False):
    """The rows of one window.

    Attributes:
        values: float64 of shape [rows, number of features]; a categorical column holds codes: the index of a known
            category in the feature's ``categories``, and from there on the index into ``unseen``.
        unseen: for each feature the categories of this window that the profile does not have, in order of arrival.
    """

    values: FloatArray
    unseen: tuple[tuple[Category, ...], ...]

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])


class TumblingWindow:
    """Collects rows until the window is full; rows beyond that belong to the next window.

    Args:
        features: the profile's features.
        size: rows of a full window.
    """

    def __init__(self, features: Sequence[Feature], size: int) -> None:
        self._features = tuple(features)
        self._known = [
            {category: index for index, category in enumerate(feature.categories or ())} for feature in features
        ]
        self._values: FloatArray = np.empty((size, len(self._features)), dtype=np.float64)
        self._unseen: list[dict[Category, int]] = [{} for _ in self._features]
        self.size = size
        self.count = 0
        self.started: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether the window takes no further row."""
        return self.count == self.size

    def add(self, columns: Sequence[Column], start: int, received: float | None) -> int:
        """Takes rows from ``start`` on, as many as there is room for.

        Args:
            columns: one column of equal length for each feature.
            start: index of the first row to take.
            received: arrival time of the rows in Unix seconds, None when unknown.

        Returns:
            Number of rows taken.
        """
        stop = min(len(columns[0]), start + self.size - self.count)
        taken = stop - start
        if taken and not self.count:
            self.started = received
        target = slice(self.count, self.count + taken)
        for index, (feature, column) in enumerate(zip(self._features, columns, strict=True)):
            part = column[start:stop]
            self._values[target, index] = self._codes(index, part) if feature.is_categorical else part
        self.count += taken
        return taken

    def rows(self) -> WindowRows:
        """Copies the rows collected so far."""
        return WindowRows(self._values[: self.count].copy(), tuple(tuple(unseen) for unseen in self._unseen))

    def clear(self) -> None:
        """Starts an empty window."""
        self.count = 0
        self.started = None
        self._unseen = [{} for _ in self._features]

    def _codes(self, index: int, values: Sequence[Category] | FloatArray) -> list[int]:
        known = self._known[index]
        return [code if (code := known.get(value)) is not None else self._unseen_code(index, value) for value in values]

    def _unseen_code(self, index: int, value: Category) -> int:
        unseen = self._unseen[index]
        if isinstance(value, str):
            value = value[:UNSEEN_LENGTH]
        if value not in unseen and len(unseen) >= UNSEEN_LIMIT:
            value = OTHER
        return len(self._known[index]) + unseen.setdefault(value, len(unseen))
