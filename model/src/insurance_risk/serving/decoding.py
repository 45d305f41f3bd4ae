"""Decoding of V2 inference inputs into a feature matrix, refusing everything that is not what the model takes."""

import math
from typing import Any, Final

import numpy as np
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput
from numpy.typing import NDArray

from insurance_risk.profile import Profile

MATRIX_INPUT: Final = "input-0"
MATRIX_DATATYPE: Final = "FP64"
BOOLEAN_DATATYPE: Final = "BOOL"

NUMERIC_DATATYPES: Final[dict[str, np.dtype[Any]]] = {
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
}
_BOOLEAN: Final = np.dtype(np.bool_)


class RequestDecoder:
    """Turns the inputs of a V2 request into rows in the profile's feature order.

    Texts of errors name the tensor, the row and what is wrong with the value; they never repeat a value.

    Args:
        profile: Names the features, their kinds and categories.
    """

    def __init__(self, profile: Profile) -> None:
        self._names = profile.feature_names
        self._name_set = frozenset(self._names)
        self._categorical = frozenset(feature.name for feature in profile.features if feature.categories)
        self._categories = [
            (position, feature.name, np.array(feature.categories, dtype=np.float64))
            for position, feature in enumerate(profile.features)
            if feature.categories
        ]

    def decode(self, request: InferRequest) -> NDArray[np.float64]:
        """Read the rows of a request.

        Args:
            request: Either one tensor per feature, each of shape [n] or [n, 1], or one FP64 tensor ``input-0`` of
                shape [n, features].

        Returns:
            Finite values, shape [n, features], n at least 1.

        Raises:
            kserve.errors.InvalidInput: the inputs are anything else.
        """
        tensors = request.inputs
        if len(tensors) == 1 and tensors[0].name == MATRIX_INPUT and MATRIX_INPUT not in self._name_set:
            matrix = self._matrix(tensors[0])
        else:
            matrix = self._columns(tensors)
        if not np.isfinite(matrix).all():
            self._refuse_not_finite(matrix)
        for position, name, categories in self._categories:
            known = (matrix[:, position, np.newaxis] == categories).any(axis=1)
            if not known.all():
                listed = ", ".join(f"{category:g}" for category in categories)
                raise InvalidInput(f"input '{name}', row {int(np.argmin(known))}: not one of the categories {listed}")
        return matrix

    def _matrix(self, tensor: InferInput) -> NDArray[np.float64]:
        if tensor.datatype != MATRIX_DATATYPE:
            raise InvalidInput(f"input '{MATRIX_INPUT}' has the datatype {tensor.datatype}, expected {MATRIX_DATATYPE}")
        shape = tensor.shape
        if len(shape) != 2 or shape[1] != len(self._names) or shape[0] < 1:  # noqa: PLR2004 - rows and columns
            raise InvalidInput(
                f"input '{MATRIX_INPUT}' has the shape {shape}, expected [n, {len(self._names)}] with n at least 1 "
                f"and the columns {', '.join(self._names)}"
            )
        return _flat_values(tensor, NUMERIC_DATATYPES[MATRIX_DATATYPE]).reshape(shape)

    def _columns(self, tensors: list[InferInput]) -> NDArray[np.float64]:
        by_name = {tensor.name: tensor for tensor in tensors}
        if len(by_name) != len(tensors) or by_name.keys() != self._name_set:
            self._refuse_names([tensor.name for tensor in tensors])
        columns = [self._column(by_name[name]) for name in self._names]
        rows = len(columns[0])
        for name, column in zip(self._names, columns, strict=True):
            if len(column) != rows:
                raise InvalidInput(
                    f"inputs differ in length: '{self._names[0]}' has {rows} rows, '{name}' has {len(column)}"
                )
        return np.column_stack(columns)

    def _column(self, tensor: InferInput) -> NDArray[np.float64]:
        dtype = NUMERIC_DATATYPES.get(tensor.datatype)
        if dtype is None and tensor.datatype == BOOLEAN_DATATYPE and tensor.name in self._categorical:
            dtype = _BOOLEAN
        if dtype is None:
            raise InvalidInput(
                f"input '{tensor.name}' has the datatype {tensor.datatype}, "
                f"expected a number: one of {', '.join(NUMERIC_DATATYPES)}"
            )
        shape = tensor.shape
        if not 1 <= len(shape) <= 2 or shape[0] < 1 or (len(shape) == 2 and shape[1] != 1):  # noqa: PLR2004
            raise InvalidInput(f"input '{tensor.name}' has the shape {shape}, expected [n] or [n, 1] with n at least 1")
        return _flat_values(tensor, dtype)

    def _refuse_names(self, names: list[str]) -> None:
        given = set(names)
        repeated = sorted(name for name in given if names.count(name) > 1)
        faults = [
            f"{what} {', '.join(repr(name) for name in listed)}"
            for what, listed in (
                ("missing", [name for name in self._names if name not in given]),
                ("unknown", sorted(given - self._name_set)),
                ("repeated", repeated),
            )
            if listed
        ]
        raise InvalidInput(
            f"inputs do not match the model: {'; '.join(faults)}. Send one tensor for each of "
            f"{', '.join(self._names)}, or one {MATRIX_DATATYPE} matrix '{MATRIX_INPUT}' with these columns"
        )

    def _refuse_not_finite(self, matrix: NDArray[np.float64]) -> None:
        row, position = np.argwhere(~np.isfinite(matrix))[0].tolist()
        kind = "not a number (NaN)" if np.isnan(matrix[row, position]) else "infinite"
        raise InvalidInput(f"input '{self._names[position]}', row {row}: the value is {kind}")


