"""The features and classes of the insurance-risk example, declared once.

Training writes these declarations into the reference profile; everything else reads them from the profile.
"""

from dataclasses import dataclass
from typing import Final, Literal

FeatureKind = Literal["numeric", "categorical"]


@dataclass(frozen=True, slots=True)
class FeatureDeclaration:
    """What is known about one input of the model before any data is seen.

    Attributes:
        name: Column of the data set and name of the V2 input tensor.
        kind: ``numeric`` (a quantity) or ``categorical`` (one of ``categories``).
        unit: Unit of a numeric feature, for reports; ``None`` for a category.
        range: Lowest and highest value, both included, that the model may answer; ``None`` for no limit.
            A row outside is not bad input: the rules answer it.
        categories: The values that a categorical feature takes; any other value is bad input.
    """

    name: str
    kind: FeatureKind
    unit: str | None = None
    range: tuple[float, float] | None = None
    categories: tuple[int, ...] | None = None


FEATURES: Final = (
    FeatureDeclaration("training", "categorical", categories=(0, 1)),
    FeatureDeclaration("age", "numeric", unit="years", range=(10, 149)),
    FeatureDeclaration("emergency_braking", "categorical", categories=(0, 1)),
    FeatureDeclaration("braking_distance", "numeric", unit="metres"),
    FeatureDeclaration("power", "numeric", unit="horsepower", range=(50, 249)),
    FeatureDeclaration("miles", "numeric", unit="thousand miles"),
)
"""The six inputs in the order of the model's matrix."""

FEATURE_NAMES: Final = tuple(feature.name for feature in FEATURES)

CLASSES: Final = ("high", "medium", "low")
"""Class names in the order of the data set's ``group`` numbers 0, 1 and 2."""

PROFILE_NAME: Final = "insurance-risk"
