"""Admission: which events count at all. Probes, health checks and repeats end here."""

from collections import OrderedDict
from typing import TypeAlias

from drift_detectors.events.envelope import Envelope
from drift_detectors.events.outcomes import EventType, Outcome

PROBE_PREFIX = "driftbreaker-probe-"
"""Event ids of the operator's own requests start with this; they must change no window."""

_Key: TypeAlias = tuple[str, str, str, EventType]


class Admission:
    """Decides whether an event is a repeat or nothing to look at.

    KServe gives request and response of one call the same id and leaves the source alone, so an event is known by
    (namespace, InferenceService, id, type).

    Args:
        horizon: how many of the newest events are remembered; a repeat after that counts anew.
    """

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self._seen: OrderedDict[_Key, bool] = OrderedDict()

    def refuse(self, envelope: Envelope, body: bytes) -> Outcome | None:
        """Says why an event does not count.

        Returns:
            ``ignored`` for probes, for calls without a body (health checks, metadata) and for the answers to those;
            ``duplicate`` for a repeat; None for an event that is to be decoded.
        """
        if envelope.id.startswith(PROBE_PREFIX):
            return Outcome.IGNORED
        kind = envelope.event_type
        key = (envelope.namespace, envelope.inference_service, envelope.id, kind)
        if key in self._seen:
            self._seen.move_to_end(key)
            return Outcome.DUPLICATE
        empty = not body.strip() or self._answers_empty_request(envelope)
        self._seen[key] = empty
        if len(self._seen) > self._horizon:
            self._seen.popitem(last=False)
        return Outcome.IGNORED if empty else None

    def _answers_empty_request(self, envelope: Envelope) -> bool:
        request = (envelope.namespace, envelope.inference_service, envelope.id, EventType.REQUEST)
        return envelope.event_type is EventType.RESPONSE and self._seen.get(request, False)
