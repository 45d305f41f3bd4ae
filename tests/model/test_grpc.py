"""Both predictors as real processes, over gRPC."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from .conftest import MODEL_NAME, ROWS

STRANGER = Path(__file__).with_name("triton_grpc.py")


def call_triton(server, inputs=ROWS, outputs=()):
    """What a stranger's client gets for a request with raw tensors."""
    call = {
        "port": server.grpc_port,
        "model": MODEL_NAME,
        "inputs": dict(inputs),
        "outputs": list(outputs),
        "id": "9",
    }
    finished = subprocess.run(
        [sys.executable, STRANGER], input=json.dumps(call), capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(finished.stdout)


@pytest.fixture
def stub(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield GRPCInferenceServiceStub(channel)


def message(**replaced):
    """A request with typed contents; `replaced` gives other fields of a tensor."""
    tensors = []
    for name, values in ROWS.items():
        fields = {"shape": [3], "datatype": "FP64", "fp64_contents": values} | replaced.get(name, {})
        contents = {field: values for field, values in fields.items() if field.endswith("_contents")}
        tensors.append(
            messages.ModelInferRequest.InferInputTensor(
                name=name, shape=fields["shape"], datatype=fields["datatype"], contents=contents
            )
        )
    return messages.ModelInferRequest(model_name=MODEL_NAME, id="9", inputs=tensors)


def refusal_of(stub, request):
    with pytest.raises(grpc.RpcError) as failure:
        stub.ModelInfer(request)
    return failure.value


class TestStranger:
    def test_gets_the_answers_of_http(self, server, body):
        over_http = server.infer(body).json()
        expected = {output["name"]: output["data"] for output in over_http["outputs"]}
        found = call_triton(server)
        assert found["id"] == "9"
        assert found["parameters"] == over_http["parameters"]
        assert np.ravel(found["outputs"].pop("probabilities")).tolist() == expected.pop("probabilities")
        assert found["outputs"] == expected

    def test_gets_only_the_requested_outputs(self, server):
        assert list(call_triton(server, outputs=["class"])["outputs"]) == ["class"]

    def test_may_send_the_matrix(self, server, matrix):
        by_matrix = call_triton(server, {"input-0": matrix.tolist()})
        assert by_matrix["outputs"] == call_triton(server)["outputs"]

    def test_finds_metadata_and_readiness(self, server):
        found = call_triton(server)
        assert found["live"] is found["ready"] is found["model_ready"] is True
        assert [tensor["name"] for tensor in found["metadata"]["outputs"]] == ["class", "probabilities", "served_by"]
        assert {tensor["name"] for tensor in found["metadata"]["inputs"]} == set(ROWS)

    def test_is_told_the_reason_of_a_refusal(self, server):
        found = call_triton(server, ROWS | {"training": [0, 1, 5]})
        assert "INVALID_ARGUMENT" in found["status"]
        assert "categories 0, 1" in found["error"]


class TestTypedContents:
    def test_are_answered_with_typed_contents(self, stub, server, body):
        response = stub.ModelInfer(message())
        assert response.id == "9"
        assert not response.raw_output_contents
        outputs = {output.name: output for output in response.outputs}
        over_http = {output["name"]: output["data"] for output in server.infer(body).json()["outputs"]}
        assert list(outputs["probabilities"].shape) == [3, 3]
        assert list(outputs["probabilities"].contents.fp64_contents) == over_http["probabilities"]
        assert [value.decode() for value in outputs["class"].contents.bytes_contents] == over_http["class"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"fp64_contents": [1, float("nan"), 2]}, "'age', row 1"),
            ({"fp64_contents": [1, 2, float("inf")]}, "infinite"),
            ({"fp64_contents": [1, 2]}, "holds 2 values"),
            ({"fp64_contents": [1, 2], "shape": [2]}, "differ in length"),
            ({"fp64_contents": [], "shape": [0]}, "shape [0]"),
            ({"shape": [-3]}, "shape [-3]"),
            ({"shape": []}, "shape []"),
            ({"fp64_contents": [], "bytes_contents": [b"1", b"2", b"3"], "datatype": "BYTES"}, "datatype BYTES"),
            ({"fp64_contents": [], "fp32_contents": [1, 2, 3]}, "holds 0 values"),
            ({"datatype": "DECIMAL"}, "content type"),
            ({"datatype": ""}, "content type"),
        ],
    )
    def test_is_an_invalid_argument_with_the_reason(self, stub, fields, reason):
        failure = refusal_of(stub, message(age=fields))
        assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason in failure.details()

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda request: request.inputs.pop(), "missing 'miles'"),
            (lambda request: request.ClearField("inputs"), "missing 'training'"),
            (lambda request: request.inputs.append(request.inputs[0]), "repeated 'training'"),
            (lambda request: request.outputs.add(name="colour"), "output 'colour' is unknown"),
            (lambda request: request.raw_input_contents.append(b"12345678"), "raw input contents"),
            (lambda request: request.raw_input_contents.extend([b"12345678"] * 6), "contents field"),
        ],
    )
    def test_a_request_that_does_not_match_is_an_invalid_argument(self, stub, spoil, reason):
        request = message()
        spoil(request)
        failure = refusal_of(stub, request)
        assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason in failure.details()

    @pytest.mark.parametrize("raw", [b"", b"1234567", b"12345678", b"1" * 32])
    def test_raw_contents_that_do_not_fill_the_shape_are_an_invalid_argument(self, stub, raw):
        request = message()
        for tensor in request.inputs:
            tensor.ClearField("contents")
        request.raw_input_contents.extend([np.array(values, dtype=np.float64).tobytes() for values in ROWS.values()])
        assert stub.ModelInfer(request).raw_output_contents
        request.raw_input_contents[1] = raw
        assert refusal_of(stub, request).code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_an_unknown_model_is_not_found_and_an_unload_is_not_implemented(self, stub):
        request = message()
        request.model_name = "another"
        assert refusal_of(stub, request).code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as failure:
            stub.RepositoryModelUnload(messages.RepositoryModelUnloadRequest(model_name=MODEL_NAME))
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert stub.ModelInfer(message()).id == "9"


class TestCounters:
    def test_grpc_counts_like_http(self, server, stub):
        def counters():
            return [
                server.counter("request_total", model_name=MODEL_NAME),
                server.counter("error_total", model_name=MODEL_NAME, reason="invalid_input"),
            ]

        before = counters()
        stub.ModelInfer(message())
        refusal_of(stub, message(age={"shape": [4]}))
        stub.ModelReady(messages.ModelReadyRequest(name=MODEL_NAME))
        assert np.subtract(counters(), before).tolist() == [2, 1]
