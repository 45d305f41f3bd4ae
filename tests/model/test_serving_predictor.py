import numpy as np
import pytest
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput
from kserve.protocol.infer_type import RequestedOutput

from insurance_risk.serving.model_predictor import ModelPredictor

from .conftest import ROWS


@pytest.fixture(scope="module")
def predictor(bundle, scorecard):
    return ModelPredictor("insurance-risk", bundle, scorecard)


def request(*, outputs=None, parameters=None, **replaced):
    tensors = [InferInput(name, [3], "FP64", replaced.get(name, values)) for name, values in ROWS.items()]
    wanted = None if outputs is None else [RequestedOutput(name, given) for name, given in outputs.items()]
    return InferRequest("insurance-risk", tensors, parameters=parameters, request_outputs=wanted)


class TestModelPredictor:
    async def test_answers_as_the_pipeline_does(self, predictor, bundle, matrix):
        headers = {}
        response = await predictor.predict(request(), {}, headers)
        outputs = {output.name: output for output in response.outputs}
        probabilities = bundle.pipeline.predict_proba(matrix)
        np.testing.assert_array_equal(outputs["probabilities"].as_numpy(), probabilities)
        assert outputs["class"].data.tolist() == [bundle.profile.classes[k] for k in probabilities.argmax(axis=1)]
        assert outputs["served_by"].data.tolist() == ["model"] * 3
        assert response.parameters == {"served_by": "model", "profile_digest": bundle.profile.digest}
        assert headers == {"x-served-by": "model"}

    async def test_rows_that_the_rules_answer_are_marked_one_by_one(self, predictor):
        headers = {}
        response = await predictor.predict(request(age=[30.0, 9.0, 150.0]), {}, headers)
        outputs = {output.name: output for output in response.outputs}
        assert outputs["served_by"].data.tolist() == ["model", "rules", "rules"]
        assert response.parameters["served_by"] == headers["x-served-by"] == "mixed"

    async def test_only_requested_outputs_in_the_form_asked_for(self, predictor):
        wanted = {"served_by": None, "probabilities": {"binary_data": False}}
        response = await predictor.predict(request(outputs=wanted, parameters={"binary_data_output": True}))
        content, length = response.to_rest()
        assert length is not None
        assert b'"name":"served_by"' in content
        assert b'"name":"class"' not in content
        assert content[length:] == b"".join(b"\x05\x00\x00\x00model" for _ in range(3))

    @pytest.mark.parametrize(
        ("outputs", "reason"), [({"colour": None}, "unknown"), ({"class": None, "Class": None}, "unknown")]
    )
    async def test_an_unknown_output_is_refused(self, predictor, outputs, reason):
        with pytest.raises(InvalidInput, match=reason):
            await predictor.predict(request(outputs=outputs))

    @pytest.mark.parametrize("payload", [{"instances": [[1]]}, b"{}", {}])
    async def test_v1_is_refused_by_name(self, predictor, payload):
        with pytest.raises(InvalidInput, match="only the V2 protocol"):
            await predictor.predict(payload)
