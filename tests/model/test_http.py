"""Both predictors as real processes, over HTTP."""

import concurrent.futures
import json
import struct

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from .conftest import MODEL_NAME, ROWS


@pytest.fixture
def client(server):
    with triton.InferenceServerClient(f"127.0.0.1:{server.http_port}") as client:
        yield client


def triton_inputs(*, binary, rows=ROWS, dtype=np.float64, datatype="FP64"):
    inputs = []
    for name, values in rows.items():
        tensor = triton.InferInput(name, [len(values)], datatype)
        tensor.set_data_from_numpy(np.array(values, dtype=dtype), binary_data=binary)
        inputs.append(tensor)
    return inputs


def outputs_of(response):
    return {output["name"]: output for output in response.json()["outputs"]}


def binary_body(**changed):
    """A binary request as bytes, with its JSON part's length: five tensors in JSON, age as bytes."""
    inputs = [{"name": name, "shape": [3], "datatype": "FP64", "data": data} for name, data in ROWS.items()]
    inputs[1] = {"name": "age", "shape": [3], "datatype": "FP64", "parameters": {"binary_data_size": 24}} | changed
    head = json.dumps({"inputs": inputs}).encode()
    return head, struct.pack("<3d", *ROWS["age"])


def post_binary(server, head, tail, length=None, content_type="application/octet-stream"):
    headers = {"Content-Type": content_type}
    headers["Inference-Header-Content-Length"] = str(len(head) if length is None else length)
    return httpx.post(server.infer_url, content=head + tail, headers=headers)


class TestSignature:
    def test_the_answer_keeps_the_contract(self, server, body, profile):
        response = server.infer(body)
        assert response.status_code == 200
        content = response.json()
        assert content["id"] == "request-1"
        assert content["model_name"] == MODEL_NAME
        served_by = content["parameters"]["served_by"]
        assert served_by in {"model", "rules"}
        assert content["parameters"] == {"served_by": served_by, "profile_digest": profile.digest}
        assert response.headers["x-served-by"] == served_by
        outputs = outputs_of(response)
        assert {name: (output["datatype"], output["shape"]) for name, output in outputs.items()} == {
            "class": ("BYTES", [3]),
            "probabilities": ("FP64", [3, 3]),
            "served_by": ("BYTES", [3]),
        }
        probabilities = np.array(outputs["probabilities"]["data"]).reshape(3, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert outputs["class"]["data"] == [profile.classes[k] for k in probabilities.argmax(axis=1)]
        assert outputs["served_by"]["data"] == [served_by] * 3

    def test_the_matrix_form_and_column_vectors_give_the_same_answer(self, server, body, matrix):
        expected = outputs_of(server.infer(body))
        flat = {"inputs": [{"name": "input-0", "shape": [3, 6], "datatype": "FP64", "data": matrix.ravel().tolist()}]}
        nested = {"inputs": [{**flat["inputs"][0], "data": matrix.tolist()}]}
        for tensor in body["inputs"]:
            tensor["shape"] = [3, 1]
        for request in (flat, nested, body):
            assert outputs_of(server.infer(request)) == expected

    def test_the_body_is_declared_as_what_it_is(self, server, body):
        response = server.infer(body)
        assert response.headers["content-type"] == "application/json"
        assert int(response.headers["content-length"]) == len(response.content)
        response = server.infer(body | {"parameters": {"binary_data_output": True}})
        assert response.headers["content-type"] == "application/octet-stream"
        assert int(response.headers["content-length"]) == len(response.content)
        length = int(response.headers["inference-header-content-length"])
        sizes = [
            output["parameters"]["binary_data_size"] for output in json.loads(response.content[:length])["outputs"]
        ]
        assert length + sum(sizes) == len(response.content)

    def test_an_id_is_made_where_the_client_sends_none(self, server, body):
        del body["id"]
        first, second = (server.infer(body).json()["id"] for _ in range(2))
        assert first
        assert first != second

    def test_a_ce_id_and_even_a_full_cloud_event_header_set_change_nothing(self, server, body):
        expected = server.infer(body).json()
        headers = {"Ce-Id": "driftbreaker-probe-1"}
        full = headers | {"Ce-Specversion": "1.0", "Ce-Type": "t", "Ce-Source": "s"}
        assert server.infer(body, headers=headers).json() == expected
        response = server.infer(body, headers=full)
        assert response.json() == expected
        assert response.headers["x-served-by"] == expected["parameters"]["served_by"]

    def test_requested_outputs_only_in_the_order_asked(self, server, body):
        body["outputs"] = [{"name": "served_by"}, {"name": "class"}]
        assert list(outputs_of(server.infer(body))) == ["served_by", "class"]

    def test_metadata_readiness_and_the_models_list(self, client, server):
        assert client.is_server_live()
        assert client.is_model_ready(MODEL_NAME)
        assert not client.is_model_ready("another")
        metadata = client.get_model_metadata(MODEL_NAME)
        assert {tensor["name"] for tensor in metadata["inputs"]} == set(ROWS)
        assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in metadata["outputs"]] == [
            ("class", "BYTES", [-1]),
            ("probabilities", "FP64", [-1, 3]),
            ("served_by", "BYTES", [-1]),
        ]
        assert httpx.get(f"{server.url}/v2/models").json() == {"models": [MODEL_NAME]}


