"""The points table behind the rule-based fallback: its typed model, its checks, its scoring.

The table itself is ``scorecard.yaml`` beside this module, with the reason of every factor.
"""

from functools import cached_property
from importlib import resources
from itertools import pairwise
from typing import Any, Final, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.special import ndtr

from insurance_risk.errors import ScorecardError

SCORECARD_FILE: Final = "scorecard.yaml"


class _CardPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Interval(_CardPart):
    start: float | None = Field(default=None, alias="from", allow_inf_nan=False)
    """Lowest value, included; ``None`` for no lower end."""
    below: float | None = Field(default=None, allow_inf_nan=False)
    """Upper end, not included; ``None`` for no upper end."""


class Band(_Interval):
    """The points of the values in one stretch of a feature."""

    points: int
    """Points that a value in the band adds to the sum."""


class ScorecardFeature(_CardPart):
    """One factor of the scorecard."""

    name: str
    """Name of the feature, as in the profile."""
    reason: str = Field(min_length=1)
    """Why the factor counts, for the person who has to explain a score."""
    bands: list[Band] = Field(min_length=1)
    """Bands in ascending order; together they hold every number exactly once."""

    @model_validator(mode="after")
    def _bands_cover_the_line(self) -> Self:
        _check_cover(self.bands, f"feature '{self.name}'")
        return self

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Where one band ends and the next begins, ascending, shape [bands - 1]."""
        return np.array([band.below for band in self.bands[:-1]], dtype=np.float64)

    @cached_property
    def points(self) -> NDArray[np.int64]:
        """Points of each band, shape [bands]."""
        return np.array([band.points for band in self.bands], dtype=np.int64)


class ScorecardClass(_Interval):
    """The sums that make one class."""

    name: str = Field(alias="class")
    """Name of the class, as in the profile."""
    reason: str = Field(min_length=1)
    """Why the class begins and ends there."""


class Scorecard(_CardPart):
    """A points table.

    Raises:
        pydantic.ValidationError: bands or classes leave a gap, overlap, or repeat a name.

    Example:
        >>> card = load_scorecard()
        >>> card.score(np.array([[0.0, 35.0, 0.0, 40.5, 100.0, 50.0]]), card.feature_names).tolist()
        [3]
    """

    format: Literal["driftbreaker.dev/scorecard/v1"]
    """Format and version of the file."""
    classes: list[ScorecardClass] = Field(min_length=2)
    """Classes from the highest sum to the lowest."""
    spread: float = Field(gt=0)
    """Standard deviation, in points, of the risk around the table's sum."""
    features: list[ScorecardFeature] = Field(min_length=1)
    """The factors."""

    @model_validator(mode="after")
    def _names_and_classes_are_consistent(self) -> Self:
        for kind, names in (("feature", self.feature_names), ("class", self.class_names)):
            if len(set(names)) != len(names):
                raise ValueError(f"a {kind} is named twice: {', '.join(names)}")
        _check_cover(self.classes[::-1], "classes")
        for card_class in self.classes:
            if card_class.start is not None and not card_class.start.is_integer():
                raise ValueError(f"class '{card_class.name}' must begin at a whole number of points")
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the factors in the table's order."""
        return tuple(feature.name for feature in self.features)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes from the highest sum to the lowest."""
        return tuple(card_class.name for card_class in self.classes)

    @cached_property
    def cut_offs(self) -> NDArray[np.int64]:
        """Lowest sum of each class but the last, descending, shape [classes - 1]."""
        return np.array([card_class.start for card_class in self.classes[:-1]], dtype=np.int64)

    def score(self, matrix: NDArray[np.float64], feature_names: tuple[str, ...]) -> NDArray[np.int64]:
        """Add up the points of each row.

        Args:
            matrix: Finite feature values, shape [n, features].
            feature_names: Names of the matrix's columns; the same features as the table's, in any order.

        Returns:
            Points of each row, shape [n].

        Raises:
            ScorecardError: the columns are not the table's features.
        """
        self.check_features(feature_names)
        total = np.zeros(len(matrix), dtype=np.int64)
        for feature in self.features:
            values = matrix[:, feature_names.index(feature.name)]
            total += feature.points[np.searchsorted(feature.edges, values, side="right")]
        return total

    def classify(self, points: NDArray[np.int64]) -> NDArray[np.intp]:
        """Class number of each sum (0 for the first class of the table), shape [n]."""
        classes: NDArray[np.intp] = np.count_nonzero(points[:, np.newaxis] < self.cut_offs, axis=1)
        return classes

    def probabilities(self, points: NDArray[np.int64]) -> NDArray[np.float64]:
        """How probable each class is, given the sum: an ordered probit model.

        The risk behind a sum is taken to be normal around it with the table's ``spread``; a class's probability is the
        share of that distribution between its cut-offs. Sums are whole numbers, so a cut-off lies half a point below
        the first sum of its class; hence the most probable class is always the one of :meth:`classify`. The spread
        comes from the experts' formula: the probabilities are not calibrated on observed outcomes.

        Args:
            points: Sums, shape [n].

        Returns:
            Probabilities in the table's class order, rows adding up to 1, shape [n, classes].
        """
        at_least = ndtr((points[:, np.newaxis] - (self.cut_offs - 0.5)) / self.spread)
        cumulative = np.column_stack([np.zeros(len(points)), at_least, np.ones(len(points))])
        return np.diff(cumulative, axis=1)

    def check_features(self, feature_names: tuple[str, ...]) -> None:
        """Compare names of columns with the table's.

        Raises:
            ScorecardError: naming what is missing and what is unknown.
        """
        if set(feature_names) == set(self.feature_names):
            return
        missing = sorted(set(self.feature_names) - set(feature_names))
        unknown = sorted(set(feature_names) - set(self.feature_names))
        raise ScorecardError(
            f"the points table and the profile name different features: the profile lacks {missing or 'none'}, "
            f"the table lacks {unknown or 'none'}"
        )

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare class names with the table's, order included.

        Raises:
            ScorecardError: naming both lists.
        """
        if class_names != self.class_names:
            raise ScorecardError(
                f"the points table answers the classes {list(self.class_names)}, the profile names {list(class_names)}"
            )


def parse_scorecard(text: str) -> Scorecard:
    """Read a points table from YAML.

    Raises:
        ScorecardError: the text is not YAML or not a valid table; the first faults are named.
    """
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScorecardError(f"the points table is not YAML: {error}") from error
    try:
        return Scorecard.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc']) or 'table'}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False)[:3]
        )
        raise ScorecardError(f"the points table is not valid: {faults}") from None


def load_scorecard() -> Scorecard:
    """The points table that ships with the package."""
    return parse_scorecard(resources.files("insurance_risk").joinpath(SCORECARD_FILE).read_text(encoding="utf-8"))


def _check_cover(intervals: list[Band] | list[ScorecardClass], where: str) -> None:
    if intervals[0].start is not None or intervals[-1].below is not None:
        raise ValueError(f"{where}: the first band must have no 'from' and the last no 'below', to cover every value")
    for lower, upper in pairwise(intervals):
        if lower.below is None or upper.start is None or lower.below != upper.start:
            raise ValueError(
                f"{where}: gap or overlap between the band below {lower.below} and the band from {upper.start}"
            )
    ends = [interval.below for interval in intervals[:-1]]
    if any(later <= earlier for earlier, later in pairwise(ends) if earlier is not None and later is not None):
        raise ValueError(f"{where}: the bands are not in ascending order")
