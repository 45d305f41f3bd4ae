"""The printed commands, run by a real shell against a real server."""

import json
import shutil
import subprocess

import pytest

from insurance_data.curl import curl_examples
from insurance_data.schema import FEATURES

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

NAMES = [example.name for example in curl_examples("http://localhost", "m")]


def run(url, name, model="insurance-risk"):
    (example,) = [example for example in curl_examples(url, model) if example.name == name]
    done = subprocess.run(["sh", "-c", example.command], capture_output=True, text=True, timeout=30, check=True)
    head, _, body = done.stdout.partition("\r\n\r\n") if "\r\n\r\n" in done.stdout else done.stdout.partition("\n\n")
    return int(head.split()[1]), json.loads(body)


def test_there_are_three_rows_in_both_forms():
    assert [f"{row}-{form}" for row in ("healthy", "out-of-range", "bad") for form in ("tensors", "matrix")] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_command_runs(server, name):
    status, answer = run(server.url, name)
    (request,) = server.requests
    assert request.path == "/v2/models/insurance-risk/infer"
    assert request.header("content-type") == "application/json"
    assert request.json["id"] == f"curl-{name}"
    if name.startswith("bad"):
        assert status == 400
        assert "not a number" in answer["error"]
    else:
        assert status == 200
        served_by = next(output["data"] for output in answer["outputs"] if output["name"] == "served_by")
        assert served_by == ["model" if name.startswith("healthy") else "rules"]


@pytest.mark.parametrize("row", ["healthy", "out-of-range", "bad"])
def test_both_forms_carry_the_same_row(server, row):
    run(server.url, f"{row}-tensors")
    run(server.url, f"{row}-matrix")
    tensors, matrix = (request.json["inputs"] for request in server.requests)
    assert [tensor["name"] for tensor in tensors] == list(FEATURES)
    assert all(tensor["shape"] == [1] for tensor in tensors)
    assert [[tensor["data"][0] for tensor in tensors]] == matrix[0]["data"]
    assert (matrix[0]["name"], matrix[0]["shape"]) == ("input-0", [1, 6])


def test_names_that_mean_something_to_a_shell_are_quoted(server):
    status, _ = run(server.url, "healthy-tensors", model="it's $(HOME) & more")
    assert status == 200
    assert server.requests[0].path == "/v2/models/it%27s%20%24%28HOME%29%20%26%20more/infer"
