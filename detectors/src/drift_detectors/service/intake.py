"""The intake: acknowledges events in constant time. It reads the envelope, never the rows."""

import time
from collections.abc import Mapping

import msgspec
from starlette.types import Message, Receive, Scope, Send

from drift_detectors.events.envelope import (
    BATCH_CONTENT_TYPE,
    STRUCTURED_CONTENT_TYPE,
    Envelope,
    from_headers,
    from_structured,
)
from drift_detectors.events.outcomes import EventType, Outcome, Reason, RejectedEventError
from drift_detectors.ledger import Ledger
from drift_detectors.service.queue import IntakeQueue, QueuedEvent
from drift_detectors.stream import StreamName

STATUS: Mapping[Reason, int] = {
    Reason.MALFORMED_ENVELOPE: 400,
    Reason.UNKNOWN_TYPE: 400,
    Reason.INCOMPLETE_BODY: 400,
    Reason.UNKNOWN_INFERENCE_SERVICE: 404,
    Reason.OVERSIZE: 413,
    Reason.UNSUPPORTED_CONTENT_MODE: 415,
}
"""HTTP status of what is rejected on arrival; everything found later, in the body, has been acknowledged."""

_SHED = 503
_ENVELOPE_BYTES = 64 * 1024
"""Room for the attributes of a structured-mode event beside its payload."""

_ACCEPTED: tuple[Message, Message] = (
    {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]},
    {"type": "http.response.body", "body": b""},
)


class Intake:
    """ASGI endpoint for ``POST /``.

    Args:
        name: the stream whose events are taken.
        ledger: the stream's ledger.
        unassigned: counts events that belong to no stream.
        queue: where accepted envelopes wait for the worker.
        body_bytes: largest payload.
    """

    def __init__(
        self, name: StreamName, ledger: Ledger, unassigned: Ledger, queue: IntakeQueue, *, body_bytes: int
    ) -> None:
        self._namespace = name.namespace
        self._members = frozenset(name.inference_services)
        self._ledger = ledger
        self._unassigned = unassigned
        self._queue = queue
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 202 when the event is in the queue, 503 when it was shed, or 4xx with the reason."""
        moment = round(time.time(), 6)
        kind, ledger = EventType.UNKNOWN, self._unassigned
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"").lower()
        try:
            if _is_structured(content_type):
                document = await _read(receive, self._body_bytes + _ENVELOPE_BYTES)
                envelope, body = from_structured(document)
                kind, ledger = self._assign(envelope)
                self._check(envelope)
                if len(body) > self._body_bytes:
                    raise _oversize(self._body_bytes)
            else:
                envelope = from_headers(scope["headers"])
                kind, ledger = self._assign(envelope)
                self._check(envelope)
                body = await _read(receive, self._body_bytes)
        except RejectedEventError as error:
            ledger.reject(kind, error.reason)
            await _answer(send, STATUS[error.reason], error.detail)
            return
        if self._queue.offer(QueuedEvent(envelope, body, moment)):
            await send(_ACCEPTED[0])
            await send(_ACCEPTED[1])
        else:
            ledger.count(kind, Outcome.SHED)
            await _answer(send, _SHED, "the detector is behind: event shed and counted", retry=True)

    def _assign(self, envelope: Envelope) -> tuple[EventType, Ledger]:
        return envelope.event_type, self._ledger if self._belongs(envelope) else self._unassigned

    def _belongs(self, envelope: Envelope) -> bool:
        return envelope.namespace == self._namespace and envelope.inference_service in self._members

    def _check(self, envelope: Envelope) -> None:
        if not self._belongs(envelope):
            raise RejectedEventError(
                Reason.UNKNOWN_INFERENCE_SERVICE,
                f"InferenceService {envelope.namespace[:80]}/{envelope.inference_service[:80]} belongs to no stream",
            )
        if envelope.event_type is EventType.UNKNOWN:
            raise RejectedEventError(
                Reason.UNKNOWN_TYPE, f"event type {envelope.attributes['type'][:80]!r} is not KServe's"
            )


def _is_structured(content_type: bytes) -> bool:
    if content_type.startswith(BATCH_CONTENT_TYPE.encode()):
        raise RejectedEventError(Reason.UNSUPPORTED_CONTENT_MODE, "batches are not supported: send events one by one")
    return content_type.startswith(STRUCTURED_CONTENT_TYPE.encode())


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RejectedEventError(Reason.INCOMPLETE_BODY, "the connection closed before the body was complete")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _oversize(limit)
        if chunk:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _oversize(limit: int) -> RejectedEventError:
    return RejectedEventError(Reason.OVERSIZE, f"the payload is larger than {limit} bytes")


async def _answer(send: Send, status: int, detail: str, *, retry: bool = False) -> None:
    body = msgspec.json.encode({"error": detail})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
