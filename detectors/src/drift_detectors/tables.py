"""Tables of rows in CSV files: the columns that the profile names, any others left out."""

import gzip
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_detectors.profiles import Feature, Profile
from drift_detectors.windows import Column


class TableError(ValueError):
    """A table that cannot be used; the message names file and column."""


class Table(msgspec.Struct, frozen=True):
    """Rows of one file.

    Attributes:
        columns: one column of equal length for each feature, in profile order.
        rejected_rows: rows left out because a value was missing or infinite.
    """

    columns: list[Column]
    rejected_rows: int

    @property
    def rows(self) -> int:
        """Number of rows that can be used."""
        return len(self.columns[0])


def read_table(path: Path, profile: Profile) -> Table:
    """Reads a CSV file, gzipped when its name ends in ``.gz``; the separator is ``;`` or ``,`` as its header says.

    Raises:
        TableError: when the file cannot be read, a feature has no column, or a column of numbers holds text.
    """
    try:
        frame = pd.read_csv(path, sep=_separator(path), dtype=_text_columns(profile), low_memory=False)
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as CSV: {error}") from error
    missing = [feature.name for feature in profile.features if feature.name not in frame.columns]
    if missing:
        raise TableError(
            f"{path}: no column for {', '.join(missing)} of profile {profile.name!r}; "
            f"the file has {', '.join(map(str, frame.columns))}"
        )
    series = [_typed(path, frame[feature.name], feature) for feature in profile.features]
    usable = np.logical_and.reduce([_usable(column) for column in series])
    columns: list[Column] = [
        column[usable].tolist() if feature.is_categorical else column[usable].to_numpy(dtype=np.float64)
        for feature, column in zip(profile.features, series, strict=True)
    ]
    return Table(columns, int((~usable).sum()))


def _separator(path: Path) -> str:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return ";" if ";" in file.readline() else ","


def _text_columns(profile: Profile) -> dict[str, type[str]]:
    return {feature.name: str for feature in profile.features if feature.takes_text}


def _typed(path: Path, series: pd.Series, feature: Feature) -> pd.Series:
    if feature.takes_text:
        return series
    try:
        return pd.to_numeric(series).astype("float64")
    except (ValueError, TypeError) as error:
        raise TableError(f"{path}: column {feature.name!r} holds text where numbers belong") from error


def _usable(series: pd.Series) -> npt.NDArray[np.bool_]:
    usable: npt.NDArray[np.bool_] = ~(series.isna() | series.isin([np.inf, -np.inf])).to_numpy(dtype=bool)
    return usable
