"""Typed settings of the stack, read from `stack.yaml`."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from local_stack.errors import UsageError

REPOSITORY = Path(__file__).resolve().parents[5]
"""The checkout: rooms, their environments and the build folder are found from here."""

LOCAL_FOLDER = REPOSITORY / "manifests" / "local"


class Ports(BaseModel):
    """TCP ports, all different."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    front: int = Field(ge=1, le=65535)
    """Envoy's listener: V2 REST for clients."""
    detector: int = Field(ge=1, le=65535)
    """The detector: CloudEvents, API, report page and metrics."""
    operator: int = Field(ge=1, le=65535)
    """The breaker's status and metrics."""
    model_grpc: int = Field(ge=1, le=65535)
    """V2 gRPC of the model's predictor."""
    rules_grpc: int = Field(ge=1, le=65535)
    """V2 gRPC of the rules' predictor."""
    model_http: int = Field(ge=1, le=65535)
    """V2 REST of the model's predictor, behind its agent."""
    rules_http: int = Field(ge=1, le=65535)
    """V2 REST of the rules' predictor, behind its agent."""
    model_agent: int = Field(ge=1, le=65535)
    """The stand-in for KServe's agent in front of the model."""
    rules_agent: int = Field(ge=1, le=65535)
    """The stand-in for KServe's agent in front of the rules."""
    envoy_admin: int = Field(ge=1, le=65535)
    """Envoy's administration interface (statistics, configuration in force)."""

    @model_validator(mode="after")
    def _all_different(self) -> "Ports":
        seen: dict[int, str] = {}
        for name, port in self.model_dump().items():
            if port in seen:
                msg = f"ports '{seen[port]}' and '{name}' are both {port}: give each its own"
                raise ValueError(msg)
            seen[port] = name
        return self


class StackSettings(BaseModel):
    """The stack as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    """The address that everything listens on."""
    ports: Ports
    model: str
    """V2 model name; also the model's InferenceService and the stream's name."""
    rules: str
    """InferenceService of the rule-based fallback."""
    namespace: str
    """Namespace that the events name."""

    def url(self, port: str) -> str:
        """The base URL of the port called `port`, for example `front`."""
        return f"http://{self.host}:{getattr(self.ports, port)}"


def read_settings(overrides: Iterable[str] = (), file: Path | None = None) -> StackSettings:
    """Read `stack.yaml` and apply `NAME=NUMBER` port overrides.

    Raises:
        UsageError: the file or an override is not valid; the message names it.
    """
    file = file or LOCAL_FOLDER / "stack.yaml"
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"cannot read the settings {file}: {error}") from error
    for override in overrides:
        name, equals, number = override.partition("=")
        if not equals or name not in Ports.model_fields or not number.isdigit():
            known = ", ".join(Ports.model_fields)
            raise UsageError(f"--port {override}: write NAME=NUMBER with a name of {known}")
        values["ports"][name] = int(number)
    try:
        return StackSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the stack's settings are not valid: {where or file.name}: {first['msg']}") from error
