"""Bodies of the V2 protocol: rows come out as they went in, and nothing else comes out of anything else."""

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_detectors.events.inference import Answer, decode_request, decode_response
from drift_detectors.events.outcomes import Reason, RejectedEventError
from drift_detectors.profiles import Feature

AGE = Feature("age", "numeric")
MILES = Feature("miles", "numeric")
TRAINING = Feature("training", "categorical", categories=(0.0, 1.0))
REGION = Feature("region", "categorical", categories=("north", "south"))
MIXED = (AGE, TRAINING, REGION)
NUMBERS = (AGE, MILES, TRAINING)
TEXTS = (REGION, Feature("colour", "categorical", categories=("red",)))

finite = st.floats(allow_nan=False, allow_infinity=False)
layouts = st.sampled_from(["flat", "column", "nested"])


def tensor(name, values, datatype="FP64", layout="flat"):
    """One column in one of the three forms that senders use."""
    if layout == "flat":
        return {"name": name, "shape": [len(values)], "datatype": datatype, "data": values}
    data = [[value] for value in values] if layout == "nested" else values
    return {"name": name, "shape": [len(values), 1], "datatype": datatype, "data": data}


def encode(*inputs, **members):
    return json.dumps({"inputs": list(inputs), **members}).encode()


def mixed_body(**replaced):
    """Two good rows of the mixed profile; ``replaced`` puts another tensor, or none, in a feature's place."""
    good = {
        "age": tensor("age", [30.0, 41.5]),
        "training": tensor("training", [0, 1], "INT64"),
        "region": tensor("region", ["north", "south"], "BYTES"),
    }
    return encode(*(part for part in {**good, **replaced}.values() if part is not None))


@st.composite
def mixed_rows(draw):
    count = draw(st.integers(1, 12))
    column = lambda values: draw(st.lists(values, min_size=count, max_size=count))  # noqa: E731 (used three times)
    return column(finite), column(st.integers(-(2**31), 2**31)), column(st.text())


@given(mixed_rows(), st.tuples(layouts, layouts, layouts), st.permutations(range(3)))
def test_one_tensor_for_each_feature_comes_back_in_the_profiles_order(rows, chosen, order):
    ages, trainings, regions = rows
    parts = [
        tensor("age", ages, "FP64", chosen[0]),
        tensor("training", trainings, "INT32", chosen[1]),
        tensor("region", regions, "BYTES", chosen[2]),
    ]
    decoded = decode_request(encode(*(parts[index] for index in order), id="7", parameters={"x": 1}), MIXED)
    assert decoded[0].dtype == np.float64
    assert decoded[0].tolist() == ages
    assert decoded[1] == [float(value) for value in trainings]
    assert decoded[2] == regions


@given(st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=12), st.booleans())
def test_a_matrix_comes_back_by_columns(rows, nested):
    data = [list(row) for row in rows] if nested else [value for row in rows for value in row]
    body = encode({"name": "input-0", "shape": [len(rows), 3], "datatype": "FP64", "data": data})
    ages, miles, trainings = decode_request(body, NUMBERS)
    assert list(zip(ages.tolist(), miles.tolist(), trainings, strict=True)) == rows


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=8), st.booleans())
def test_a_matrix_of_texts_comes_back_by_columns(rows, nested):
    data = [list(row) for row in rows] if nested else [value for row in rows for value in row]
    body = encode({"name": "input-0", "shape": [len(rows), 2], "datatype": "BYTES", "data": data})
    assert list(zip(*decode_request(body, TEXTS), strict=True)) == rows


