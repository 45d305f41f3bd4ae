import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput

from insurance_risk.serving.decoding import NUMERIC_DATATYPES, RequestDecoder

from .conftest import ROWS


@pytest.fixture(scope="module")
def decoder(profile):
    return RequestDecoder(profile)


def tensor(name, data, *, datatype="FP64", shape=None, raw=None):
    made = InferInput(name, [len(data)] if shape is None else shape, datatype, data)
    made._raw_data = raw
    return made


def request(tensors):
    return InferRequest("insurance-risk", list(tensors))


def columns(**replaced):
    """The three valid rows, with some tensors replaced."""
    return [replaced.get(name) or tensor(name, values) for name, values in ROWS.items()]


class TestValidRequests:
    def test_one_tensor_for_each_feature_in_any_order(self, decoder, matrix):
        np.testing.assert_array_equal(decoder.decode(request(columns())), matrix)
        np.testing.assert_array_equal(decoder.decode(request(columns()[::-1])), matrix)

    @pytest.mark.parametrize("nested", [True, False])
    def test_a_matrix(self, decoder, matrix, nested):
        data = matrix.tolist() if nested else matrix.ravel().tolist()
        np.testing.assert_array_equal(decoder.decode(request([tensor("input-0", data, shape=[3, 6])])), matrix)

    def test_columns_of_shape_n_1_flat_or_nested(self, decoder, matrix):
        nested = tensor("age", [[30.0], [45.5], [61.0]], shape=[3, 1])
        flat = tensor("power", ROWS["power"], shape=[3, 1])
        np.testing.assert_array_equal(decoder.decode(request(columns(age=nested, power=flat))), matrix)

    @pytest.mark.parametrize("datatype", NUMERIC_DATATYPES)
    def test_any_numeric_datatype_as_values_and_as_raw_bytes(self, decoder, matrix, datatype):
        values = np.array(ROWS["power"]).astype(NUMERIC_DATATYPES[datatype])
        if datatype == "INT8":
            values = np.array([90, 120, 127], dtype=np.int8)
        expected = matrix.copy()
        expected[:, 4] = values
        as_list = tensor("power", values.tolist(), datatype=datatype)
        as_bytes = tensor("power", [], datatype=datatype, shape=[3], raw=values.tobytes())
        np.testing.assert_array_equal(decoder.decode(request(columns(power=as_list))), expected)
        np.testing.assert_array_equal(decoder.decode(request(columns(power=as_bytes))), expected)

    def test_booleans_for_a_category(self, decoder, matrix):
        flags = tensor("training", [False, True, False], datatype="BOOL")
        np.testing.assert_array_equal(decoder.decode(request(columns(training=flags))), matrix)

    @given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
    def test_finite_values_arrive_unchanged(self, decoder, values):
        count = len(values)
        tensors = [tensor(name, [0.0] * count) for name in ROWS if name != "miles"]
        decoded = decoder.decode(request([*tensors, tensor("miles", values)]))
        assert decoded.shape == (count, 6)
        assert decoded[:, 5].tolist() == values


