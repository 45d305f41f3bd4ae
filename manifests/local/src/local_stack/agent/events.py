"""The CloudEvents that KServe's agent sends, as HTTP headers and a body. Pure functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

REQUEST_TYPE = "org.kubeflow.serving.inference.request"
RESPONSE_TYPE = "org.kubeflow.serving.inference.response"


@dataclass(frozen=True)
class AgentIdentity:
    """What an agent knows of the pod that it runs in."""

    inference_service: str
    namespace: str
    source: str
    """The agent's own URL: KServe's agent cannot name its pod either."""
    metadata_headers: tuple[str, ...] = ("X-Request-Id",)
    """Request headers that are copied into `Ce-Metadata` (`logger.metadataHeaders` of the InferenceService)."""


@dataclass(frozen=True)
class PayloadEvent:
    """One event, ready to be sent except for the time of sending."""

    headers: Mapping[str, str]
    body: bytes


def rfc3339(moment: float) -> str:
    """`moment` (seconds since the epoch) as an RFC 3339 timestamp in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def metadata_of(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The `Ce-Metadata` value: a JSON object of header name to list of values, `{}` where none is present.

    Args:
        headers: the request's headers, looked up without regard to case by the mapping itself.
        names: the headers to copy.
    """
    return json.dumps({name: [headers[name]] for name in names if name in headers}, separators=(",", ":"))


def payload_event(
    identity: AgentIdentity,
    *,
    event_type: str,
    event_id: str,
    happened: float,
    metadata: str,
    content_type: str | None,
    body: bytes,
) -> PayloadEvent:
    """One binary-mode CloudEvent as KServe's agent writes it.

    Args:
        identity: the agent.
        event_type: `REQUEST_TYPE` or `RESPONSE_TYPE`.
        event_id: the same for a request and its response.
        happened: arrival of the request or completion of the response, seconds since the epoch.
        metadata: the `Ce-Metadata` value.
        content_type: of the request, on both events, as KServe does; None where the request had none.
        body: the raw payload.
    """
    headers = {
        "Ce-Specversion": "1.0",
        "Ce-Id": event_id,
        "Ce-Type": event_type,
        "Ce-Source": identity.source,
        "Ce-Time": rfc3339(happened),
        "Ce-Inferenceservicename": identity.inference_service,
        "Ce-Namespace": identity.namespace,
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": metadata,
    }
    if content_type is not None:
        headers["Content-Type"] = content_type
    return PayloadEvent(headers, body)
