"""Effect sizes: how far a distribution has moved, whatever the number of rows."""

from typing import ClassVar

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from drift_detectors.statistics.base import EffectSize, FloatArray


class WassersteinEffect(EffectSize):
    """Wasserstein distance (order 1) over the reference's standard deviation, for numeric features.

    A shift of all values by half a standard deviation has the effect 0.5. A reference without any spread gives no
    scale; the standard deviation of both samples together is the scale then.

    Reference:
        L. N. Vaserstein, "Markov processes over denumerable products of spaces", Problems of Information Transmission
        5 (1969), 47-52. Computed by ``scipy.stats.wasserstein_distance``.

    Example:
        >>> import numpy as np
        >>> reference = np.array([-1.0, 1.0])
        >>> WassersteinEffect(reference).measure(reference + 0.5)
        0.5
    """

    name: ClassVar[str] = "wasserstein"

    def __init__(self, reference: FloatArray) -> None:
        self._reference = reference
        self._deviation = float(np.std(reference))

    def distance(self, current: FloatArray) -> float:
        """Wasserstein distance of ``current`` (shape [m]) in the feature's own unit."""
        return float(wasserstein_distance(self._reference, current))

    def scaled(self, distance: float, current: FloatArray) -> float:
        """The effect that belongs to a distance, in standard deviations."""
        if distance == 0:
            return 0.0
        return distance / (self._deviation or float(np.std(np.concatenate([self._reference, current]))))

    def measure(self, current: FloatArray) -> float:
        """Effect of ``current`` (shape [m]) in standard deviations."""
        return self.scaled(self.distance(current), current)


class JensenShannonEffect(EffectSize):
    """Jensen-Shannon distance of the categories' shares (natural logarithm), for categorical features.

    0 for the same shares, sqrt(ln 2) = 0.83 when no category is common. Shares are taken over the union of the
    categories, so one that the reference never had counts in full.

    Reference:
        J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37 (1991),
        145-151. Computed by ``scipy.spatial.distance.jensenshannon``.

    Example:
        >>> import numpy as np
        >>> effect = JensenShannonEffect(np.array([0.0, 0.0, 1.0, 1.0]))
        >>> round(effect.measure(np.array([2.0, 2.0])), 4)
        0.8326
    """

    name: ClassVar[str] = "jensen_shannon"

    def __init__(self, reference: FloatArray) -> None:
        self._reference = reference

    def measure(self, current: FloatArray) -> float:
        """Effect of ``current`` (category codes, shape [m])."""
        if np.isnan(current).any():
            return float("nan")  # as a code, NaN would become whatever the processor makes of it
        size = int(max(self._reference.max(), current.max())) + 1
        distance = float(jensenshannon(shares(self._reference, size), shares(current, size)))
        # Rounding can make the divergence of two equal distributions a negative zero, whose root is NaN.
        return 0.0 if np.isnan(distance) else distance


def shares(codes: FloatArray, size: int) -> FloatArray:
    """Share of each category code from 0 to ``size`` - 1 in ``codes`` (shape [m]); shape [size], sum 1."""
    counts: FloatArray = np.bincount(codes.astype(np.intp), minlength=size).astype(np.float64)
    return counts / float(codes.size)
