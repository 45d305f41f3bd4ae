"""`make up`: a person's own requests against the running stack, as the README shows them."""

import json
import re
import shutil
import subprocess
import time

import httpx
import numpy as np
import pytest
from demo_runs import LOCAL_STACK, REPOSITORY, port_options
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http

FEATURES = ("training", "age", "emergency_braking", "braking_distance", "power", "miles")
ROWS = np.array([[0, 35, 1, 40, 110, 55], [1, 60, 0, 45, 180, 90], [0, 160, 0, 40, 110, 55]], dtype=np.float64)
# The README's addresses, by the port of the stack that stands there.
DEFAULT_PORTS = {8080: "front", 8081: "model_http", 8085: "detector", 8086: "operator"}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def readme_commands() -> list[str]:
    text = (REPOSITORY / "README.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [
        part.strip()
        for block in blocks
        for part in re.split(r"\n(?=curl |#)|\n\n", block)
        if part.strip().startswith("curl ")
    ]


def on_these_ports(command: str, stack) -> str:
    return re.sub(r"127\.0\.0\.1:(\d+)", lambda m: f"127.0.0.1:{stack.ports[DEFAULT_PORTS[int(m[1])]]}", command)


def run_shell(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def tensors(module, *, binary=False):
    inputs = []
    for index, name in enumerate(FEATURES):
        tensor = module.InferInput(name, [len(ROWS)], "FP64")
        column = np.ascontiguousarray(ROWS[:, index])
        if module is triton_http:
            tensor.set_data_from_numpy(column, binary_data=binary)
        else:
            tensor.set_data_from_numpy(column)
        inputs.append(tensor)
    return inputs


def assert_answer(answer):
    classes = answer.as_numpy("class")
    assert set(np.char.decode(classes.astype(bytes))) <= {"high", "medium", "low"}
    probabilities = answer.as_numpy("probabilities")
    assert probabilities.shape == (len(ROWS), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    served_by = answer.as_numpy("served_by").astype(bytes)
    assert served_by[2] == b"rules", "an age of 160 is outside the model's range"


@needs_curl
def test_the_readme_shows_commands_for_every_door_and_each_works(stack):
    commands = readme_commands()
    assert {int(port) for command in commands for port in re.findall(r"127\.0\.0\.1:(\d+)", command)} == set(
        DEFAULT_PORTS
    )
    for command in commands:
        assert run_shell(on_these_ports(f"{command} --fail-with-body", stack)), command


@needs_curl
def test_the_commands_that_the_stack_prints_work(stack):
    shown = re.search(r"uv run --project data (insurance-data curl --url \S+)", stack.said)[1]
    listing = run_shell(f"{REPOSITORY}/data/.venv/bin/{shown}")
    lines = [part for part in re.split(r"\n+(?=curl |#)", listing) if part.startswith("curl ")]
    assert len(lines) >= 3
    answers = [run_shell(line) for line in lines]
    assert any('"served_by"' in answer for answer in answers)
    assert any('"error"' in answer for answer in answers)


@pytest.mark.parametrize("door", ["front", "model_http", "rules_http"])
@pytest.mark.parametrize("binary", [False, True])
def test_a_strangers_http_client(stack, door, binary):
    client = triton_http.InferenceServerClient(f"127.0.0.1:{stack.ports[door]}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("insurance-risk")
    metadata = client.get_model_metadata("insurance-risk")
    assert [tensor["name"] for tensor in metadata["inputs"]] == list(FEATURES)
    names = [tensor["name"] for tensor in metadata["outputs"]]
    assert names == ["class", "probabilities", "served_by"]
    outputs = [triton_http.InferRequestedOutput(name, binary_data=binary) for name in names]
    answer = client.infer("insurance-risk", tensors(triton_http, binary=binary), outputs=outputs, request_id="r-1")
    assert answer.get_response()["id"] == "r-1"
    assert answer.get_response()["parameters"]["profile_digest"].startswith("sha256:")
    assert_answer(answer)
    client.close()


@pytest.mark.parametrize(("door", "side"), [("model_grpc", "model"), ("rules_grpc", "rules")])
def test_a_strangers_grpc_client(stack, door, side):
    client = triton_grpc.InferenceServerClient(f"127.0.0.1:{stack.ports[door]}")
    assert client.is_server_ready()
    assert client.is_model_ready("insurance-risk")
    answer = client.infer("insurance-risk", tensors(triton_grpc), request_id="r-2")
    assert_answer(answer)
    assert answer.get_response().parameters["served_by"].string_param in {side, "mixed"}
    client.close()


def test_requests_become_events_of_the_stream(stack):
    url = f"{stack.url('detector')}/api/v1/streams/insurance-risk"
    before = httpx.get(url).json()["rows"]["accepted"]
    body = {
        "inputs": [{"name": "input-0", "shape": [3, 6], "datatype": "FP64", "data": ROWS.ravel().tolist()}],
    }
    answer = httpx.post(f"{stack.url('front')}/v2/models/insurance-risk/infer", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-served-by"] == answer.json()["parameters"]["served_by"] == "mixed"
    deadline = time.monotonic() + 5
    while httpx.get(url).json()["rows"]["accepted"] < before + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert httpx.get(url).json()["rows"]["accepted"] == before + 3


def test_the_openapi_page_is_on(stack):
    assert httpx.get(f"{stack.url('model_http')}/docs").status_code == 200
    assert "/v2/models/{model_name}/infer" in json.dumps(httpx.get(f"{stack.url('model_http')}/openapi.json").json())


def test_a_second_stack_in_the_same_folder_is_refused(stack):
    command = [LOCAL_STACK, "up", "--folder", stack.folder, *port_options(stack.ports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "the stack is up already" in done.stderr


def test_a_stack_elsewhere_on_the_same_ports_is_refused(stack, tmp_path):
    command = [LOCAL_STACK, "up", "--folder", tmp_path, *port_options(stack.ports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert re.search(r"port \d+ \(front\) on 127.0.0.1 is in use", done.stderr)