class TestFallbackRowByRow:
    def test_the_model_leaves_rows_out_of_range_to_the_rules(self, model_server, rules_server, body):
        body["inputs"][1]["data"] = [30.0, 9.0, 150.0]
        mixed = model_server.infer(body)
        assert mixed.json()["parameters"]["served_by"] == mixed.headers["x-served-by"] == "mixed"
        answers, by_rules = outputs_of(mixed), outputs_of(rules_server.infer(body))
        assert answers["served_by"]["data"] == ["model", "rules", "rules"]
        assert answers["class"]["data"][1:] == by_rules["class"]["data"][1:]
        assert answers["probabilities"]["data"][3:] == by_rules["probabilities"]["data"][3:]


class TestTritonClient:
    @pytest.mark.parametrize("binary_in", [True, False])
    @pytest.mark.parametrize("binary_out", [True, False])
    def test_binary_and_json_tensors_both_ways(self, client, server, body, binary_in, binary_out):
        expected = outputs_of(server.infer(body))
        wanted = [
            triton.InferRequestedOutput(name, binary_data=binary_out)
            for name in ("class", "probabilities", "served_by")
        ]
        result = client.infer(MODEL_NAME, triton_inputs(binary=binary_in), outputs=wanted, request_id="7")
        assert result.get_response()["id"] == "7"
        assert (result.as_numpy("probabilities").ravel() == expected["probabilities"]["data"]).all()
        classes = [name.decode() if isinstance(name, bytes) else name for name in result.as_numpy("class")]
        assert classes == expected["class"]["data"]

    def test_all_outputs_as_binary_when_none_is_named(self, client):
        result = client.infer(MODEL_NAME, triton_inputs(binary=True))
        for output in result.get_response()["outputs"]:
            assert output["parameters"]["binary_data_size"] > 0
        assert result.as_numpy("probabilities").shape == (3, 3)

    @pytest.mark.parametrize(("dtype", "datatype"), [(np.float32, "FP32"), (np.float16, "FP16"), (np.int64, "INT64")])
    def test_other_datatypes_as_binary(self, client, dtype, datatype):
        result = client.infer(MODEL_NAME, triton_inputs(binary=True, dtype=dtype, datatype=datatype))
        np.testing.assert_allclose(result.as_numpy("probabilities").sum(axis=1), 1)

    def test_a_batch_of_ten_thousand_rows(self, client):
        rows = {name: values * 3334 for name, values in ROWS.items()}
        result = client.infer(MODEL_NAME, triton_inputs(binary=True, rows=rows))
        probabilities = result.as_numpy("probabilities")
        assert probabilities.shape == (10_002, 3)
        np.testing.assert_allclose(probabilities[:3], probabilities[-3:], atol=1e-12)

    def test_a_refusal_carries_the_reason(self, client):
        with pytest.raises(InferenceServerException, match="missing 'training'") as refusal:
            client.infer(MODEL_NAME, triton_inputs(binary=True)[1:])
        assert refusal.value.status() == "400"


def replaced(**fields):
    return lambda body: body["inputs"][1].update(fields)


