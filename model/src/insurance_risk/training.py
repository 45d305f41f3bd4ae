"""Training: candidates in a fixed order, the first one that passes the gates, and its reference profile."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from insurance_risk.errors import TrainingDataError
from insurance_risk.gates import GateReport, evaluate_gates
from insurance_risk.profile import profile_content
from insurance_risk.schema import CLASSES, FEATURES, PROFILE_NAME

TEST_SHARE: Final = 0.2
IMPORTANCE_REPEATS: Final = 30
MAXIMUM_ITERATIONS: Final = 2000


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Feature rows with their true classes.

    Attributes:
        features: Values in the order of ``FEATURE_NAMES``, shape [n, 6].
        labels: Class numbers in the order of ``CLASSES``, shape [n].
    """

    features: NDArray[np.float64]
    labels: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A multilayer perceptron to try.

    Attributes:
        hidden_layers: Neurons of each hidden layer.
        alpha: Strength of the L2 penalty on the weights.
    """

    hidden_layers: tuple[int, ...]
    alpha: float

    @property
    def name(self) -> str:
        """Name in reports, for example ``MLP 50x50, alpha 2``."""
        return f"MLP {'x'.join(str(size) for size in self.hidden_layers)}, alpha {self.alpha:g}"

    def pipeline(self, seed: int) -> Pipeline:
        """The untrained pipeline: standardised features into the perceptron."""
        return Pipeline(
            [
                ("scale", StandardScaler()),
                (
                    "classify",
                    MLPClassifier(
                        hidden_layer_sizes=self.hidden_layers,
                        alpha=self.alpha,
                        max_iter=MAXIMUM_ITERATIONS,
                        random_state=seed,
                    ),
                ),
            ]
        )


CANDIDATES: Final = (
    Candidate((50, 50), 2.0),
    Candidate((50,), 1.0),
    Candidate((50, 50), 1.5),
    Candidate((32, 16), 1.0),
)
"""Tried in this order: the first is the model of the example, the others help where it misses a gate by chance."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate that was trained, and how the gates judged it."""

    candidate: Candidate
    report: GateReport


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The outcome of a training run.

    Attributes:
        pipeline: The trained pipeline of the chosen candidate.
        profile: Content of its reference profile, digest included.
        attempts: Every candidate that was tried; the chosen one is the last that passed, or the first if none did.
        chosen: The attempt that ``pipeline`` comes from.
        train_rows: Rows it was trained on.
        test_rows: Held-out rows that the gates judged it by.
    """

    pipeline: Pipeline
    profile: dict[str, Any]
    attempts: tuple[Attempt, ...]
    chosen: Attempt
    train_rows: int
    test_rows: int


def split_rows(rows: LabelledRows, seed: int) -> tuple[LabelledRows, LabelledRows]:
    """Split rows into 80 % for training and 20 % held out, stratified by class.

    Raises:
        TrainingDataError: a class has too few rows to be in both parts.
    """
    try:
        train_features, test_features, train_labels, test_labels = train_test_split(
            rows.features, rows.labels, test_size=TEST_SHARE, stratify=rows.labels, random_state=seed
        )
    except ValueError as error:
        raise TrainingDataError(f"the rows cannot be split by class: {error}") from error
    return LabelledRows(train_features, train_labels), LabelledRows(test_features, test_labels)


def train(
    *,
    train_rows: LabelledRows,
    test_rows: LabelledRows,
    reference_rows: LabelledRows,
    seed: int,
    candidates: tuple[Candidate, ...] = CANDIDATES,
) -> TrainedModel:
    """Train candidates until one passes every gate, and describe it in a reference profile.

    The same rows and seed give the same model: BLAS runs on one thread, since the order of its sums depends on their
    number.

    Args:
        train_rows: Rows to train on.
        test_rows: Held-out rows, for the gates and for the permutation importance.
        reference_rows: Rows of the profile.
        seed: Seed of the weights' start values and of the shuffling.
        candidates: What to try, in this order.

    Returns:
        The first candidate that passed; the first candidate of all, with its failed report, when none did.

    Raises:
        TrainingDataError: a class has no training rows.
    """
    missing = sorted(set(range(len(CLASSES))) - set(train_rows.labels.tolist()))
    if missing:
        raise TrainingDataError(f"no training row has the class {', '.join(CLASSES[number] for number in missing)}")
    attempts: list[Attempt] = []
    pipelines: list[Pipeline] = []
    with threadpool_limits(limits=1, user_api="blas"):
        for candidate in candidates:
            pipeline = candidate.pipeline(seed).fit(train_rows.features, train_rows.labels)
            attempt = Attempt(
                candidate,
                evaluate_gates(
                    train_labels=train_rows.labels,
                    train_probabilities=pipeline.predict_proba(train_rows.features),
                    test_labels=test_rows.labels,
                    test_probabilities=pipeline.predict_proba(test_rows.features),
                    classes=CLASSES,
                ),
            )
            attempts.append(attempt)
            pipelines.append(pipeline)
            if attempt.report.passed:
                break
        chosen = len(attempts) - 1 if attempts[-1].report.passed else 0
        profile = _describe(pipelines[chosen], test_rows, reference_rows, seed)
    return TrainedModel(
        pipeline=pipelines[chosen],
        profile=profile,
        attempts=tuple(attempts),
        chosen=attempts[chosen],
        train_rows=len(train_rows.labels),
        test_rows=len(test_rows.labels),
    )


def _describe(pipeline: Pipeline, test_rows: LabelledRows, reference_rows: LabelledRows, seed: int) -> dict[str, Any]:
    importance = permutation_importance(
        pipeline,
        test_rows.features,
        test_rows.labels,
        scoring="accuracy",
        n_repeats=IMPORTANCE_REPEATS,
        random_state=seed,
    )
    features = [
        {
            "name": feature.name,
            "kind": feature.kind,
            "unit": feature.unit,
            "range": list(feature.range) if feature.range else None,
            "categories": list(feature.categories) if feature.categories else None,
            "importance": float(mean),
            "importance_error": float(deviation),
        }
        for feature, mean, deviation in zip(
            FEATURES, importance.importances_mean, importance.importances_std, strict=True
        )
    ]
    rows: dict[str, list[int | float]] = {}
    for feature, column in zip(FEATURES, reference_rows.features.T, strict=True):
        values = column.astype(np.int64) if feature.kind == "categorical" else column
        rows[feature.name] = values.tolist()
    probabilities = pipeline.predict_proba(reference_rows.features)
    return profile_content(
        name=PROFILE_NAME,
        features=features,
        classes=list(CLASSES),
        rows=rows,
        predictions={
            "class": [CLASSES[number] for number in probabilities.argmax(axis=1).tolist()],
            "confidence": probabilities.max(axis=1).tolist(),
        },
    )
