"""Settings of a predictor's server."""

from pydantic import BaseModel, ConfigDict, Field


class ServerSettings(BaseModel):
    """Where and how a predictor is served."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str = Field(min_length=1)
    """Name of the model in the V2 paths."""
    host: str = "127.0.0.1"
    """Address that HTTP and gRPC listen on; 0.0.0.0 for every interface."""
    http_port: int = Field(ge=0, le=65535)
    """Port of HTTP; 0 takes a free one."""
    grpc_port: int = Field(ge=0, le=65535)
    """Port of gRPC; 0 takes a free one."""
    docs: bool = False
    """Whether KServe's OpenAPI page is served at /docs."""
    grace_period: int = Field(default=30, ge=0)
    """Seconds that requests in flight get to finish after a signal to stop."""
