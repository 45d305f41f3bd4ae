"""The CloudEvents 1.0 envelope: binary mode (HTTP headers), structured mode (JSON), and writing it back.

KServe's payload logger sends binary mode only. Structured mode is what other senders use, and what a
recording is made of.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from drift_detectors.events.outcomes import EventType, Reason, RejectedEventError

STRUCTURED_CONTENT_TYPE = "application/cloudevents+json"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"

_TYPES = {
    "org.kubeflow.serving.inference.request": EventType.REQUEST,
    "org.kubeflow.serving.inference.response": EventType.RESPONSE,
}
_REQUIRED = ("specversion", "id", "source", "type")
_JSON_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()


class Envelope(msgspec.Struct, frozen=True):
    """The context attributes of one CloudEvent, by their names in lower case without prefix."""

    attributes: dict[str, str]

    @property
    def id(self) -> str:
        """The event id; KServe gives request and response of one call the same one."""
        return self.attributes["id"]

    @property
    def event_type(self) -> EventType:
        """Request or response; ``UNKNOWN`` when ``type`` is neither of KServe's two."""
        return _TYPES.get(self.attributes["type"], EventType.UNKNOWN)

    @property
    def namespace(self) -> str:
        """Namespace of the InferenceService; empty when the sender named none."""
        return self.attributes.get("namespace", "")

    @property
    def inference_service(self) -> str:
        """Name of the InferenceService; empty when the sender named none."""
        return self.attributes.get("inferenceservicename", "")


def from_headers(headers: Iterable[tuple[bytes, bytes]]) -> Envelope:
    """Reads the envelope of a binary-mode event.

    Args:
        headers: HTTP header pairs as ASGI gives them (names in lower case).

    Raises:
        RejectedEventError: ``malformed_envelope`` when a required attribute is missing, empty or of another
            CloudEvents version.
    """
    attributes: dict[str, str] = {}
    for name, value in headers:
        if name.startswith(b"ce-"):
            text = value.decode("latin-1")
            # The HTTP binding percent-encodes what a header cannot carry.
            attributes[name[3:].decode("latin-1")] = unquote(text) if "%" in text else text
        elif name == b"content-type":
            attributes["datacontenttype"] = value.decode("latin-1")
    return _checked(attributes)


def from_structured(document: bytes) -> tuple[Envelope, bytes]:
    """Reads a structured-mode event.

    Args:
        document: the JSON text of one CloudEvent.

    Returns:
        The envelope and the payload bytes (the JSON text of ``data``, or ``data_base64`` decoded; empty when
        the event has neither).

    Raises:
        RejectedEventError: ``malformed_envelope`` when this is no JSON object, an attribute is no text, or a
            required attribute is missing.
    """
    try:
        members = _JSON_OBJECT.decode(document)
        data = members.pop("data", None)
        encoded = members.pop("data_base64", None)
        attributes = {name.lower(): _attribute(name, _ANY.decode(raw)) for name, raw in members.items()}
        envelope = _checked(attributes)
        if encoded is not None:
            text = msgspec.json.decode(encoded, type=str)
            return envelope, base64.b64decode(text, validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise RejectedEventError(Reason.MALFORMED_ENVELOPE, f"not a CloudEvent in structured mode: {error}") from None
    return envelope, b"" if data is None else bytes(data)


def to_structured(envelope: Envelope, body: bytes, **extensions: str) -> bytes:
    """Writes an event as one line of JSON in structured mode.

    A JSON body is embedded as it is, numbers digit for digit; anything else goes into ``data_base64``.

    Args:
        envelope: the attributes to write.
        body: payload bytes.
        **extensions: further context attributes (lower case letters and digits).
    """
    members: dict[str, Any] = {**envelope.attributes, **extensions}
    if body:
        try:
            # A negative indent drops the white space between tokens, newlines included.
            members["data"] = msgspec.Raw(msgspec.json.format(body, indent=-1))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            members["data_base64"] = base64.b64encode(body).decode("ascii")
    return msgspec.json.encode(members)


def format_time(timestamp: float) -> str:
    """Writes a Unix time in seconds as an RFC 3339 timestamp with microseconds, in UTC."""
    return datetime.fromtimestamp(timestamp, tz=UTC).isoformat(timespec="microseconds")


def parse_time(text: str) -> float:
    """Reads an RFC 3339 timestamp as Unix time in seconds.

    Raises:
        ValueError: when the text is no timestamp with an offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"timestamp {text!r} has no offset from UTC"
        raise ValueError(msg)
    return moment.timestamp()


def _attribute(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    msg = f"attribute {name!r} is neither text nor a whole number nor a boolean"
    raise ValueError(msg)


def _checked(attributes: dict[str, str]) -> Envelope:
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        raise RejectedEventError(
            Reason.MALFORMED_ENVELOPE,
            f"CloudEvents attribute missing or empty: {', '.join(missing)} (binary mode sends them as Ce-… headers)",
        )
    if attributes["specversion"] != "1.0":
        raise RejectedEventError(
            Reason.MALFORMED_ENVELOPE,
            f"CloudEvents specversion {attributes['specversion'][:20]!r} is not supported, send 1.0",
        )
    return Envelope(attributes)
