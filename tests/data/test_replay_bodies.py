"""Rows into V2 requests and V2 answers into classes."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance_data.errors import RowsError
from insurance_data.replay.bodies import AnswerError, InputForm, numeric_columns, read_answer, request_body
from insurance_data.schema import FEATURES

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_one_tensor_per_feature():
    columns = numeric_columns(
        pd.DataFrame({"age": [35.25, 60.0], "training": [1, 0], "x": ["a", "b"]}), ["training", "age"]
    )
    assert json.loads(request_body(columns, request_id="r-1")) == {
        "id": "r-1",
        "inputs": [
            {"name": "training", "shape": [2], "datatype": "INT64", "data": [1, 0]},
            {"name": "age", "shape": [2], "datatype": "FP64", "data": [35.25, 60.0]},
        ],
    }


def test_one_matrix_in_the_order_of_the_columns(dataset):
    table = dataset.read_month(1)[:3]
    body = json.loads(request_body(numeric_columns(table, FEATURES), request_id="r-2", form=InputForm.MATRIX))
    (tensor,) = body["inputs"]
    assert (tensor["name"], tensor["shape"], tensor["datatype"]) == ("input-0", [3, 6], "FP64")
    assert tensor["data"] == table[list(FEATURES)].to_numpy(float).tolist()


@given(values=st.lists(st.tuples(FINITE, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20))
def test_values_survive_the_wire(values):
    table = pd.DataFrame({"a": [value for value, _ in values], "b": np.array([value for _, value in values])})
    first, second = json.loads(request_body(numeric_columns(table, ["a", "b"]), request_id="x"))["inputs"]
    assert first["data"] == list(table["a"])
    assert second["data"] == list(table["b"])


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32])
def test_every_numeric_width_is_sent_under_its_datatype(dtype):
    columns = numeric_columns(pd.DataFrame({"a": np.array([1, 2], dtype)}), ["a"])
    expected = {"i": "INT64", "u": "UINT64", "f": "FP64"}[np.dtype(dtype).kind]
    assert json.loads(request_body(columns, request_id="x"))["inputs"][0]["datatype"] == expected


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"b": [1]}, r"no column 'a' \(it has: b\)"),
        ({"a": ["x"]}, "'a' is of type"),
        ({"a": [True]}, "'a' is of type bool"),
        ({"a": [1.0, np.nan]}, "the row at position 1 has nan in the column 'a'"),
        ({"a": [np.inf]}, "the row at position 0 has inf"),
    ],
)
def test_a_table_that_cannot_be_sent_is_refused(column, message):
    with pytest.raises(RowsError, match=message):
        numeric_columns(pd.DataFrame(column), ["a"])


def answer_body(**changes):
    body = {
        "model_name": "m",
        "id": "r",
        "parameters": {"served_by": "mixed", "profile_digest": "sha256:12"},
        "outputs": [
            {"name": "class", "shape": [2], "datatype": "BYTES", "data": ["low", "high"]},
            {"name": "probabilities", "shape": [2, 3], "datatype": "FP64", "data": [0, 0, 1, 1, 0, 0]},
            {"name": "served_by", "shape": [2], "datatype": "BYTES", "data": ["model", "rules"]},
        ],
    }
    return json.dumps(body | changes).encode()


def test_an_answer_is_read_row_by_row():
    answer = read_answer(answer_body(), request_id="r", rows=2)
    assert answer.classes == ("low", "high")
    assert answer.served_by == ("model", "rules")
    assert answer.profile_digest == "sha256:12"


def test_any_v2_answer_will_do():
    body = answer_body(
        id=None, parameters=None, outputs=[{"name": "y", "shape": [2], "datatype": "FP32", "data": [1, 2]}]
    )
    answer = read_answer(body, request_id="r", rows=2)
    assert (answer.classes, answer.served_by, answer.profile_digest) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "no list of outputs"),
        (answer_body(outputs=None), "no list of outputs"),
        (answer_body(id="other"), "carries the id 'other', which is not this request's"),
        (answer_body(outputs=[{"name": "class", "data": ["low"]}]), "'class' is not a list of 2 texts"),
        (answer_body(outputs=[{"name": "served_by", "data": [1, 2]}]), "'served_by' is not a list of 2 texts"),
        (answer_body(outputs=[{"name": "class"}]), "'class' is not a list"),
    ],
)
def test_what_is_no_answer_says_why(body, message):
    with pytest.raises(AnswerError, match=message):
        read_answer(body, request_id="r", rows=2)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["outputs", "id", "parameters", "name", "data", "class", "profile_digest"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_makes_reading_fail_otherwise(content):
    try:
        answer = read_answer(json.dumps(content).encode(), request_id="r", rows=1)
    except AnswerError:
        return
    assert answer.classes is None or len(answer.classes) == 1
