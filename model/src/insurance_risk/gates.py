"""The quality gates a model must pass before it may serve, and their report.

A gate is a bound on one figure of a trained model. It judges the figure as measured; where that is a share of rows its
Wilson interval is reported beside it, because a test set of 300 rows has a standard error of 1.8 points.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy.stats import binomtest

from insurance_risk.errors import BundleError

GATES_FORMAT: Final = "driftbreaker.dev/gates/v1"

ACCURACY_FLOOR: Final = 0.85
ACCURACY_CEILING: Final = 0.95
ACCURACY_GAP: Final = 0.05
CLASS_COUNT_TOLERANCE: Final = 0.20
CERTAINTY_MINIMUM: Final = 0.4
CERTAINTY_MEAN: Final = 0.7
CERTAINTY_MAXIMUM: Final = 0.99
CONFIDENCE_LEVEL: Final = 0.95

Comparison = Literal[">", "<", "<=", "within"]


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's outcome.

    Attributes:
        name: Name of the gate, as a failure names it.
        value: The figure that was measured; ``None`` when it does not exist (a class without labelled rows).
        comparison: How value and bound compare when the gate passes.
        bound: The bound; a pair (lowest, highest) for ``within``.
        passed: Whether the gate passed.
        interval: 95 % Wilson interval of the value where it is a share of rows, else ``None``.
        sentence: What was measured and what it means, in plain words.
    """

    name: str
    value: float | None
    comparison: Comparison
    bound: float | tuple[float, float]
    passed: bool
    interval: tuple[float, float] | None
    sentence: str


_RESULT_ADAPTER: Final = TypeAdapter(GateResult)


