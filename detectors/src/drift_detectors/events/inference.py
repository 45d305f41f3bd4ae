"""Bodies of inference requests and responses (Open Inference Protocol V2): to feature columns and to answers."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from drift_detectors.events.outcomes import Reason, RejectedEventError
from drift_detectors.events.tensors import Tensor, numbers, texts
from drift_detectors.profiles import Feature
from drift_detectors.windows import Column

_SERVED_BY_RULES = "rules"
_SERVED_BY_MODEL = "model"


class _Request(msgspec.Struct, frozen=True):
    inputs: list[Tensor]


class _Response(msgspec.Struct, frozen=True):
    outputs: list[Tensor] | None = None
    parameters: dict[str, msgspec.Raw] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What an inference response says about who answered, and from which profile.

    Attributes:
        rows_by_rules: rows that the rules answered.
        rows_by_model: rows that the model answered.
        profile_digest: the predictor's profile; None when it reports none.
    """

    rows_by_rules: int
    rows_by_model: int
    profile_digest: str | None


_Body = TypeVar("_Body", _Request, _Response)
_MATRIX_DIMENSIONS = 2
_REQUEST = msgspec.json.Decoder(_Request)
_RESPONSE = msgspec.json.Decoder(_Response)


def decode_request(body: bytes, features: Sequence[Feature]) -> list[Column]:
    """Decodes the rows of an inference request.

    Args:
        body: V2 JSON, either one tensor of shape [n] or [n, 1] for each feature, named after it, or a single
            tensor of shape [n, number of features] in the profile's order.
        features: the profile's features.

    Returns:
        One column of n values for each feature, in the profile's order: float64 for a numeric feature, a list of
        floats or texts for a categorical one.

    Raises:
        RejectedEventError: with the reason why the rows cannot be used; nothing of them is used then.
    """
    inputs = _parse(_REQUEST, body).inputs
    matrix = _as_matrix(inputs, features)
    columns = _split(matrix, features) if matrix is not None else _by_name(inputs, features)
    if len(columns[0]) == 0:
        raise RejectedEventError(Reason.NO_ROWS, "the request holds no row")
    return columns


def decode_response(body: bytes) -> Answer | None:
    """Decodes who answered an inference call.

    Returns:
        The answer, or None when the body is JSON of another kind: KServe logs the answers of health and metadata
        calls as well, and those have no ``outputs``.

    Raises:
        RejectedEventError: when the body is not JSON, or ``served_by`` cannot be read.
    """
    response = _parse(_RESPONSE, body)
    if response.outputs is None:
        return None
    parameters = response.parameters or {}
    digest = _text_parameter(parameters, "profile_digest")
    served_by = next((output for output in response.outputs if output.name == "served_by"), None)
    if served_by is not None:
        sides = texts(served_by)
        by_rules = sides.count(_SERVED_BY_RULES)
        return Answer(by_rules, sides.count(_SERVED_BY_MODEL), digest)
    rows = max(response.outputs[0].rows, 0) if response.outputs else 0
    side = _text_parameter(parameters, "served_by")
    return Answer(
        rows if side == _SERVED_BY_RULES else 0,
        rows if side == _SERVED_BY_MODEL else 0,
        digest,
    )


def _parse(decoder: msgspec.json.Decoder[_Body], body: bytes) -> _Body:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RejectedEventError(Reason.NOT_V2, f"not an inference body of the V2 protocol: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RejectedEventError(Reason.NOT_JSON, "the body is not JSON") from None


def _text_parameter(parameters: dict[str, msgspec.Raw], name: str) -> str | None:
    raw = parameters.get(name)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RejectedEventError(Reason.NOT_V2, f"response parameter {name!r} is no text") from None


def _as_matrix(inputs: list[Tensor], features: Sequence[Feature]) -> Tensor | None:
    """The one tensor that holds whole rows, or None when the inputs are one tensor for each feature."""
    if len(inputs) != 1 or inputs[0].name in {feature.name for feature in features}:
        return None
    return inputs[0]


def _split(matrix: Tensor, features: Sequence[Feature]) -> list[Column]:
    if len(matrix.shape) != _MATRIX_DIMENSIONS or matrix.shape[1] != len(features):
        raise RejectedEventError(
            Reason.SHAPE_MISMATCH,
            f"tensor {matrix.name[:80]!r} has shape {matrix.shape[:8]}, expected [rows, {len(features)}]: "
            "one column for each feature of the profile",
        )
    if all(feature.takes_text for feature in features):
        table = texts(matrix)
        return [table[index :: len(features)] for index in range(len(features))]
    if any(feature.takes_text for feature in features):
        raise RejectedEventError(
            Reason.WRONG_DATATYPE, "features of text cannot come in a matrix of numbers: send one tensor each"
        )
    array = numbers(matrix).reshape(-1, len(features))
    return [
        array[:, index].tolist() if feature.is_categorical else array[:, index]
        for index, feature in enumerate(features)
    ]


def _by_name(inputs: list[Tensor], features: Sequence[Feature]) -> list[Column]:
    tensors = {tensor.name: tensor for tensor in inputs}
    known = {feature.name for feature in features}
    unexpected = [name[:80] for name in tensors if name not in known]
    if unexpected or len(tensors) != len(inputs):
        raise RejectedEventError(
            Reason.UNEXPECTED_FEATURE,
            f"the profile has no feature named {', '.join(map(repr, unexpected[:5]))}"
            if unexpected
            else "a tensor is named twice",
        )
    missing = [feature.name for feature in features if feature.name not in tensors]
    if missing:
        raise RejectedEventError(Reason.MISSING_FEATURE, f"missing feature: {', '.join(missing)}")
    columns = _columns(tensors, features)
    rows = len(columns[0])
    if any(len(column) != rows for column in columns):
        raise RejectedEventError(Reason.SHAPE_MISMATCH, "the features' tensors differ in their number of rows")
    return columns


def _columns(tensors: dict[str, Tensor], features: Sequence[Feature]) -> list[Column]:
    columns: list[Column] = []
    for feature in features:
        try:
            columns.append(_column(tensors[feature.name], feature))
        except RejectedEventError as error:
            # The features before this one say how many rows are lost with it.
            error.rows = max(error.rows, len(columns[0]) if columns else 0)
            raise
    return columns


def _column(tensor: Tensor, feature: Feature) -> Column:
    if tensor.columns != 1:
        raise RejectedEventError(
            Reason.SHAPE_MISMATCH,
            f"tensor {tensor.name[:80]!r} has shape {tensor.shape[:8]}, expected [rows] or [rows, 1]",
        )
    if feature.takes_text:
        return texts(tensor)
    array = numbers(tensor)
    return array.tolist() if feature.is_categorical else array
