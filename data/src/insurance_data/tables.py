"""One file of rows: written as the same bytes every time, read with every value checked."""

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd

from insurance_data.errors import DatasetError
from insurance_data.generator import FEATURE_DECIMALS
from insurance_data.schema import CLASSES, COLUMNS, FEATURES, GROUP, GROUP_NAME, INTEGER_FEATURES, RISK, SEPARATOR

COMPRESSION_LEVEL = 9
HEADER_LINE_BYTES = 65_536
"""No sensible header is longer: a binary file without line ends must not be read whole as one."""


def compressed_bytes(table: pd.DataFrame) -> bytes:
    """The rows as a gzip-compressed CSV without time or file name in its header: the same rows give the same bytes."""
    written = table.copy()
    for feature in FEATURES:
        if feature not in INTEGER_FEATURES:
            written[feature] = table[feature].map(f"{{:.{FEATURE_DECIMALS}f}}".format)
    text = written.to_csv(index=False, sep=SEPARATOR, lineterminator="\n")
    return gzip.compress(text.encode(), compresslevel=COMPRESSION_LEVEL, mtime=0)


def read_bytes(path: Path) -> bytes:
    """The text of a CSV file, decompressed where the name ends in `.gz`.

    Raises:
        DatasetError: the file is missing, unreadable or not gzip although its name says so.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing") from None
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def read_header(path: Path) -> tuple[list[str], str]:
    """The column names of a CSV file and the separator that it uses (`;`, or `,` where no `;` stands in the header).

    Raises:
        DatasetError: the file is missing, unreadable, not text, or has no header.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            line = file.readline(HEADER_LINE_BYTES).decode("utf-8-sig").strip()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{path} is not a text file in UTF-8") from None
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if not line:
        raise DatasetError(f"{path} is empty: a header with the column names is expected")
    separator = SEPARATOR if SEPARATOR in line else ","
    return [name.strip().strip('"') for name in line.split(separator)], separator


def require_columns(path: Path, found: list[str], required: tuple[str, ...]) -> None:
    """Check that a file has the columns it needs.

    Raises:
        DatasetError: a column is missing; the message names the file, what is missing and what was found.
    """
    missing = [name for name in required if name not in found]
    if missing:
        raise DatasetError(f"{path} has no column {', '.join(missing)} (it has: {', '.join(found)})")


def number_column(path: Path, column: "pd.Series[str]") -> pd.Series:
    """A column of text as finite numbers: int64 where every value is an integer literal, float64 otherwise.

    Raises:
        DatasetError: a value is missing, not a number or infinite; the message names file, column, row and value.
    """
    numbers = pd.to_numeric(column, errors="coerce")
    bad = np.flatnonzero(~np.isfinite(numbers.to_numpy(np.float64)))
    if len(bad):
        row = int(bad[0])
        raise DatasetError(
            f"{path}: row {row + 1} has {column.iloc[row]!r} in the column {column.name!r}, expected a finite number"
            f" ({len(bad)} such rows)"
        )
    return numbers


def read_numbers(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read numeric columns of any CSV file (separator `;` or `,`, compressed where the name ends in `.gz`).

    Returns:
        The columns asked for, in that order: int64 where every value is written as an integer, float64 otherwise.

    Raises:
        DatasetError: a file, a column or a value is not what it should be.
    """
    text = read_text(path, columns)
    return pd.DataFrame({name: number_column(path, text[name]) for name in columns})


def read_text(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read columns of a CSV file as text.

    Raises:
        DatasetError: the file is missing, broken, lacks a column or has no rows.
    """
    found, separator = read_header(path)
    require_columns(path, found, columns)
    try:
        text = pd.read_csv(
            io.BytesIO(read_bytes(path)),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as CSV: {error}") from error
    if text.empty:
        raise DatasetError(f"{path} has a header but no rows")
    return text.rename(columns=str.strip)[list(columns)]


def read_table(path: Path) -> pd.DataFrame:
    """Read one file of a data set.

    Returns:
        The columns `COLUMNS`: `INTEGER_FEATURES` and `group` as int64, other numbers as float64, `group_name` as text.

    Raises:
        DatasetError: the file is missing, lacks a column, or holds a value that it must not; the message says where.
    """
    text = read_text(path, COLUMNS)
    table = pd.DataFrame(index=text.index)
    for name in (*FEATURES, RISK):
        table[name] = number_column(path, text[name]).astype(np.float64)
        if name in INTEGER_FEATURES:
            refuse_rows(path, text[name], ~table[name].isin([0, 1]), "0 or 1")
            table[name] = table[name].astype(np.int64)
    known = {name: number for number, name in enumerate(CLASSES)}
    expected = text[GROUP_NAME].map(known)
    refuse_rows(path, text[GROUP_NAME], expected.isna(), " or ".join(CLASSES))
    group = number_column(path, text[GROUP])
    refuse_rows(path, text[GROUP], group != expected, "the number of the row's group_name (high 0, medium 1, low 2)")
    table[GROUP_NAME] = text[GROUP_NAME]
    table[GROUP] = group.astype(np.int64)
    return table


def refuse_rows(path: Path, column: "pd.Series[str]", refused: "pd.Series[bool]", expected: str) -> None:
    """Raise where a row is refused.

    Raises:
        DatasetError: at least one is; the message names file, row, value and what was expected.
    """
    if refused.any():
        row = int(np.flatnonzero(refused.to_numpy())[0])
        raise DatasetError(
            f"{path}: row {row + 1} has {column.iloc[row]!r} in the column {column.name!r}, expected {expected}"
        )
