"""KServe's data plane, with the checks that it lacks between the wire and the model.

KServe 0.21 answers most faults of a binary request with 500, for it slices, casts and reshapes the body unchecked; and
it turns a V2 answer into a CloudEvent when the request carries a full set of CloudEvents headers, losing the binary
form.
"""

import struct
from typing import Any, Final

import orjson
from kserve import InferRequest, InferResponse
from kserve.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER
from kserve.errors import InferenceError, InvalidInput
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.v2_datamodels import InferenceRequest, RequestInput
from kserve.utils.numpy_codec import to_np_dtype
from pydantic import ValidationError

from insurance_risk.serving.errors import OperationRefused

BINARY_SIZE: Final = "binary_data_size"


class _BinaryRequestInput(RequestInput):
    """An input whose values may follow the JSON as bytes."""

    data: list[Any] | None = None


class _BinaryInferenceRequest(InferenceRequest):
    """The JSON part of a request with binary tensors."""

    inputs: list[_BinaryRequestInput]


class CheckedDataPlane(DataPlane):
    """KServe's data plane that answers every malformed V2 request with ``InvalidInput``."""

    def decode_inference_request(
        self, body: bytes | InferenceRequest, headers: dict[str, str], model_name: str
    ) -> InferRequest:
        """Decode the body of a V2 request.

        Args:
            body: The parsed JSON; raw bytes where the content type is not JSON: JSON, then any binary tensors.
            headers: Headers of the request, with names in lower case.
            model_name: Name of the model that is called.

        Raises:
            kserve.errors.InvalidInput: the body is not a V2 request, or its binary part does not fit its JSON part.
        """
        if isinstance(body, bytes):
            # Without the header the whole body is JSON, whatever its content type: tritonclient sends neither.
            length = headers.get(INFERENCE_CONTENT_LENGTH_HEADER, str(len(body)))
            _check_binary_request(body, length)
            headers = headers | {INFERENCE_CONTENT_LENGTH_HEADER: length}
        try:
            return super().decode_inference_request(body, headers, model_name)
        except InvalidInput:
            raise
        except (ValueError, struct.error, InferenceError):
            # What is left after the checks: bytes that do not fill their shape, or text that is not UTF-8.
            raise InvalidInput("a binary tensor does not hold the values that its shape and datatype say") from None

    def encode(
        self,
        model_name: str,
        response: Any,  # noqa: ANN401 - KServe's signature: any protocol's answer
        headers: dict[str, str],
        req_attributes: dict[str, Any],
    ) -> tuple[Any, dict[str, str]]:
        """Encode an answer; a V2 answer stays one, whatever CloudEvents headers came with the request.

        The body is made here, as bytes: KServe would validate its own answer and convert it twice, at a tenth of the
        cost of a request. It would also drop the two headers if their names were in lower case.
        """
        if not isinstance(response, InferResponse):
            return super().encode(model_name, response, headers, req_attributes)  # type: ignore[no-any-return]
        content, json_length = response.to_rest()
        if json_length is None:
            body, described = orjson.dumps(content), {"Content-Type": "application/json"}
        else:
            body = content
            described = {
                "Content-Type": "application/octet-stream",
                INFERENCE_CONTENT_LENGTH_HEADER: str(json_length),
            }
        return body, described | {"Content-Length": str(len(body))}


class FixedModels(ModelRepositoryExtension):
    """Refuses to load and unload models: neither asks who is calling, and an unloaded model does not come back."""

    def __init__(self, model_registry: ModelRepository) -> None:
        super().__init__(model_registry=model_registry)

    async def load(self, model_name: str) -> None:
        """Refuse.

        Raises:
            OperationRefused: always.
        """
        raise OperationRefused(f"model '{model_name}' is not loaded by request: restart the server with another one")

    async def unload(self, model_name: str) -> None:
        """Refuse.

        Raises:
            OperationRefused: always.
        """
        raise OperationRefused(f"model '{model_name}' is not unloaded by request: stop the server instead")


def _check_binary_request(body: bytes, json_length: str) -> None:
    if not (json_length.isascii() and json_length.isdigit() and int(json_length) <= len(body)):
        raise InvalidInput(
            f"the header {INFERENCE_CONTENT_LENGTH_HEADER} is no number of bytes from 0 to the body's {len(body)}"
        )
    length = int(json_length)
    try:
        request = _BinaryInferenceRequest.model_validate_json(body[:length])
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "request"
        raise InvalidInput(f"the JSON part of the request is malformed: {where}: {fault['msg']}") from None
    announced = 0
    for tensor in request.inputs:
        if to_np_dtype(tensor.datatype.upper()) is None:
            raise InvalidInput(f"input '{tensor.name}' has a datatype that the V2 protocol does not know")
        size = (tensor.parameters or {}).get(BINARY_SIZE)
        if tensor.data is not None:
            if size is not None:
                raise InvalidInput(f"input '{tensor.name}' has both data and {BINARY_SIZE}")
            continue
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidInput(f"input '{tensor.name}' has neither data nor a {BINARY_SIZE} of 0 or more bytes")
        announced += size
    if announced != len(body) - length:
        raise InvalidInput(
            f"the inputs announce {announced} bytes of binary data, {len(body) - length} follow the JSON part"
        )
