"""Bodies of the Open Inference Protocol (V2, REST): rows into a request, an answer into classes. Pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from insurance_data.errors import RowsError

DATATYPES = {"i": "INT64", "u": "UINT64", "f": "FP64"}
"""V2 datatype of each numpy kind."""

Columns = Mapping[str, npt.NDArray[Any]]


class InputForm(StrEnum):
    """How a request carries its rows."""

    TENSORS = "tensors"
    """One tensor of shape [n] per column, named like the column."""
    MATRIX = "matrix"
    """One FP64 tensor `input-0` of shape [n, number of columns]."""


class AnswerError(ValueError):
    """A body is not a V2 answer to the request; the message says what is wrong with it."""


@dataclass(frozen=True)
class Answer:
    """What a V2 answer says about each row; None for what it does not hold."""

    classes: tuple[str, ...] | None
    served_by: tuple[str, ...] | None
    profile_digest: str | None


def numeric_columns(table: pd.DataFrame, names: Sequence[str]) -> Columns:
    """The columns of `table` that are sent, as arrays of int64, uint64 or float64.

    Raises:
        RowsError: a column is missing, is not numeric, or holds a value that JSON cannot carry (NaN, infinite).
    """
    columns = {}
    for name in names:
        if name not in table.columns:
            raise RowsError(f"the table has no column {name!r} (it has: {', '.join(map(str, table.columns))})")
        values = table[name].to_numpy()
        if values.dtype.kind not in DATATYPES:
            raise RowsError(f"the column {name!r} is of type {values.dtype}, expected numbers")
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise RowsError(
                f"the row at position {bad[0]} has {values[bad[0]]} in the column {name!r}, expected a finite number"
            )
        columns[name] = values.astype(f"{values.dtype.kind}8")
    return columns


def request_body(columns: Columns, *, request_id: str, form: InputForm = InputForm.TENSORS) -> bytes:
    """The V2 inference request for some rows.

    Args:
        columns: equally long arrays by name, as `numeric_columns` gives them.
        request_id: the `id` of the request.
        form: one tensor per column, or one matrix.
    """
    if form is InputForm.MATRIX:
        matrix = np.column_stack([values.astype(np.float64) for values in columns.values()])
        inputs = [{"name": "input-0", "shape": list(matrix.shape), "datatype": "FP64", "data": matrix.tolist()}]
    else:
        inputs = [
            {
                "name": name,
                "shape": [len(values)],
                "datatype": DATATYPES[values.dtype.kind],
                "data": values.tolist(),
            }
            for name, values in columns.items()
        ]
    return json.dumps({"id": request_id, "inputs": inputs}, separators=(",", ":")).encode()


def read_answer(body: bytes, *, request_id: str, rows: int) -> Answer:
    """Read the V2 answer to a request.

    Args:
        body: the answer as it came.
        request_id: the `id` that was sent; an answer that carries another one belongs to another request.
        rows: how many rows were sent.

    Raises:
        AnswerError: the body is no V2 answer, or not one to this request.
    """
    try:
        content = json.loads(body)
    except ValueError as error:
        raise AnswerError(f"the answer is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("outputs"), list):
        raise AnswerError("the answer has no list of outputs")
    answered_id = content.get("id")
    if answered_id and answered_id != request_id:
        raise AnswerError(f"the answer carries the id {answered_id!r}, which is not this request's")
    outputs = {output.get("name"): output.get("data") for output in content["outputs"] if isinstance(output, dict)}
    parameters = content.get("parameters")
    digest = parameters.get("profile_digest") if isinstance(parameters, dict) else None
    return Answer(
        classes=_texts(outputs, "class", rows),
        served_by=_texts(outputs, "served_by", rows),
        profile_digest=digest if isinstance(digest, str) else None,
    )


def _texts(outputs: Mapping[Any, object], name: str, rows: int) -> tuple[str, ...] | None:
    """The texts of an output, one per row; None where the answer has no such output."""
    if name not in outputs:
        return None
    data = outputs[name]
    if not isinstance(data, list) or len(data) != rows or not all(isinstance(value, str) for value in data):
        raise AnswerError(f"the output {name!r} is not a list of {rows} texts, one for each row sent")
    return tuple(data)
