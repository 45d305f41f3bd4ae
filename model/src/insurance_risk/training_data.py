"""Rows to train on and to score, taken from a data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from insurance_data.dataset import Dataset
from insurance_data.errors import DatasetError
from insurance_data.schema import GROUP
from insurance_risk.errors import TrainingDataError
from insurance_risk.schema import FEATURE_NAMES
from insurance_risk.training import LabelledRows, split_rows


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The three sets of rows of a training run, and where they come from.

    Attributes:
        train: Rows to train on.
        test: Held-out rows.
        reference: Rows of the reference profile.
        source: What they are, for people.
    """

    train: LabelledRows
    test: LabelledRows
    reference: LabelledRows
    source: str


def open_dataset(directory: Path) -> Dataset:
    """Open a data set.

    Raises:
        TrainingDataError: the directory is not a data set; the text names the file or column.
    """
    try:
        return Dataset.open(directory)
    except DatasetError as error:
        raise TrainingDataError(str(error)) from error


def historic_rows(dataset: Dataset) -> TrainingData:
    """The data set's own split of month 0, with all of month 0 as reference.

    Raises:
        TrainingDataError: a file holds a value that it must not.
    """
    try:
        tables = [dataset.read_train(), dataset.read_test(), dataset.read_reference()]
    except DatasetError as error:
        raise TrainingDataError(str(error)) from error
    train, test, reference = (labelled_rows(table) for table in tables)
    return TrainingData(train, test, reference, "month 0 of the data set")


def monthly_rows(dataset: Dataset, months: tuple[int, ...], seed: int) -> TrainingData:
    """All rows of some months, split 80/20 by class; all of them are the reference.

    Args:
        dataset: The data set.
        months: Numbers of the months, without repeats.
        seed: Seed of the split.

    Raises:
        TrainingDataError: there is no such month, its file is broken, or a class is too small to be split.
    """
    try:
        table = pd.concat([dataset.read_month(month) for month in months], ignore_index=True)
    except DatasetError as error:
        raise TrainingDataError(str(error)) from error
    rows = labelled_rows(table)
    train, test = split_rows(rows, seed)
    return TrainingData(train, test, rows, f"months {', '.join(map(str, months))} of the data set")


def labelled_rows(table: pd.DataFrame) -> LabelledRows:
    """Turn a table of the data set into a feature matrix and class numbers."""
    return LabelledRows(feature_matrix(table), table[GROUP].to_numpy(np.intp))


def feature_matrix(table: pd.DataFrame) -> NDArray[np.float64]:
    """The features of a table in the model's order, shape [n, 6]."""
    matrix: NDArray[np.float64] = table[list(FEATURE_NAMES)].to_numpy(np.float64)
    return matrix
