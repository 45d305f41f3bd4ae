"""Tensors of the Open Inference Protocol (V2) in JSON: typed, flat or nested data, checked against the shape."""

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from drift_detectors.events.outcomes import Reason, RejectedEventError

FloatArray = npt.NDArray[np.float64]

_NUMERIC = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64"})
_FLAT: dict[str, msgspec.json.Decoder[list[Any]]] = {
    "number": msgspec.json.Decoder(list[float]),
    "boolean": msgspec.json.Decoder(list[bool]),
    "text": msgspec.json.Decoder(list[str]),
}
_NESTED: dict[str, msgspec.json.Decoder[list[list[Any]]]] = {
    "number": msgspec.json.Decoder(list[list[float]]),
    "boolean": msgspec.json.Decoder(list[list[bool]]),
    "text": msgspec.json.Decoder(list[list[str]]),
}
_MATRIX_DIMENSIONS = 2


class Tensor(msgspec.Struct, frozen=True):
    """One named tensor as it stands in the JSON body; ``data`` is left undecoded until it is wanted."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def rows(self) -> int:
        """Size of the first dimension, 0 for a shape without dimensions. Claimed, not yet verified."""
        return self.shape[0] if self.shape else 0

    @property
    def columns(self) -> int:
        """Values in one row: 1 for shapes [n] and [n, 1]."""
        return math.prod(self.shape[1:])


def values(tensor: Tensor) -> list[Any]:
    """Decodes a tensor's data.

    Args:
        tensor: shape [n] or [n, c]; the data either flat in row-major order or one list for each row.

    Returns:
        n*c values in row-major order: floats for numeric and BOOL datatypes, text for BYTES.

    Raises:
        RejectedEventError: ``unsupported_datatype``, ``shape_mismatch``, ``wrong_datatype``, ``not_finite``.
    """
    kind = _kind(tensor)
    _check_shape(tensor)
    decoded = _decode(tensor, kind)
    expected = math.prod(tensor.shape)
    if len(decoded) != expected:
        raise RejectedEventError(
            Reason.SHAPE_MISMATCH,
            f"tensor {tensor.name[:80]!r} of shape {tensor.shape} holds {len(decoded)} values, expected {expected}",
        )
    if kind == "boolean":
        return [float(value) for value in decoded]
    return decoded


def numbers(tensor: Tensor) -> FloatArray:
    """Decodes a numeric or BOOL tensor as float64 of shape [n*c], row-major, every value finite.

    Raises:
        RejectedEventError: as :func:`values`, and ``not_finite`` for NaN or an infinite value.
    """
    if _kind(tensor) == "text":
        raise RejectedEventError(
            Reason.WRONG_DATATYPE, f"tensor {tensor.name[:80]!r} is text (BYTES) where numbers belong"
        )
    array: FloatArray = np.array(values(tensor), dtype=np.float64)
    if not np.isfinite(array).all():
        raise RejectedEventError(
            Reason.NOT_FINITE, f"tensor {tensor.name[:80]!r} holds a value that is not finite", rows=tensor.rows
        )
    return array


def texts(tensor: Tensor) -> list[str]:
    """Decodes a BYTES tensor as n*c texts.

    Raises:
        RejectedEventError: as :func:`values`, and ``wrong_datatype`` for any other datatype.
    """
    if _kind(tensor) != "text":
        raise RejectedEventError(
            Reason.WRONG_DATATYPE, f"tensor {tensor.name[:80]!r} is {tensor.datatype} where text belongs"
        )
    return values(tensor)


def _kind(tensor: Tensor) -> str:
    if tensor.datatype in _NUMERIC:
        return "number"
    if tensor.datatype == "BOOL":
        return "boolean"
    if tensor.datatype == "BYTES":
        return "text"
    raise RejectedEventError(
        Reason.UNSUPPORTED_DATATYPE,
        f"tensor {tensor.name[:80]!r} has the unsupported datatype {tensor.datatype[:20]!r}",
    )


def _check_shape(tensor: Tensor) -> None:
    if not 1 <= len(tensor.shape) <= _MATRIX_DIMENSIONS or min(tensor.shape) < 0:
        raise RejectedEventError(
            Reason.SHAPE_MISMATCH,
            f"tensor {tensor.name[:80]!r} has shape {tensor.shape[:8]}, expected [rows] or [rows, columns]",
        )


def _decode(tensor: Tensor, kind: str) -> list[Any]:
    try:
        return _FLAT[kind].decode(tensor.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        nested = _NESTED[kind].decode(tensor.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RejectedEventError(
            Reason.WRONG_DATATYPE,
            f"the data of tensor {tensor.name[:80]!r} is no list, or list of lists, of {tensor.datatype} values",
        ) from None
    columns = tensor.columns
    if any(len(row) != columns for row in nested):
        raise RejectedEventError(
            Reason.SHAPE_MISMATCH,
            f"tensor {tensor.name[:80]!r} of shape {tensor.shape} has a row without {columns} values",
        )
    return [value for row in nested for value in row]
