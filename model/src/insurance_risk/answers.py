"""Who answers a row and what: the model, or the rules one by one where the model should not.

Pure functions of arrays: the predictors, the offline scoring and the tests call the same code.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from insurance_risk.profile import Profile
from insurance_risk.scorecard import Scorecard

CONFIDENCE_FLOOR: Final = 0.5
"""Top probability under which the rules answer a row in the model's place."""

MODEL: Final = "model"
RULES: Final = "rules"
MIXED: Final = "mixed"


class ProbabilisticClassifier(Protocol):
    """The part of scikit-learn's classifier interface that is used here."""

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's own name
        """Probabilities, shape [n, classes], of feature rows, shape [n, features]."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to n rows.

    Attributes:
        classes: Class number of each row, shape [n].
        probabilities: Probability of each class, rows adding up to 1, shape [n, classes].
        from_rules: True where the rules answered, shape [n].
    """

    classes: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    from_rules: NDArray[np.bool_]

    @property
    def served_by(self) -> str:
        """``model``, ``rules`` or, where both answered rows, ``mixed``."""
        answered_by_rules = int(np.count_nonzero(self.from_rules))
        if answered_by_rules == 0:
            return MODEL
        return RULES if answered_by_rules == len(self.from_rules) else MIXED


class Answerer(Protocol):
    """Anything that answers rows of features."""

    @property
    def profile(self) -> Profile:
        """The profile that the answers are given under."""
        ...

    def answer(self, matrix: NDArray[np.float64]) -> Answers:
        """Answer rows in the profile's feature order, shape [n, features], n at least 1."""
        ...


class RulesAnswerer:
    """Answers every row by the points table.

    Args:
        scorecard: The points table.
        profile: Gives the order of the features and the digest; its features and classes must be the table's.

    Raises:
        ScorecardError: the table and the profile do not fit.
    """

    def __init__(self, scorecard: Scorecard, profile: Profile) -> None:
        scorecard.check_features(profile.feature_names)
        scorecard.check_classes(tuple(profile.classes))
        self.profile = profile
        self._scorecard = scorecard

    def answer(self, matrix: NDArray[np.float64]) -> Answers:
        """Answer rows in the profile's feature order, shape [n, features]."""
        points = self._scorecard.score(matrix, self.profile.feature_names)
        return Answers(
            classes=self._scorecard.classify(points),
            probabilities=self._scorecard.probabilities(points),
            from_rules=np.ones(len(matrix), dtype=np.bool_),
        )


class ModelAnswerer:
    """Answers rows by the model, and by the rules where the model should not answer.

    The rules answer a row that lies outside a range of the profile, or whose most probable class has a probability
    under :data:`CONFIDENCE_FLOOR`.

    Args:
        classifier: The trained pipeline; its classes are numbered as the profile's.
        profile: The profile of the bundle that the pipeline came in.
        rules: Answers the rows that the model should not.
    """

    def __init__(self, classifier: ProbabilisticClassifier, profile: Profile, rules: RulesAnswerer) -> None:
        self.profile = profile
        self._classifier = classifier
        self._rules = rules
        limits = [feature.range or (-np.inf, np.inf) for feature in profile.features]
        self._lowest, self._highest = np.array(limits, dtype=np.float64).T

    def answer(self, matrix: NDArray[np.float64]) -> Answers:
        """Answer rows in the profile's feature order, shape [n, features]."""
        probabilities = self._classifier.predict_proba(matrix)
        classes = probabilities.argmax(axis=1)
        outside = ((matrix < self._lowest) | (matrix > self._highest)).any(axis=1)
        from_rules = outside | (probabilities.max(axis=1) < CONFIDENCE_FLOOR)
        if from_rules.any():
            by_rules = self._rules.answer(matrix[from_rules])
            classes[from_rules] = by_rules.classes
            probabilities[from_rules] = by_rules.probabilities
        return Answers(classes=classes, probabilities=probabilities, from_rules=from_rules)
