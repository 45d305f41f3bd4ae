"""Where traffic enters and where it goes: the route and the two backends."""

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from drift_operator.resource.base import ResourceModel
from drift_operator.resource.durations import PositiveDuration

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


class ParentReference(ResourceModel):
    """A Gateway that the route attaches to (Gateway API ParentReference)."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: ObjectName | None = None
    """Namespace of the Gateway; the resource's own when left out."""
    group: str = "gateway.networking.k8s.io"
    """API group of the parent."""
    kind: str = "Gateway"
    """Kind of the parent."""
    section_name: str | None = None
    """Listener of the Gateway; all of them when left out."""
    port: Port | None = None
    """Port of the Gateway; all of them when left out."""


class RouteReference(ResourceModel):
    """An HTTPRoute that exists already, in the resource's namespace."""

    name: ObjectName
    """Name of the HTTPRoute."""


class RouteTimeouts(ResourceModel):
    """Time limits of the route (Gateway API HTTPRouteTimeouts)."""

    request: PositiveDuration | None = None
    """Longest time for a whole request, as the client sees it."""
    backend_request: PositiveDuration | None = None
    """Longest time for one try at a backend; not longer than `request`."""

    @model_validator(mode="after")
    def _backend_within_request(self) -> Self:
        if self.request is not None and self.backend_request is not None and self.backend_request > self.request:
            raise ValueError("backendRequest is longer than request; write one that is not longer")
        return self


class Route(ResourceModel):
    """The HTTPRoute whose weights move: one that the operator creates and owns, or one of the user's own.

    Exactly one of `parentRefs` and `ref` is given.
    """

    parent_refs: Annotated[tuple[ParentReference, ...], Field(min_length=1, max_length=32)] | None = None
    """Gateways that the operator's own route attaches to."""
    hostnames: Annotated[tuple[str, ...], Field(max_length=16)] = ()
    """Host names of the operator's own route; all that the Gateway's listener takes when empty."""
    matches: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=64)] = ()
    """Gateway API HTTPRouteMatch objects; every request when empty."""
    filters: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=16)] = ()
    """Gateway API HTTPRouteFilter objects, kept as they are."""
    timeouts: RouteTimeouts | None = None
    """Time limits; the Gateway's own when left out."""
    ref: RouteReference | None = None
    """A route of the user's own: only its weights are changed."""

    @model_validator(mode="after")
    def _owned_or_referenced(self) -> Self:
        if self.ref is not None and self.parent_refs is not None:
            raise ValueError(
                "parentRefs and ref exclude each other; write parentRefs for a route that the operator creates and "
                "owns, or ref: {name: ...} for a route of your own"
            )
        if self.ref is None and self.parent_refs is None:
            raise ValueError(
                "the route is missing; write parentRefs: [{name: ..., namespace: ...}] for a route that the operator "
                "creates and owns, or ref: {name: ...} for a route of your own"
            )
        if self.ref is not None and (self.hostnames or self.matches or self.filters or self.timeouts):
            raise ValueError(
                "a route named by ref keeps its own hostnames, matches, filters and timeouts; "
                "remove them here and write them in that HTTPRoute"
            )
        return self


class Backend(ResourceModel):
    """One side of the traffic: an InferenceService of KServe or any Service. Exactly one of them is given."""

    inference_service: ObjectName | None = None
    """Name of an InferenceService; traffic goes to its predictor's Service, port 80."""
    service: ObjectName | None = None
    """Name of a Service, for a backend that KServe does not run."""
    port: Port | None = None
    """Port of the Service, 80 when left out; only with `service`."""

    @model_validator(mode="after")
    def _one_backend(self) -> Self:
        if (self.inference_service is None) == (self.service is None):
            raise ValueError("write either inferenceService: NAME or service: NAME (with port: NUMBER), not both")
        if self.inference_service is not None and self.port is not None:
            raise ValueError("port belongs to service; an inferenceService is reached at its predictor's port 80")
        return self

    @property
    def name(self) -> str:
        """Name of the InferenceService or Service, which is also the backend's name in routes and messages."""
        return str(self.inference_service or self.service)
