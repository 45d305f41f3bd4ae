"""The worlds that a data set can be drawn from: how far inputs and concept have moved in each month."""

from dataclasses import dataclass
from enum import StrEnum

from insurance_data.errors import SettingsError

ABRUPT_WORLD_MONTH = 24
"""The month of the gradual drift that an abrupt change jumps to, for inputs and concept alike.

At month 24 the mean of `miles` has moved by half a standard deviation and emergency braking is in .755 instead of .395
of the cars, so two windows of a few hundred rows on either side of the change cannot be taken for one another; a model
of month 0 is right in about two thirds of the rows.
"""

SHIFT_WORLD_MONTH = 1
"""The month of the gradual drift whose inputs the constant shift holds: too small to cost accuracy."""


class Variant(StrEnum):
    """What drifts in a data set. The reference is month 0 in all of them."""

    BOTH = "both"
    """Inputs and concept, a little every month: the default world."""
    NONE = "none"
    """Nothing: every month is like the reference."""
    INPUTS = "inputs"
    """Only the distributions of the inputs; the risk of a given applicant never changes."""
    CONCEPT = "concept"
    """Only the risk of a given applicant; the inputs are distributed as in the reference."""
    ABRUPT = "abrupt"
    """Nothing before a chosen month; from it on inputs and concept of month `ABRUPT_WORLD_MONTH`."""
    SHIFT = "shift"
    """A harmless constant shift: the inputs of month `SHIFT_WORLD_MONTH` from month 1 on, concept unchanged."""


@dataclass(frozen=True)
class World:
    """How far the world has drifted, each part in months of the gradual drift (0 = as in the reference)."""

    inputs_month: float
    concept_month: float


REFERENCE_WORLD = World(0, 0)


def world_in_month(variant: Variant, month: int, change_month: int | None = None) -> World:
    """The world that the rows of `month` are drawn from.

    Args:
        variant: what drifts.
        month: 1 or more.
        change_month: the first changed month of the variant `abrupt`, and None for every other variant.

    Raises:
        SettingsError: `change_month` is missing for `abrupt`, below 1, or given for another variant.
    """
    if variant is Variant.ABRUPT:
        if change_month is None or change_month < 1:
            raise SettingsError("the variant 'abrupt' needs the month of its change: a number from 1 on")
        return REFERENCE_WORLD if month < change_month else World(ABRUPT_WORLD_MONTH, ABRUPT_WORLD_MONTH)
    if change_month is not None:
        raise SettingsError(f"a month of change belongs to the variant 'abrupt', not to '{variant.value}'")
    worlds = {
        Variant.BOTH: World(month, month),
        Variant.NONE: REFERENCE_WORLD,
        Variant.INPUTS: World(month, 0),
        Variant.CONCEPT: World(0, month),
        Variant.SHIFT: World(SHIFT_WORLD_MONTH, 0),
    }
    return worlds[variant]
