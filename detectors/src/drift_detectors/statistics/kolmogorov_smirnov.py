"""The Kolmogorov-Smirnov test, for numeric features."""

from typing import ClassVar

from alibi_detect.cd import KSDrift

from drift_detectors.statistics.base import FloatArray, TestResult, TwoSampleTest


class KolmogorovSmirnovTest(TwoSampleTest):
    """Two-sample Kolmogorov-Smirnov test with the asymptotic p-value.

    The statistic is the largest distance between the two empirical distribution functions.

    Reference:
        F. J. Massey, "The Kolmogorov-Smirnov Test for Goodness of Fit", Journal of the American Statistical
        Association 46 (1951), 68-78. Computed by ``alibi_detect.cd.KSDrift``.

    Example:
        >>> import numpy as np
        >>> test = KolmogorovSmirnovTest(np.arange(100.0))
        >>> round(test.compare(np.arange(50.0, 150.0)).statistic, 3)
        0.5
    """

    name: ClassVar[str] = "kolmogorov_smirnov"

    def __init__(self, reference: FloatArray) -> None:
        self._detector = KSDrift(reference.reshape(-1, 1))

    def _compute(self, current: FloatArray) -> TestResult:
        p_values, statistics = self._detector.score(current.reshape(-1, 1))
        return TestResult(float(statistics[0]), float(p_values[0]))
