import grpc
import pytest
from kserve.errors import InferenceError, InvalidInput, ModelNotFound, ModelNotReady, UnsupportedProtocol

from insurance_risk.serving.errors import INTERNAL_MESSAGE, OperationRefused, kind_of, message_of


class TestKindOf:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (InvalidInput("x"), 400, grpc.StatusCode.INVALID_ARGUMENT),
            (ModelNotFound("x"), 404, grpc.StatusCode.NOT_FOUND),
            (ModelNotReady("x"), 503, grpc.StatusCode.UNAVAILABLE),
            (UnsupportedProtocol("x"), 501, grpc.StatusCode.UNIMPLEMENTED),
            (OperationRefused("x"), 501, grpc.StatusCode.UNIMPLEMENTED),
            (InferenceError("x"), 500, grpc.StatusCode.INTERNAL),
            (ZeroDivisionError("x"), 500, grpc.StatusCode.INTERNAL),
        ],
    )
    def test_answers_alike_over_http_and_grpc(self, error, status, code):
        assert (kind_of(error).status, kind_of(error).code) == (status, code)


class TestMessageOf:
    def test_an_internal_error_is_logged_and_not_told(self, caplog):
        assert message_of(ValueError("age 4711")) == INTERNAL_MESSAGE
        assert caplog.records[0].exc_info is not None

    def test_the_reason_of_bad_input_is_told_and_not_logged(self, caplog):
        assert message_of(InvalidInput("input 'age' is ragged")) == "input 'age' is ragged"
        assert not caplog.records