class TestBadInput:
    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda body: body["inputs"].pop(), "missing 'miles'"),
            (lambda body: body["inputs"].clear(), "missing 'training'"),
            (lambda body: body["inputs"].append(body["inputs"][0]), "repeated 'training'"),
            (
                lambda body: body["inputs"].append({"name": "x", "shape": [3], "datatype": "FP64", "data": [1, 2, 3]}),
                "unknown 'x'",
            ),
            (replaced(shape=[2]), "'age' holds 3 values"),
            (replaced(shape=[-1]), "shape [-1]"),
            (replaced(shape=[]), "shape []"),
            (replaced(shape=[3, 2]), "shape [3, 2]"),
            (replaced(data=[1, 2], shape=[2]), "differ in length"),
            (replaced(data=[], shape=[0]), "shape [0]"),
            (replaced(data=["old", 1, 2]), "text"),
            (replaced(data=["old", "1", "2"], datatype="BYTES"), "datatype BYTES"),
            (replaced(data=[None, 1, 2]), "null"),
            (replaced(data=[{}, 1, 2]), "object"),
            (replaced(data=[[1], [2, 3], []]), "ragged"),
            (replaced(data=[10**400, 1, 2]), "too large"),
            (replaced(data=[float("nan"), 1, 2]), "NaN"),
            (replaced(data=[1, float("-inf"), 2]), "row 1: the value is infinite"),
            (replaced(datatype="INT8", data=[1, 2, 300]), "does not fit INT8"),
            (replaced(datatype="INT32", data=[1, 2, 2.5]), "not whole"),
            (replaced(datatype="FP16"), "FP16"),
            (replaced(datatype="DECIMAL"), "datatype DECIMAL"),
            (lambda body: body["inputs"][0].update(data=[0, 1, 7]), "categories 0, 1"),
            (lambda body: body.update(outputs=[{"name": "colour"}]), "output 'colour' is unknown"),
            (lambda body: body.update(outputs=[{"name": "class"}] * 2), "requested twice"),
        ],
    )
    def test_gets_400_with_the_reason(self, server, body, spoil, reason):
        spoil(body)
        response = httpx.post(server.infer_url, content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert response.status_code == 400
        assert reason in response.json()["error"]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"{}",
            b'{"inputs": 5}',
            b'{"inputs": [5]}',
            b'{"inputs": [{"name": "age", "shape": [1], "data": [NaN]}]}',
            b'{"inputs": [{"name": "age", "shape": ["x"], "datatype": "FP64", "data": [1]}]}',
            b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": 4711}]}',
            b'{"id": 5, "inputs": []}',
        ],
    )
    def test_a_malformed_body_gets_422_that_repeats_no_value(self, server, content):
        response = httpx.post(server.infer_url, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 422
        assert response.json()["detail"]
        assert "4711" not in response.text

    def test_bytes_that_are_no_text_get_400(self, server):
        response = httpx.post(server.infer_url, content=b"\xff\xfe{", headers={"Content-Type": "application/json"})
        assert response.status_code == 400

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_json_is_read_whatever_its_content_type_and_refused_if_broken(self, server, body, content_type):
        content = json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        response = httpx.post(server.infer_url, content=content, headers=headers)
        assert response.json() == server.infer(body).json()
        response = httpx.post(server.infer_url, content=content[:-1], headers=headers)
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]

    def test_json_with_a_charset_is_fine(self, server, body):
        headers = {"Content-Type": "application/json; charset=utf-8"}
        assert httpx.post(server.infer_url, content=json.dumps(body), headers=headers).status_code == 200

    def test_v1_gets_400_that_names_v2(self, server):
        for content_type in ("application/json", "application/json; charset=utf-8"):
            response = httpx.post(
                f"{server.url}/v1/models/{MODEL_NAME}:predict",
                content=b'{"instances": [[1, 2]]}',
                headers={"Content-Type": content_type},
            )
            assert response.status_code == 400
            assert "/v2/models/insurance-risk/infer" in response.json()["error"]

    def test_an_unknown_model_gets_404_and_a_version_501(self, server, body):
        assert httpx.post(f"{server.url}/v2/models/another/infer", json=body).status_code == 404
        version = f"{server.url}/v2/models/{MODEL_NAME}/versions/1/infer"
        assert httpx.post(version, json=body).status_code == 501

    @pytest.mark.parametrize("operation", ["load", "unload"])
    def test_nobody_loads_or_unloads_the_model_by_request(self, server, body, operation):
        response = httpx.post(f"{server.url}/v2/repository/models/{MODEL_NAME}/{operation}")
        assert response.status_code == 501
        assert server.infer(body).status_code == 200