class TestBadRequests:
    @pytest.mark.parametrize(
        ("spoilt", "reason"),
        [
            (tensor("age", [1.0, math.nan, 2.0]), "'age', row 1: .*NaN"),
            (tensor("age", [1.0, 2.0, -math.inf]), "'age', row 2: .*infinite"),
            (tensor("age", [1.0, 2.0, 1e39], datatype="FP32"), "'age', row 2: .*infinite"),
            (tensor("age", ["1", "2", "x"]), "'age' .*text"),
            (tensor("age", [b"1", b"2", b"3"], datatype="BYTES"), "'age' has the datatype BYTES"),
            (tensor("age", [1, 2, None]), "'age' .*null"),
            (tensor("age", [1, 2, {}]), "'age' .*object"),
            (tensor("age", [1, 2, 2**70]), "'age' .*too large"),
            (tensor("age", [True, False, True]), "'age' .*true and false"),
            (tensor("age", [True, False, True], datatype="BOOL"), "'age' has the datatype BOOL"),
            (tensor("age", [[1], [2, 3], [4]]), "'age' is ragged"),
            (tensor("age", [1.5, 2, 3], datatype="INT32"), "'age' .*not whole"),
            (tensor("age", [1, 200, 3], datatype="INT8"), "'age', row 1: .*INT8"),
            (tensor("age", [1, 2, -3], datatype="UINT64"), "'age', row 2: .*UINT64"),
            (tensor("age", [1, 2, 3], datatype="STRING"), "'age' has the datatype STRING"),
            (tensor("age", [1, 2]), "differ in length: 'training' has 3 rows, 'age' has 2"),
            (tensor("age", [1, 2, 3], shape=[2]), r"holds 3 values, its shape \[2\] says 2"),
            (tensor("age", [1, 2, 3], shape=[-1]), r"shape \[-1\]"),
            (tensor("age", [1, 2, 3], shape=[1, 3]), r"shape \[1, 3\]"),
            (tensor("age", [1, 2, 3], shape=[]), r"shape \[\]"),
            (tensor("age", [1, 2, 3], shape=[3, 1, 1]), r"shape \[3, 1, 1\]"),
            (tensor("age", [], shape=[0]), r"shape \[0\]"),
            (tensor("age", [], shape=[3], raw=b"1234567"), "7 bytes, not a multiple"),
            (tensor("age", [], shape=[3], raw=b"12345678"), "holds 1 values"),
            (tensor("training", [0, 1, 2]), "'training', row 2: not one of the categories 0, 1"),
        ],
    )
    def test_the_reason_names_the_tensor(self, decoder, spoilt, reason):
        with pytest.raises(InvalidInput, match=reason):
            decoder.decode(request(columns(**{spoilt.name: spoilt})))

    @pytest.mark.parametrize(
        ("tensors", "reason"),
        [
            ([], "missing 'training'"),
            (columns()[1:], "missing 'training'"),
            ([*columns(), tensor("colour", [1, 2, 3])], "unknown 'colour'"),
            ([*columns(), tensor("age", [1, 2, 3])], "repeated 'age'"),
            ([*columns(), tensor("input-0", [1.0] * 18, shape=[3, 6])], "unknown 'input-0'"),
            ([tensor("input-0", [1.0] * 18, shape=[3, 6], datatype="FP32")], "datatype FP32, expected FP64"),
            ([tensor("input-0", [1.0] * 15, shape=[3, 5])], r"shape \[3, 5\], expected \[n, 6\]"),
            ([tensor("input-0", [1.0] * 6, shape=[6])], r"shape \[6\]"),
            ([tensor("input-0", [], shape=[0, 6])], r"shape \[0, 6\]"),
            ([tensor("input-0", [1.0] * 17, shape=[3, 6])], "holds 17 values"),
        ],
    )
    def test_the_reason_names_what_does_not_match(self, decoder, tensors, reason):
        with pytest.raises(InvalidInput, match=reason):
            decoder.decode(request(tensors))

    @given(st.data())
    def test_whatever_the_tensor_holds_it_is_decoded_or_refused(self, decoder, data):
        scalar = st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**80), 2**80),
            st.floats(),
            st.text(max_size=3),
            st.binary(max_size=3),
        )
        values = data.draw(st.lists(st.one_of(scalar, st.lists(scalar, max_size=3)), max_size=4))
        shape = data.draw(st.lists(st.integers(-2, 5), max_size=3))
        datatype = data.draw(st.sampled_from([*NUMERIC_DATATYPES, "BOOL", "BYTES", "", "FP128"]))
        raw = data.draw(st.one_of(st.none(), st.binary(max_size=48)))
        spoilt = tensor("age", values, datatype=datatype, shape=shape, raw=raw)
        try:
            decoded = decoder.decode(request(columns(age=spoilt)))
        except InvalidInput:
            return
        assert decoded.shape == (3, 6)
        assert np.isfinite(decoded).all()

    def test_no_reason_repeats_a_value(self, decoder):
        for spoilt in (
            tensor("age", ["4711", 1, 2]),
            tensor("age", [4711, None, 2]),
            tensor("age", [4711, 1.5, 2], datatype="INT8"),
            tensor("age", [4711, 1, 2], datatype="INT8"),
            tensor("training", [4711, 1, 0]),
        ):
            with pytest.raises(InvalidInput) as refusal:
                decoder.decode(request(columns(**{spoilt.name: spoilt})))
            assert "4711" not in str(refusal.value)
