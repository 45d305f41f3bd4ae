"""Exceptions on the serving path, mapped in one place to HTTP status, gRPC status and the error counter's label."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Never

import grpc
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse
from grpc_interceptor import AsyncExceptionToStatusInterceptor
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, UnsupportedProtocol
from starlette.exceptions import HTTPException

from insurance_risk.serving.metrics import count_error

logger = logging.getLogger(__name__)

INTERNAL_MESSAGE: Final = "internal error: the reason is in the server's log"


class OperationRefused(NotImplementedError):  # noqa: N818 - a refusal, not a fault
    """An operation that KServe's server offers and this one does not."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How one kind of exception is answered.

    Attributes:
        reason: Label of the error counter.
        status: HTTP status.
        code: gRPC status.
    """

    reason: str
    status: HTTPStatus
    code: grpc.StatusCode


INTERNAL: Final = ErrorKind("internal", HTTPStatus.INTERNAL_SERVER_ERROR, grpc.StatusCode.INTERNAL)
MALFORMED: Final = ErrorKind("malformed_body", HTTPStatus.UNPROCESSABLE_ENTITY, grpc.StatusCode.INVALID_ARGUMENT)

ERROR_KINDS: Final[dict[type[Exception], ErrorKind]] = {
    InvalidInput: ErrorKind("invalid_input", HTTPStatus.BAD_REQUEST, grpc.StatusCode.INVALID_ARGUMENT),
    RequestValidationError: MALFORMED,
    ModelNotFound: ErrorKind("model_not_found", HTTPStatus.NOT_FOUND, grpc.StatusCode.NOT_FOUND),
    ModelNotReady: ErrorKind("model_not_ready", HTTPStatus.SERVICE_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE),
    UnsupportedProtocol: ErrorKind("not_implemented", HTTPStatus.NOT_IMPLEMENTED, grpc.StatusCode.UNIMPLEMENTED),
    NotImplementedError: ErrorKind("not_implemented", HTTPStatus.NOT_IMPLEMENTED, grpc.StatusCode.UNIMPLEMENTED),
}
"""Exceptions by class; a subclass is answered like its nearest ancestor here, anything else is internal."""


def kind_of(error: Exception) -> ErrorKind:
    """How an exception is answered."""
    for ancestor in type(error).__mro__:
        if ancestor in ERROR_KINDS:
            return ERROR_KINDS[ancestor]
    return INTERNAL


def message_of(error: Exception) -> str:
    """What the client is told: the exception's own text, but nothing about an internal error, which is logged."""
    if kind_of(error) is INTERNAL:
        logger.error("internal error while answering a request", exc_info=error)
        return INTERNAL_MESSAGE
    return str(error)


def add_http_handlers(app: FastAPI, model_name: str) -> None:
    """Answer every exception of an app by this module's table, and count those of inference requests.

    The 422 of a malformed body keeps FastAPI's form ``{"detail": [...]}``, without the input that FastAPI repeats in
    it: that would send rows back, and a NaN among them would make the answer itself fail.

    Args:
        app: KServe's app, after KServe registered its own handlers.
        model_name: Label of the counters.
    """

    async def answer_error(request: Request, error: Exception) -> JSONResponse:
        kind = kind_of(error)
        _count(request, kind.reason)
        return JSONResponse(status_code=kind.status, content={"error": message_of(error)})

    async def answer_malformed(request: Request, error: Exception) -> JSONResponse:
        _count(request, MALFORMED.reason)
        details: list[dict[str, Any]] = []
        if isinstance(error, RequestValidationError):
            details = [{key: detail[key] for key in ("type", "loc", "msg")} for detail in error.errors()]
        return JSONResponse(status_code=MALFORMED.status, content={"detail": details})

    async def answer_http(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            return await answer_error(request, error)
        _count(request, "malformed_body")
        return JSONResponse(status_code=error.status_code, content={"error": str(error.detail)}, headers=error.headers)

    def _count(request: Request, reason: str) -> None:
        if request.method == "POST" and request.url.path.endswith(("/infer", ":predict", ":explain")):
            count_error(model_name, reason)

    for error_class in (*ERROR_KINDS, Exception):
        app.add_exception_handler(error_class, answer_error)
    app.add_exception_handler(RequestValidationError, answer_malformed)
    app.add_exception_handler(HTTPException, answer_http)


class GrpcErrorInterceptor(AsyncExceptionToStatusInterceptor):
    """Answers every exception of a gRPC call by this module's table.

    Args:
        model_name: Label of the counters.
    """

    def __init__(self, model_name: str) -> None:
        super().__init__()
        self._model_name = model_name

    async def handle_exception(
        self,
        ex: Exception,
        request_or_iterator: Any,  # noqa: ANN401, ARG002 - part of the interceptor's signature
        context: grpc.aio.ServicerContext,
        method_name: str,
    ) -> Never:
        """End a call with the status of its exception."""
        kind = kind_of(ex)
        if method_name.endswith("/ModelInfer"):
            count_error(self._model_name, kind.reason)
        await context.abort(kind.code, message_of(ex))
        raise ex  # not reached: abort raises what gRPC ends the call with