class TestBadBinaryInput:
    def test_the_sound_request_is_answered(self, server):
        assert post_binary(server, *binary_body()).status_code == 200

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"parameters": {"binary_data_size": 16}}, "announce 16 bytes of binary data, 24 follow"),
            ({"parameters": {"binary_data_size": 32}}, "announce 32 bytes"),
            ({"parameters": {"binary_data_size": -24}}, "'age' has neither data"),
            ({"parameters": {"binary_data_size": "24"}}, "'age' has neither data"),
            ({"parameters": {}}, "'age' has neither data"),
            ({"data": [1, 2, 3]}, "both data and binary_data_size"),
            ({"shape": [4]}, "does not hold the values"),
            ({"shape": "3"}, "inputs.1.shape"),
            ({"name": 5}, "inputs.1.name"),
            ({"datatype": "BYTES"}, "does not hold the values"),
            ({"datatype": "DECIMAL"}, "datatype"),
        ],
    )
    def test_gets_400_with_the_reason(self, server, changed, reason):
        response = post_binary(server, *binary_body(**changed))
        assert response.status_code == 400
        assert reason in response.json()["error"]

    def test_a_binary_nan_gets_400_with_its_row(self, server):
        head, _ = binary_body()
        response = post_binary(server, head, struct.pack("<3d", 30, float("nan"), 40))
        assert response.status_code == 400
        assert "'age', row 1" in response.json()["error"]

    @pytest.mark.parametrize("length", ["", "abc", "-1", "1e3", "99999", "5"])
    def test_a_wrong_length_of_the_json_part_gets_400(self, server, length):
        response = post_binary(server, *binary_body(), length=length)
        assert response.status_code == 400
        assert response.json()["error"]

    @pytest.mark.parametrize("head", [b"[]", b"{}", b'{"inputs": "x"}', b'{"inputs": [], "outputs": "x"}', b"\xff"])
    def test_a_malformed_json_part_gets_400(self, server, head):
        assert post_binary(server, head, b"").status_code == 400


class TestServer:
    def test_concurrent_requests_get_their_own_answers(self, server, body):
        ages = np.linspace(18, 90, 120)

        def classify(position):
            request = json.loads(json.dumps(body))
            request["id"] = str(position)
            request["inputs"][1]["data"] = [float(ages[position])] * 3
            with httpx.Client() as client:
                content = client.post(server.infer_url, json=request, timeout=30).json()
            return content["id"], content["outputs"][1]["data"]

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            concurrent_answers = list(pool.map(classify, range(len(ages))))
        for position, answer in enumerate(concurrent_answers):
            assert answer[0] == str(position)
        for position in (0, 50, 119):
            assert classify(position) == concurrent_answers[position]

    def test_counters_count_requests_errors_by_reason_and_rows(self, server, body):
        def counters():
            return (
                server.counter("request_total", model_name=MODEL_NAME),
                server.counter("error_total", model_name=MODEL_NAME, reason="invalid_input"),
                server.counter("error_total", model_name=MODEL_NAME, reason="malformed_body"),
                server.counter("answered_rows_total", model_name=MODEL_NAME, served_by="model")
                + server.counter("answered_rows_total", model_name=MODEL_NAME, served_by="rules"),
            )

        before = counters()
        server.infer(body)
        server.infer({"inputs": []})
        server.infer({})
        httpx.get(f"{server.url}/v2/models/another")
        assert np.subtract(counters(), before).tolist() == [3, 1, 1, 3]

    def test_kserves_own_histograms_are_there(self, server, body):
        before = server.counter("request_predict_seconds_count", model_name=MODEL_NAME)
        server.infer(body)
        assert server.counter("request_predict_seconds_count", model_name=MODEL_NAME) == before + 1

    def test_the_log_holds_no_line_for_a_request_and_no_values(self, server, body):
        before = server.log.read_text()
        body["inputs"][1]["data"] = [4711.25, 1, 2]
        server.infer(body)
        body["inputs"][1]["data"] = [4711.25, "x", 2]
        server.infer(body)
        assert server.log.read_text() == before

    def test_the_openapi_page_is_there_when_switched_on(self, model_server, rules_server):
        page = httpx.get(f"{model_server.url}/docs")
        assert page.status_code == 200
        assert "/openapi.json" in page.text
        assert httpx.get(f"{rules_server.url}/docs").status_code == 404
        paths = httpx.get(f"{model_server.url}/openapi.json").json()["paths"]
        assert "/v2/models/{model_name}/infer" in paths
