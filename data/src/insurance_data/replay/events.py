"""The request event that KServe's agent sends for an inference request. Pure functions."""

from dataclasses import dataclass
from datetime import UTC, datetime

REQUEST_TYPE = "org.kubeflow.serving.inference.request"

AGENT_SOURCE = "http://localhost:9081/"
"""Every agent in a Deployment calls itself so: it does not know its pod's name."""


@dataclass(frozen=True)
class EventOrigin:
    """The InferenceService that the events claim to come from."""

    inference_service: str
    namespace: str
    component: str = "predictor"


def timestamp(moment: datetime) -> str:
    """A moment as Go writes it in RFC 3339: UTC, `Z`, no trailing zeros in the fraction of a second."""
    whole, _, fraction = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def request_event_headers(
    origin: EventOrigin, *, event_id: str, arrived: datetime, recorded: datetime
) -> dict[str, str]:
    """The headers of a CloudEvent in HTTP binary mode, exactly those of KServe's agent; the body is the V2 request.

    Args:
        origin: where the event claims to come from.
        event_id: the `Ce-Id` that the client of the model would have sent.
        arrived: when the request reached the agent.
        recorded: when the agent sends the event.
    """
    return {
        "Ce-Specversion": "1.0",
        "Ce-Id": event_id,
        "Ce-Type": REQUEST_TYPE,
        "Ce-Source": AGENT_SOURCE,
        "Ce-Time": timestamp(arrived),
        "Ce-Recordedtime": timestamp(recorded),
        "Ce-Inferenceservicename": origin.inference_service,
        "Ce-Namespace": origin.namespace,
        "Ce-Component": origin.component,
        "Ce-Endpoint": "",
        "Ce-Metadata": "{}",
        "Content-Type": "application/json",
    }
