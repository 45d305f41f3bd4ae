"""`curl` commands for single requests to a V2 endpoint: ready to be pasted into a shell."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from insurance_data.replay.bodies import InputForm
from insurance_data.replay.targets import infer_url
from insurance_data.schema import FEATURES, INTEGER_FEATURES

HEALTHY: dict[str, float | str] = {
    "training": 1,
    "age": 36.5,
    "emergency_braking": 1,
    "braking_distance": 39.2,
    "power": 118.0,
    "miles": 72.4,
}
"""A trained driver of average age: far from the bounds between the classes, so any good model is sure of `low`."""

OUT_OF_RANGE = HEALTHY | {"age": 151.0}
"""Older than anybody the model was trained for: the rules answer."""

BAD = HEALTHY | {"age": "forty"}
"""Text where a number belongs."""


@dataclass(frozen=True)
class CurlExample:
    """One request and what it shows."""

    name: str
    description: str
    command: str


def tensors_body(request_id: str, row: dict[str, float | str]) -> dict[str, Any]:
    """A V2 request with one tensor of shape [1] per feature."""
    inputs = [
        {
            "name": name,
            "shape": [1],
            "datatype": "INT64" if name in INTEGER_FEATURES else "FP64",
            "data": [row[name]],
        }
        for name in FEATURES
    ]
    return {"id": request_id, "inputs": inputs}


def matrix_body(request_id: str, row: dict[str, float | str]) -> dict[str, Any]:
    """A V2 request with one matrix of shape [1, 6]."""
    data = [[row[name] for name in FEATURES]]
    return {
        "id": request_id,
        "inputs": [{"name": "input-0", "shape": [1, len(FEATURES)], "datatype": "FP64", "data": data}],
    }


def curl_command(url: str, body: dict[str, Any]) -> str:
    """A command for a POSIX shell that posts `body` to `url` and shows status, headers and answer."""
    return " \\\n  ".join(
        [
            "curl --silent --show-error --include",
            f"--header {shlex.quote('Content-Type: application/json')}",
            f"--data {shlex.quote(json.dumps(body))}",
            shlex.quote(url),
        ]
    )


def curl_examples(url: str, model: str) -> list[CurlExample]:
    """A healthy row, a row out of range and a bad row, each in both forms of the inputs.

    Args:
        url: the server's address, without `/v2`.
        model: the model's name.
    """
    target = infer_url(url, model)
    rows = (
        ("healthy", "a row like those of the reference: the model answers", HEALTHY),
        ("out-of-range", "an age that the model was not trained for: the rules answer", OUT_OF_RANGE),
        ("bad", "text where a number belongs: HTTP status 400 or 422 with the reason", BAD),
    )
    forms = (
        (InputForm.TENSORS, "one tensor per feature", tensors_body),
        (InputForm.MATRIX, "one matrix", matrix_body),
    )
    return [
        CurlExample(
            name=f"{row_name}-{form.value}",
            description=f"{description} ({form_description})",
            command=curl_command(target, body(f"curl-{row_name}-{form.value}", row)),
        )
        for row_name, description, row in rows
        for form, form_description, body in forms
    ]
