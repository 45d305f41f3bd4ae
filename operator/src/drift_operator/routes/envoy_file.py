"""Weights through a route file that Envoy watches (route discovery from the file system).

The file is an RDS DiscoveryResponse in JSON. Envoy must read it by `path_config_source` with a `watched_directory`,
under the route configuration's name `driftbreaker`, and must know a cluster of each backend's name.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_operator.atomic_files import replace_file
from drift_operator.errors import RouteError
from drift_operator.resource.spec import DriftBreakerSpec
from drift_operator.resource.vocabulary import Weights

ROUTE_CONFIGURATION = "driftbreaker"
_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_NEVER_SENT = "connect-failure,refused-stream,reset-before-request"


def route_configuration(spec: DriftBreakerSpec, weights: Weights) -> dict[str, Any]:
    """Envoy's RouteConfiguration for a spec and its weights, as JSON data.

    Both clusters are always listed, the one without traffic with weight 0. While the model carries no traffic, the
    spec's mirror copies requests to it. Timeouts are those of `spec.route.timeouts`; Envoy's own where it has none.

    Args:
        spec: Names the backends, the mirror and the timeouts.
        weights: Percent of traffic on each side.
    """
    action: dict[str, Any] = {
        "weighted_clusters": {
            "clusters": [
                {"name": spec.model.name, "weight": weights.model},
                {"name": spec.fallback.name, "weight": weights.fallback},
            ]
        },
        # Only requests that no backend has seen are tried again: none is answered, or logged, twice.
        "retry_policy": {"retry_on": _NEVER_SENT, "num_retries": 2},
    }
    timeouts = spec.route.timeouts
    if timeouts is not None and timeouts.request is not None:
        action["timeout"] = f"{timeouts.request:.3f}s"
    if timeouts is not None and timeouts.backend_request is not None:
        action["retry_policy"]["per_try_timeout"] = f"{timeouts.backend_request:.3f}s"
    if spec.mirror is not None and spec.mirror.percent and weights.model == 0:
        fraction = {"default_value": {"numerator": spec.mirror.percent, "denominator": "HUNDRED"}}
        action["request_mirror_policies"] = [{"cluster": spec.model.name, "runtime_fraction": fraction}]
    return {
        "@type": _TYPE,
        "name": ROUTE_CONFIGURATION,
        # A cluster that Envoy does not know would answer 503; this way Envoy keeps the route before it.
        "validate_clusters": True,
        "virtual_hosts": [
            {
                "name": ROUTE_CONFIGURATION,
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "route": action}],
            }
        ],
    }


@dataclass(frozen=True, slots=True)
class WrittenRoute:
    """What the file holds: Envoy reports the version once it is in force."""

    version: str
    configuration: dict[str, Any]


class RouteFile:
    """The route file.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = self._read()

    @property
    def version(self) -> str | None:
        """Version that the file holds; none before the first write."""
        return self._written.version if self._written else None

    def _read(self) -> WrittenRoute | None:
        try:
            response = json.loads(self._path.read_text(encoding="utf-8"))
            return WrittenRoute(str(response["version_info"]), response["resources"][0])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            # Whatever it is, the next write replaces it.
            return None

    def put(self, configuration: dict[str, Any]) -> bool:
        """Write a RouteConfiguration, unless the file holds it already.

        Envoy ignores a file whose routes are those in force, version or not, so writing them again would leave it
        reporting an older version.

        Returns:
            Whether the file was written.

        Raises:
            RouteError: The file cannot be written.
        """
        if self._written is not None and self._written.configuration == configuration:
            return False
        version = self._next_version()
        response = {"version_info": version, "resources": [configuration]}
        try:
            replace_file(self._path, json.dumps(response, indent=1) + "\n")
        except OSError as error:
            raise RouteError(f"the route file {self._path} cannot be written: {error}") from error
        self._written = WrittenRoute(version, configuration)
        return True

    def _next_version(self) -> str:
        """A version above the one before; milliseconds of Unix time, so that it rises even if the file was lost."""
        now = time.time_ns() // 1_000_000
        before = self._written.version if self._written else ""
        return str(max(now, int(before) + 1) if before.isdecimal() else now)
