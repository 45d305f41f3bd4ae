"""Settings of the operator on one machine."""

from dataclasses import dataclass
from pathlib import Path

from drift_operator.errors import InputError
from drift_operator.resource.spec import DriftBreakerSpec


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What the command line says."""

    file: Path
    """The DriftBreaker's YAML."""
    routes_file: Path
    """Route file that Envoy watches."""
    backends: dict[str, str]
    """Address (`host:port`) of each backend, by its name in the spec; probes go there."""
    state_file: Path
    """Where the breaker's state is kept."""
    host: str
    """Address to listen on."""
    port: int
    """Port of `/status`, `/metrics` and `/healthz`."""
    record: Path | None
    """Where evidence and decisions are recorded, if anywhere."""
    envoy_admin: str | None
    """Base address of Envoy's admin interface, if it may be asked."""

    def require_backends(self, spec: DriftBreakerSpec) -> None:
        """Check that both backends of a spec have an address.

        Raises:
            InputError: One has none.
        """
        missing = [name for name in (spec.model.name, spec.fallback.name) if name not in self.backends]
        if missing:
            options = " ".join(f"--backend {name}=HOST:PORT" for name in missing)
            given = ", ".join(self.backends) or "none"
            raise InputError(f"no address of {' and '.join(missing)} (given: {given}); add {options}")


def parse_backend(text: str) -> tuple[str, str]:
    """Read `NAME=HOST:PORT`.

    Raises:
        ValueError: The text has another form.
    """
    name, equals, address = text.partition("=")
    host, colon, port = address.rpartition(":")
    if not (name and equals and host and colon and port.isdecimal() and 0 < int(port) <= 65535):  # noqa: PLR2004
        raise ValueError(f"{text!r} is not NAME=HOST:PORT, for example insurance-risk=127.0.0.1:9081")
    return name, address
