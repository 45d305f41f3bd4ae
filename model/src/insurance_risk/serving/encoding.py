"""Encoding of answers as V2 inference outputs."""

import uuid
from typing import Any, Final

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse
from kserve.errors import InvalidInput
from kserve.protocol.infer_type import RequestedOutput
from numpy.typing import NDArray

from insurance_risk.answers import MODEL, RULES, Answers
from insurance_risk.profile import Profile

CLASS_OUTPUT: Final = "class"
PROBABILITIES_OUTPUT: Final = "probabilities"
SERVED_BY_OUTPUT: Final = "served_by"
OUTPUT_NAMES: Final = (CLASS_OUTPUT, PROBABILITIES_OUTPUT, SERVED_BY_OUTPUT)

SERVED_BY_HEADER: Final = "x-served-by"
SERVED_BY_PARAMETER: Final = "served_by"
PROFILE_DIGEST_PARAMETER: Final = "profile_digest"

_SERVED_BY = np.array([MODEL, RULES], dtype=np.object_)


def output_metadata(profile: Profile) -> list[dict[str, Any]]:
    """The outputs as the V2 model metadata describes them; -1 stands for the number of rows."""
    return [
        {"name": CLASS_OUTPUT, "datatype": "BYTES", "shape": [-1]},
        {"name": PROBABILITIES_OUTPUT, "datatype": "FP64", "shape": [-1, len(profile.classes)]},
        {"name": SERVED_BY_OUTPUT, "datatype": "BYTES", "shape": [-1]},
    ]


def input_metadata(profile: Profile) -> list[dict[str, Any]]:
    """The inputs as the V2 model metadata describes them: one tensor per feature; -1 stands for the number of rows."""
    return [
        {"name": feature.name, "datatype": "INT64" if feature.categories else "FP64", "shape": [-1]}
        for feature in profile.features
    ]


def check_requested_outputs(request: InferRequest) -> tuple[str, ...]:
    """The outputs that a request asks for; all of them where it names none.

    Raises:
        kserve.errors.InvalidInput: an output is unknown or asked for twice.
    """
    if not request.request_outputs:
        return OUTPUT_NAMES
    names = tuple(output.name for output in request.request_outputs)
    for name in names:
        if name not in OUTPUT_NAMES:
            raise InvalidInput(f"output '{name}' is unknown: the outputs are {', '.join(OUTPUT_NAMES)}")
        if names.count(name) > 1:
            raise InvalidInput(f"output '{name}' is requested twice")
    return names


def encode_answers(
    request: InferRequest, names: tuple[str, ...], answers: Answers, profile: Profile, model_name: str
) -> InferResponse:
    """Build the response to a request.

    Args:
        request: The request; says in what form the outputs are wanted.
        names: The outputs wanted, checked.
        answers: The answers to its n rows.
        profile: The profile that they were given under.
        model_name: Name of the model that was called.

    Returns:
        Outputs of shape [n] (BYTES) and [n, classes] (FP64), and the parameters ``served_by`` and ``profile_digest``.
    """
    binary = bool(request.use_binary_outputs)
    outputs = []
    for name in names:
        values = _values(name, answers, profile)
        datatype = "FP64" if values.dtype == np.float64 else "BYTES"
        output = InferOutput(name=name, shape=list(values.shape), datatype=datatype)
        # Over HTTP KServe brings an array into the form that was asked for. Over gRPC it makes raw contents of every
        # array, or fails on it: there the form is chosen here.
        if not request.from_grpc:
            output.data = values
        elif binary:
            output.set_data_from_numpy(values, binary_data=True)
        else:
            output.data = values.ravel().tolist()
        outputs.append(output)
    return InferResponse(
        response_id=request.id or str(uuid.uuid4()),
        model_name=model_name,
        infer_outputs=outputs,
        parameters={SERVED_BY_PARAMETER: answers.served_by, PROFILE_DIGEST_PARAMETER: profile.digest},
        use_binary_outputs=binary,
        requested_outputs=_with_default_form(request.request_outputs, binary=binary),
    )


def _values(name: str, answers: Answers, profile: Profile) -> NDArray[Any]:
    if name == CLASS_OUTPUT:
        return np.array(profile.classes, dtype=np.object_)[answers.classes]
    if name == PROBABILITIES_OUTPUT:
        return np.ascontiguousarray(answers.probabilities, dtype=np.float64)
    return _SERVED_BY[answers.from_rules.astype(np.intp)]


def _with_default_form(requested: list[RequestedOutput] | None, *, binary: bool) -> list[RequestedOutput] | None:
    # KServe forgets the request's binary_data_output as soon as outputs are named; an output without a word of its own
    # about its form follows the request.
    if not requested:
        return None
    return [
        output
        if output.binary_data is not None
        else RequestedOutput(output.name, {**(output.parameters or {}), "binary_data": binary})
        for output in requested
    ]