def _flat_values(tensor: InferInput, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    expected = math.prod(tensor.shape)
    raw: bytes | None = tensor._raw_data  # noqa: SLF001 - KServe has no public way to raw gRPC contents
    values = _from_list(tensor, dtype) if raw is None else _from_bytes(tensor.name, raw, dtype)
    if values.size != expected:
        raise InvalidInput(
            f"input '{tensor.name}' holds {values.size} values, its shape {tensor.shape} says {expected}"
        )
    return values.astype(np.float64, copy=False).reshape(expected)


def _from_bytes(name: str, raw: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    if len(raw) % dtype.itemsize:
        raise InvalidInput(
            f"input '{name}' holds {len(raw)} bytes, not a multiple of the {dtype.itemsize} bytes of a value"
        )
    return np.frombuffer(raw, dtype=dtype)


def _from_list(tensor: InferInput, dtype: np.dtype[Any]) -> NDArray[Any]:
    data = tensor.data
    try:
        values = np.asarray(data)
    except (ValueError, TypeError):
        raise InvalidInput(f"input '{tensor.name}' is ragged: its nested lists differ in length") from None
    if values.size == 0:
        return values.astype(np.float64)
    if dtype.kind == "b":
        allowed = "b"
    elif dtype.kind == "f":
        allowed = "iuf"
    else:
        allowed = "iu"
    if values.dtype.kind not in allowed:
        _refuse_kind(tensor.name, values, tensor.datatype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        outside = (values < limits.min) | (values > limits.max)
        if outside.any():
            raise InvalidInput(
                f"input '{tensor.name}', row {int(np.argmax(outside.ravel()))}: "
                f"the value does not fit {tensor.datatype}"
            )
    with np.errstate(over="ignore"):  # a number too large becomes infinite, which is refused as such
        return values.astype(dtype)


def _refuse_kind(name: str, values: NDArray[Any], datatype: str) -> None:
    if values.dtype.kind == "f":
        raise InvalidInput(f"input '{name}' has the datatype {datatype} and holds numbers that are not whole")
    if values.dtype.kind == "b":
        raise InvalidInput(f"input '{name}' has the datatype {datatype} and holds true and false")
    kind = "text" if values.dtype.kind in "US" else "null, an object or too large a number"
    raise InvalidInput(f"input '{name}' has the datatype {datatype} and holds {kind} where a number belongs")
