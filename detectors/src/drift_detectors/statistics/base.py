"""What every test and every effect size has in common."""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]


class TestResult(msgspec.Struct, frozen=True):
    """Result of a two-sample test.

    Attributes:
        statistic: the test's statistic.
        p_value: two-sided p-value; alibi-detect computes it in single precision, so it is 0 below 1.4e-45. NaN
            when the test could not be computed, which is never to be read as "no drift".
    """

    __test__: ClassVar[bool] = False  # pytest takes a class named Test… for a test

    statistic: float
    p_value: float


class TwoSampleTest(ABC):
    """A test of one feature against its reference.

    Args:
        reference: reference values of the feature, shape [n].
    """

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, reference: FloatArray) -> None: ...

    def compare(self, current: FloatArray) -> TestResult:
        """Tests whether ``current`` (shape [m], m > 0) comes from the reference's distribution."""
        # The libraries sort NaN to the end or drop it, and would give an ordinary p-value.
        if np.isnan(current).any():
            return TestResult(np.nan, np.nan)
        return self._compute(current)

    @abstractmethod
    def _compute(self, current: FloatArray) -> TestResult:
        """The test itself, for values without NaN."""


class EffectSize(ABC):
    """How far one feature has moved from its reference, in a unit that compares between features.

    Args:
        reference: reference values of the feature, shape [n].
    """

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, reference: FloatArray) -> None: ...

    @abstractmethod
    def measure(self, current: FloatArray) -> float:
        """Size of the effect in ``current`` (shape [m], m > 0): 0 for the same distribution, NaN when it has a NaN."""