@given(st.lists(st.booleans(), min_size=1, max_size=8), layouts)
def test_booleans_become_zero_and_one(values, layout):
    decoded = decode_request(encode(tensor("training", values, "BOOL", layout)), (TRAINING,))
    assert decoded == [[float(value) for value in values]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b"\xff", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.NOT_V2),
        (b"[]", Reason.NOT_V2),
        (b'{"instances": [[1, 2, 3]]}', Reason.NOT_V2),
        (b'{"inputs": [{"name": "age"}]}', Reason.NOT_V2),
        (mixed_body(age=None), Reason.MISSING_FEATURE),
        (encode(), Reason.MISSING_FEATURE),
        (mixed_body(extra=tensor("power", [1, 2])), Reason.UNEXPECTED_FEATURE),
        (mixed_body(extra=tensor("age", [1.0, 2.0])), Reason.UNEXPECTED_FEATURE),
        (mixed_body(age=tensor("age", [1.0, 2.0], "COMPLEX")), Reason.UNSUPPORTED_DATATYPE),
        (mixed_body(age=tensor("age", ["1", "2"], "BYTES")), Reason.WRONG_DATATYPE),
        (mixed_body(age=tensor("age", ["1", "2"])), Reason.WRONG_DATATYPE),
        (mixed_body(age=tensor("age", [1.0, None])), Reason.WRONG_DATATYPE),
        (mixed_body(age={"name": "age", "shape": [2], "datatype": "FP64"}), Reason.WRONG_DATATYPE),
        (mixed_body(region=tensor("region", [1, 2], "INT64")), Reason.WRONG_DATATYPE),
        (mixed_body(age=tensor("age", [1.0, 2.0, 3.0])), Reason.SHAPE_MISMATCH),
        (mixed_body(age={**tensor("age", [1.0, 2.0]), "shape": [3]}), Reason.SHAPE_MISMATCH),
        (mixed_body(age={**tensor("age", [1.0, 2.0]), "shape": [1, 2]}), Reason.SHAPE_MISMATCH),
        (mixed_body(age={**tensor("age", [1.0, 2.0]), "shape": []}), Reason.SHAPE_MISMATCH),
        (mixed_body(age={**tensor("age", [1.0, 2.0]), "shape": [-2]}), Reason.SHAPE_MISMATCH),
        (mixed_body(age={**tensor("age", [[1.0], [2.0, 3.0]]), "shape": [2, 1]}), Reason.SHAPE_MISMATCH),
        (
            encode(tensor("age", []), tensor("training", []), tensor("region", [], "BYTES")),
            Reason.NO_ROWS,
        ),
        (encode({"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}), Reason.SHAPE_MISMATCH),
        (encode({"name": "input-0", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}), Reason.WRONG_DATATYPE),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_reason(body, reason):
    with pytest.raises(RejectedEventError) as caught:
        decode_request(body, MIXED)
    assert caught.value.reason is reason
    assert caught.value.detail


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "null"])
@pytest.mark.parametrize("form", ["tensor", "matrix"])
def test_a_value_that_is_no_finite_number_rejects_the_whole_request(literal, form):
    shape, name = ("[2]", "age") if form == "tensor" else ("[2,1]", "input-0")
    body = f'{{"inputs":[{{"name":"{name}","shape":{shape},"datatype":"FP64","data":[1.5,{literal}]}}]}}'.encode()
    with pytest.raises(RejectedEventError) as caught:
        decode_request(body, (AGE,))
    # NaN and Infinity are no JSON at all; a literal beyond float64 is.
    expected = {"NaN": Reason.NOT_JSON, "Infinity": Reason.NOT_JSON, "-Infinity": Reason.NOT_JSON}
    others = {"null": {Reason.WRONG_DATATYPE}}.get(literal, {Reason.NOT_FINITE, Reason.WRONG_DATATYPE})
    assert caught.value.reason in ({expected[literal]} if literal in expected else others)


def test_a_rejection_says_how_many_rows_are_lost():
    with pytest.raises(RejectedEventError) as caught:
        decode_request(mixed_body(region=tensor("region", [7, 8], "INT64")), MIXED)
    assert caught.value.rows == 2


def test_a_rejection_repeats_no_value_of_a_row():
    with pytest.raises(RejectedEventError) as caught:
        decode_request(mixed_body(region=tensor("region", [471147114711, 2], "INT64")), MIXED)
    assert "region" in caught.value.detail
    assert "4711" not in caught.value.detail


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
shapes = st.lists(st.integers(-2, 4) | st.integers(), max_size=3)
near_tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["age", "training", "region", "input-0", ""]),
        "shape": shapes,
        "datatype": st.sampled_from(["FP64", "INT8", "BOOL", "BYTES", "fp64", ""]),
    },
    optional={"data": st.lists(scalars | st.lists(scalars, max_size=3), max_size=6) | scalars},
)
near_bodies = st.fixed_dictionaries({"inputs": st.lists(near_tensors, max_size=4)}).map(json.dumps).map(str.encode)


@given(st.binary() | near_bodies)
@example(b'{"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[1]}' + b" " * 10)
@example(json.dumps({"inputs": [tensor("age", [10**400])]}).encode())
def test_anything_is_whole_finite_rows_or_a_rejection(body):
    for features in ((AGE,), MIXED, NUMBERS, TEXTS):
        columns, lost = [], 0
        try:
            columns = decode_request(body, features)
        except RejectedEventError as error:
            lost = error.rows
        assert lost >= 0
        if columns:
            assert len(columns) == len(features)
            assert len({len(column) for column in columns}) == 1
            assert len(columns[0]) > 0
            assert all(isinstance(value, str) or math.isfinite(value) for column in columns for value in column)


def response(served_by=None, **members):
    outputs = [{"name": "class", "shape": [3], "datatype": "BYTES", "data": ["high", "low", "low"]}]
    if served_by is not None:
        outputs.append(tensor("served_by", served_by, "BYTES"))
    return json.dumps({"model_name": "insurance-risk", "outputs": outputs, **members}).encode()


def test_who_answered_is_counted_row_by_row():
    body = response(["model", "rules", "model"], parameters={"served_by": "mixed", "profile_digest": "sha256:ab"})
    assert decode_response(body) == Answer(rows_by_rules=1, rows_by_model=2, profile_digest="sha256:ab")


@pytest.mark.parametrize(
    ("side", "answer"), [("rules", Answer(3, 0, None)), ("model", Answer(0, 3, None)), ("other", Answer(0, 0, None))]
)
def test_without_the_tensor_the_parameter_speaks_for_all_rows(side, answer):
    assert decode_response(response(parameters={"served_by": side})) == answer


def test_the_answers_of_health_and_metadata_calls_are_no_answers():
    assert decode_response(b'{"ready": true}') is None
    assert decode_response(b'{"name": "insurance-risk", "inputs": [], "platform": "sklearn"}') is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"OK", Reason.NOT_JSON),
        (b'{"outputs": 5}', Reason.NOT_V2),
        (response(parameters={"profile_digest": 5}), Reason.NOT_V2),
        (response([1, 2]), Reason.WRONG_DATATYPE),
    ],
)
def test_an_answer_that_cannot_be_read_is_rejected(body, reason):
    with pytest.raises(RejectedEventError) as caught:
        decode_response(body)
    assert caught.value.reason is reason


near_outputs = st.fixed_dictionaries(
    {"outputs": st.lists(near_tensors.map(lambda part: {**part, "name": "served_by"}), max_size=2) | scalars},
    optional={"parameters": st.dictionaries(st.sampled_from(["served_by", "profile_digest"]), scalars)},
)


@given(st.binary() | near_outputs.map(json.dumps).map(str.encode))
def test_any_answer_is_counted_or_rejected(body):
    try:
        answer = decode_response(body)
    except RejectedEventError:
        return
    if answer is not None:
        assert answer.rows_by_model >= 0
        assert answer.rows_by_rules >= 0
