"""The vocabulary of outcomes: what can become of one event, and why an event is rejected."""

from enum import StrEnum


class EventType(StrEnum):
    """Which side of an inference call an event describes.

    ``UNKNOWN`` is for events whose envelope could not be read or names another type; they are counted too.
    """

    REQUEST = "request"
    RESPONSE = "response"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of an event; every event ends in exactly one of these."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REJECTED = "rejected"
    SHED = "shed"


class Reason(StrEnum):
    """Why an event was rejected."""

    MALFORMED_ENVELOPE = "malformed_envelope"
    UNSUPPORTED_CONTENT_MODE = "unsupported_content_mode"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_INFERENCE_SERVICE = "unknown_inference_service"
    OVERSIZE = "oversize"
    INCOMPLETE_BODY = "incomplete_body"
    NOT_JSON = "not_json"
    NOT_V2 = "not_v2"
    UNSUPPORTED_DATATYPE = "unsupported_datatype"
    WRONG_DATATYPE = "wrong_datatype"
    SHAPE_MISMATCH = "shape_mismatch"
    MISSING_FEATURE = "missing_feature"
    UNEXPECTED_FEATURE = "unexpected_feature"
    NOT_FINITE = "not_finite"
    NO_ROWS = "no_rows"
    INTERNAL_ERROR = "internal_error"


class RejectedEventError(Exception):
    """An event that cannot be used.

    Attributes:
        reason: the counter under which the event ends.
        detail: one sentence for the sender; names fields and shapes, never values of a row.
        rows: how many rows the event carried, as far as that was known when it was rejected.
    """

    def __init__(self, reason: Reason, detail: str, *, rows: int = 0) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.rows = rows