@dataclass(frozen=True, slots=True)
class GateReport:
    """The outcome of all gates for one model."""

    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(result.passed for result in self.results)

    @property
    def failed_names(self) -> tuple[str, ...]:
        """Names of the gates that failed."""
        return tuple(result.name for result in self.results if not result.passed)

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Read a report back from the content of ``gates.json``.

        Raises:
            BundleError: the content is no report of gates.
        """
        try:
            return cls(tuple(_RESULT_ADAPTER.validate_python(gate) for gate in content["gates"]))
        except (KeyError, TypeError, ValidationError) as error:
            raise BundleError(f"{GATES_FORMAT}: not a report of gates: {error}") from None

    def to_content(self) -> dict[str, Any]:
        """The report as a JSON object (``gates.json``)."""
        return {
            "format": GATES_FORMAT,
            "passed": self.passed,
            "failed": list(self.failed_names),
            "gates": [asdict(result) for result in self.results],
        }


def evaluate_gates(
    *,
    train_labels: NDArray[np.intp],
    train_probabilities: NDArray[np.float64],
    test_labels: NDArray[np.intp],
    test_probabilities: NDArray[np.float64],
    classes: tuple[str, ...],
) -> GateReport:
    """Judge a model by its answers on the rows it was trained on and on held-out rows.

    Args:
        train_labels: True class numbers of the training rows, shape [n].
        train_probabilities: The model's probabilities for them, shape [n, classes].
        test_labels: True class numbers of the held-out rows, shape [m].
        test_probabilities: The model's probabilities for them, shape [m, classes].
        classes: Class names in the order of the columns.

    Returns:
        Every gate's result, in a fixed order.
    """
    train_right = int(np.count_nonzero(train_probabilities.argmax(axis=1) == train_labels))
    test_right = int(np.count_nonzero(test_probabilities.argmax(axis=1) == test_labels))
    accuracies = {
        "train": (train_right, len(train_labels)),
        "test": (test_right, len(test_labels)),
    }
    results = [
        *(_accuracy_floor(part, right, rows) for part, (right, rows) in accuracies.items()),
        *(_accuracy_ceiling(part, right, rows) for part, (right, rows) in accuracies.items()),
        _accuracy_gap(train_right / len(train_labels), test_right / len(test_labels)),
        *_class_counts(test_labels, test_probabilities, classes),
        *_certainty(test_probabilities.max(axis=1)),
    ]
    return GateReport(tuple(results))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion at 95 % (Wilson 1927).

    Args:
        successes: Rows that count.
        trials: All rows, at least one.
    """
    interval = binomtest(successes, trials).proportion_ci(confidence_level=CONFIDENCE_LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def _accuracy_floor(part: str, right: int, rows: int) -> GateResult:
    accuracy = right / rows
    passed = accuracy > ACCURACY_FLOOR
    return GateResult(
        name=f"accuracy_{part}",
        value=accuracy,
        comparison=">",
        bound=ACCURACY_FLOOR,
        passed=passed,
        interval=wilson_interval(right, rows),
        sentence=f"{right} of {rows} {part} rows are classified correctly; "
        + ("that is enough." if passed else "the model is too weak to serve."),
    )


def _accuracy_ceiling(part: str, right: int, rows: int) -> GateResult:
    accuracy = right / rows
    passed = accuracy <= ACCURACY_CEILING
    return GateResult(
        name=f"accuracy_{part}_plausible",
        value=accuracy,
        comparison="<=",
        bound=ACCURACY_CEILING,
        passed=passed,
        interval=wilson_interval(right, rows),
        sentence=f"The accuracy on the {part} rows is "
        + ("plausible." if passed else "suspiciously high: look for a leak of the label or for overfitting."),
    )


def _accuracy_gap(train_accuracy: float, test_accuracy: float) -> GateResult:
    gap = abs(train_accuracy - test_accuracy)
    passed = gap < ACCURACY_GAP
    return GateResult(
        name="accuracy_gap",
        value=gap,
        comparison="<",
        bound=ACCURACY_GAP,
        passed=passed,
        interval=None,
        sentence=f"Train and test accuracy differ by {100 * gap:.1f} points; "
        + ("the model generalises." if passed else "the model has learnt its training rows by heart."),
    )


def _class_counts(
    labels: NDArray[np.intp], probabilities: NDArray[np.float64], classes: tuple[str, ...]
) -> list[GateResult]:
    predicted = np.bincount(probabilities.argmax(axis=1), minlength=len(classes))
    labelled = np.bincount(labels, minlength=len(classes))
    bound = (1 - CLASS_COUNT_TOLERANCE, 1 + CLASS_COUNT_TOLERANCE)
    results = []
    for name, answers, truth in zip(classes, predicted.tolist(), labelled.tolist(), strict=True):
        ratio = answers / truth if truth else None
        passed = ratio is not None and bound[0] <= ratio <= bound[1]
        if ratio is None:
            verdict = "without labelled rows nothing can be said about this class."
        elif passed:
            verdict = "the class gets its share."
        else:
            verdict = f"the class is answered too {'often' if ratio > 1 else 'seldom'}."
        results.append(
            GateResult(
                name=f"class_count_{name}",
                value=ratio,
                comparison="within",
                bound=bound,
                passed=passed,
                interval=None,
                sentence=f"'{name}' is predicted for {answers} test rows and labelled in {truth}; {verdict}",
            )
        )
    return results


def _certainty(top_probability: NDArray[np.float64]) -> list[GateResult]:
    figures = (
        ("minimum", float(top_probability.min()), CERTAINTY_MINIMUM, "some answers are hardly better than a guess."),
        ("mean", float(top_probability.mean()), CERTAINTY_MEAN, "the model is unsure as a rule."),
        ("maximum", float(top_probability.max()), CERTAINTY_MAXIMUM, "the model is never sure."),
    )
    return [
        GateResult(
            name=f"certainty_{name}",
            value=value,
            comparison=">",
            bound=bound,
            passed=value > bound,
            interval=None,
            sentence=f"The {name} probability of the answered class over the test rows is {value:.3f}; "
            + ("as it should be." if value > bound else doubt),
        )
        for name, value, bound, doubt in figures
    ]
