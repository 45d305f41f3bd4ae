"""The base of both predictors: V2 on KServe's server, whoever answers the rows."""

from typing import Any

import numpy as np
from kserve import InferRequest, InferResponse, Model
from kserve.errors import InvalidInput

from insurance_risk.answers import MODEL, RULES, Answerer
from insurance_risk.serving.decoding import RequestDecoder
from insurance_risk.serving.encoding import (
    SERVED_BY_HEADER,
    check_requested_outputs,
    encode_answers,
    input_metadata,
    output_metadata,
)
from insurance_risk.serving.metrics import REQUESTS, ROWS


class InsurancePredictor(Model):
    """A KServe model that decodes V2 requests, has them answered, and encodes the answers.

    Args:
        name: Name of the model in the V2 paths.
        answerer: Answers the rows.
    """

    def __init__(self, name: str, answerer: Answerer) -> None:
        super().__init__(name, return_response_headers=True)
        self._requests = REQUESTS.labels(name)
        self._model_rows = ROWS.labels(name, MODEL)
        self._rules_rows = ROWS.labels(name, RULES)
        self._use(answerer)
        self.ready = True

    def _use(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._decoder = RequestDecoder(answerer.profile)

    async def predict(
        self,
        payload: InferRequest | dict[str, Any] | bytes,
        headers: dict[str, str] | None = None,  # noqa: ARG002 - part of KServe's signature
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """Answer a V2 request.

        Args:
            payload: What KServe decoded: an ``InferRequest`` for V2, anything else for V1.
            headers: Headers of the request.
            response_headers: Filled with ``x-served-by``.

        Returns:
            The answer, in the form that the request asks for.

        Raises:
            kserve.errors.InvalidInput: the request is not a V2 request that the model takes.
        """
        if not isinstance(payload, InferRequest):
            raise InvalidInput(f"only the V2 protocol is spoken here: POST /v2/models/{self.name}/infer")
        names = check_requested_outputs(payload)
        answerer = self._answerer
        answers = answerer.answer(self._decoder.decode(payload))
        response = encode_answers(payload, names, answers, answerer.profile, self.name)
        if response_headers is not None:
            response_headers[SERVED_BY_HEADER] = answers.served_by
        self._requests.inc()
        by_rules = int(np.count_nonzero(answers.from_rules))
        self._rules_rows.inc(by_rules)
        self._model_rows.inc(len(answers.from_rules) - by_rules)
        return response

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the V2 model metadata."""
        return input_metadata(self._answerer.profile)

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the V2 model metadata."""
        return output_metadata(self._answerer.profile)
