"""Offline scoring: what every model and the rules would have answered to every monthly row."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from insurance_data.dataset import Dataset
from insurance_data.errors import DatasetError
from insurance_risk.answers import Answerer
from insurance_risk.errors import TrainingDataError
from insurance_risk.training_data import feature_matrix


def score_months(dataset: Dataset, answerers: Mapping[str, Answerer]) -> pd.DataFrame:
    """Answer every row of every month.

    Args:
        dataset: The data set.
        answerers: Who answers, by the name of the column.

    Returns:
        Columns ``month``, ``row`` (from 0 within the month) and one of class names for each answerer.

    Raises:
        TrainingDataError: a month's file holds a value that it must not.
    """
    tables = []
    for month in dataset.months():
        try:
            matrix = feature_matrix(dataset.read_month(month))
        except DatasetError as error:
            raise TrainingDataError(str(error)) from error
        columns: dict[str, object] = {"month": month, "row": np.arange(len(matrix))}
        for name, answerer in answerers.items():
            columns[name] = np.array(answerer.profile.classes)[answerer.answer(matrix).classes]
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
