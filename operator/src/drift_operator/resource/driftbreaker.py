"""The whole resource, and reading it from YAML with errors that say what to write."""

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from drift_operator.errors import ResourceError
from drift_operator.resource.base import API_VERSION, KIND, ResourceModel
from drift_operator.resource.references import ObjectName
from drift_operator.resource.spec import DriftBreakerSpec


class Metadata(BaseModel):
    """What the operator needs of Kubernetes' object metadata; the rest is Kubernetes' own and ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: ObjectName
    namespace: ObjectName = "default"


class DriftBreaker(ResourceModel):
    """A DriftBreaker resource."""

    api_version: Literal["driftbreaker.dev/v1alpha1"]
    kind: Literal["DriftBreaker"]
    metadata: Metadata
    spec: DriftBreakerSpec
    status: dict[str, Any] | None = None
    """Ignored on reading: the operator keeps what it decided in its own state."""


def _place(location: tuple[int | str, ...]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return place.lstrip(".") or "the resource"


def _sentence(error: ErrorDetails) -> str:
    place = _place(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{place}: no such field; remove it or correct its name"
        case "missing":
            return f"{place}: required, but missing"
        case "value_error":
            return f"{place}: {error['ctx']['error']}"
        case "timezone_aware":
            return f"{place}: has no time zone; write one, for example '2027-01-31T00:00:00Z'"
        case _:
            return f"{place}: {error['msg']} (got {error['input']!r})"


def parse_driftbreaker(text: str, *, source: str) -> DriftBreaker:
    """Read one DriftBreaker from YAML (or JSON, which is YAML).

    Args:
        text: The document.
        source: What to call it in errors, usually the file's name.

    Returns:
        The validated resource.

    Raises:
        ResourceError: Not one YAML object, another kind, or a broken rule; every broken field is named with what to
            write instead.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ResourceError(f"{source}: not one YAML document: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ResourceError(f"{source}: no YAML object; write apiVersion: {API_VERSION}, kind: {KIND}, metadata, spec")
    if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        raise ResourceError(
            f"{source}: holds {document.get('kind')} of {document.get('apiVersion')}; "
            f"write apiVersion: {API_VERSION} and kind: {KIND}"
        )
    try:
        return DriftBreaker.model_validate(document)
    except ValidationError as error:
        problems = "\n".join(f"  {_sentence(detail)}" for detail in error.errors(include_url=False))
        raise ResourceError(f"{source}: not a valid DriftBreaker:\n{problems}") from error
