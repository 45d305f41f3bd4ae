"""The simulated insurance world as pure functions: distributions of the inputs, risk, labels.

The features are independent of one another. With m the months that the inputs have drifted and c those of the concept:

    training            Bernoulli(.20)
    age                 skew-normal(shape 16, location 18 + .1 m, scale 22), years
    emergency_braking   Bernoulli(.395 + .015 m)
    braking_distance    normal(40, 5), metres
    power               skew-normal(shape 2, location 100, scale 50)
    miles               skew-normal(shape 4, location 50 - .5 m, scale 40), at least 5

    k    = 1 - .025 c
    risk = k * (-4 training + 4 |age - 35| / 22 + normal(0, .4))
           - emergency_braking + (braking_distance - 40) / 5 + |power - 100| / 50 + |miles - 50| / 40 + normal(0, .1414)

`high` is a risk of 3 or more, `medium` from 1 up to 3, `low` below 1. Scales and the second argument of `normal` are
standard deviations. A probability stops at 1 (after month 40) and k at 0 (from month 40 on).

Every row takes the same number of random draws whatever the world, so two worlds drawn from the same seed are the same
applicants: what differs between them is the drift alone.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from insurance_data.schema import CLASSES, COLUMNS, FEATURES, GROUP, GROUP_NAME, RISK
from insurance_data.variants import World

Floats = npt.NDArray[np.float64]

FEATURE_DECIMALS = 2
"""Digits of a continuous feature in the files: finer than anybody measures an age, a distance, a power or a mileage."""

RISK_DECIMALS = 4

HIGH_FROM = 3.0
"""Lowest risk of the class `high`."""

MEDIUM_FROM = 1.0
"""Lowest risk of the class `medium`."""


def skew_normal(generator: np.random.Generator, rows: int, *, shape: float, location: float, scale: float) -> Floats:
    """Draw from Azzalini's skew-normal distribution, by its stochastic representation.

    With d = shape / sqrt(1 + shape²) and two independent standard normals U and V, d |U| + sqrt(1 - d²) V is
    skew-normal (Azzalini, "A class of distributions which includes the normal ones", 1985, and Henze, 1986).

    Returns:
        `rows` values.
    """
    weight = shape / np.sqrt(1 + shape**2)
    folded = np.abs(generator.standard_normal(rows))
    symmetric = generator.standard_normal(rows)
    return np.asarray(location + scale * (weight * folded + np.sqrt(1 - weight**2) * symmetric))


def sample_features(generator: np.random.Generator, rows: int, inputs_month: float) -> pd.DataFrame:
    """Draw applicants after `inputs_month` months of drift of the inputs.

    Returns:
        `rows` rows with the columns `FEATURES`, rounded as they are stored.
    """

    def bernoulli(probability: float) -> npt.NDArray[np.int64]:
        return (generator.random(rows) < probability).astype(np.int64)

    features = {
        "training": bernoulli(0.20),
        "age": skew_normal(generator, rows, shape=16, location=18 + 0.1 * inputs_month, scale=22),
        "emergency_braking": bernoulli(min(1.0, 0.395 + 0.015 * inputs_month)),
        "braking_distance": generator.normal(40, 5, rows),
        "power": skew_normal(generator, rows, shape=2, location=100, scale=50),
        "miles": np.maximum(5.0, skew_normal(generator, rows, shape=4, location=50 - 0.5 * inputs_month, scale=40)),
    }
    return pd.DataFrame(features, columns=list(FEATURES)).round(FEATURE_DECIMALS)


def concept_factor(concept_month: float) -> float:
    """k: the weight that training and age still have in the risk; 1 in the reference, 0 from month 40 on."""
    return max(0.0, 1 - 0.025 * concept_month)


def risk_without_noise(features: pd.DataFrame, concept_month: float) -> Floats:
    """The risk that the inputs determine: the best that a model could know.

    Args:
        features: n rows with the columns `FEATURES`.
        concept_month: months that the concept has drifted.

    Returns:
        n values.
    """
    driver = -4 * features["training"] + 4 * (features["age"] - 35).abs() / 22
    car = (
        -features["emergency_braking"]
        + (features["braking_distance"] - 40) / 5
        + (features["power"] - 100).abs() / 50
        + (features["miles"] - 50).abs() / 40
    )
    return (concept_factor(concept_month) * driver + car).to_numpy(np.float64)


def group_of(risk: Floats) -> npt.NDArray[np.int64]:
    """The class number (position in `CLASSES`) of each risk: an exact cut."""
    return np.select([risk >= HIGH_FROM, risk >= MEDIUM_FROM], [0, 1], 2).astype(np.int64)


def sample_rows(generator: np.random.Generator, rows: int, world: World) -> pd.DataFrame:
    """Draw labelled applicants from `world`.

    The label is cut from the risk as stored (rounded), so a file's labels and risks never disagree.

    Returns:
        `rows` rows with the columns `COLUMNS`.
    """
    table = sample_features(generator, rows, world.inputs_month)
    driver_noise = generator.normal(0, 0.4, rows)
    car_noise = generator.normal(0, 0.1414, rows)
    noise = concept_factor(world.concept_month) * driver_noise + car_noise
    table[RISK] = np.round(risk_without_noise(table, world.concept_month) + noise, RISK_DECIMALS)
    table[GROUP] = group_of(table[RISK].to_numpy())
    table[GROUP_NAME] = np.asarray(CLASSES, dtype=object)[table[GROUP]]
    return table[list(COLUMNS)]


def stratified_test_rows(
    generator: np.random.Generator, groups: npt.NDArray[np.int64], test_rows: int
) -> npt.NDArray[np.bool_]:
    """Choose `test_rows` of n rows so that every class has the share that it has in all rows.

    Each class gives its whole quota; the rows that remain go to the classes with the largest remainders (the method
    of Hamilton), so the split has exactly the size asked for.

    Args:
        generator: source of the choice.
        groups: n class numbers.
        test_rows: between 0 and n.

    Returns:
        n booleans, True for the rows of the test set.
    """
    numbers, counts = np.unique(groups, return_counts=True)
    quotas = counts * test_rows / len(groups)
    taken = np.floor(quotas).astype(np.int64)
    largest_remainders = np.argsort(taken - quotas, kind="stable")[: test_rows - int(taken.sum())]
    taken[largest_remainders] += 1
    chosen = np.zeros(len(groups), dtype=np.bool_)
    for number, count in zip(numbers, taken, strict=True):
        chosen[generator.permutation(np.flatnonzero(groups == number))[:count]] = True
    return chosen
