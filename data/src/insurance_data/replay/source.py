"""The rows of a replay: a CSV file, or the months of a data set in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from insurance_data.dataset import Dataset
from insurance_data.errors import DatasetError
from insurance_data.layout import month_path
from insurance_data.tables import read_numbers


@dataclass(frozen=True)
class Source:
    """One file's rows."""

    path: str
    table: pd.DataFrame
    """The columns that are sent."""


def read_sources(path: Path, columns: tuple[str, ...], months: Sequence[int] | None = None) -> list[Source]:
    """Read what is to be sent, before anything is.

    Args:
        path: a CSV file (separator `;` or `,`, compressed where the name ends in `.gz`) or a data set's directory.
        columns: the numeric columns to send.
        months: the months of a data set to send, in this order; None for all.

    Returns:
        The CSV file, or one source per month.

    Raises:
        DatasetError: something cannot be read, or months are chosen where there are none.
    """
    if not path.is_dir():
        if months is not None:
            raise DatasetError(f"{path} is a file: months can be chosen from a data set's directory only")
        return [Source(str(path), read_numbers(path, columns))]
    dataset = Dataset.open(path)
    chosen = dataset.months() if months is None else months
    for month in chosen:
        if month not in dataset.months():
            raise DatasetError(f"{path} has no month {month}: its months are 1 to {dataset.last_month}")
    paths = [path / month_path(month) for month in chosen]
    return [Source(str(file), read_numbers(file, columns)) for file in paths]
