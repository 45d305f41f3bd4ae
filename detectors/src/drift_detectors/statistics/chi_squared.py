"""The chi-squared test of homogeneity, for categorical features."""

from typing import ClassVar

import numpy as np
from alibi_detect.cd import ChiSquareDrift

from drift_detectors.statistics.base import FloatArray, TestResult, TwoSampleTest


class ChiSquaredTest(TwoSampleTest):
    """Chi-squared test on the contingency table of the two samples, with Yates' correction for two categories.

    The table's columns are the categories that occur in either sample. A category that the reference never had is a
    column of its own: its expected counts come from the column's total over both samples, so they are above zero and
    the row is neither dropped nor a division by zero. A declared category that neither sample has would be an empty
    column, and is left out.

    Reference:
        K. Pearson, "On the criterion that a given system of deviations ...", Philosophical Magazine 50 (1900),
        157-175. Computed by ``alibi_detect.cd.ChiSquareDrift``.

    Example:
        >>> import numpy as np
        >>> test = ChiSquaredTest(np.repeat([0.0, 1.0], [60, 40]))
        >>> round(test.compare(np.repeat([0.0, 1.0], [40, 60])).statistic, 2)
        7.22
    """

    name: ClassVar[str] = "chi_squared"

    def __init__(self, reference: FloatArray) -> None:
        observed = [int(code) for code in np.unique(reference)]
        self._detector = ChiSquareDrift(reference.reshape(-1, 1), categories_per_feature={0: observed})

    def _compute(self, current: FloatArray) -> TestResult:
        p_values, statistics = self._detector.score(current.reshape(-1, 1))
        return TestResult(float(statistics[0]), float(p_values[0]))
