"""Envoy's configuration on one machine.

Listener and clusters are static; the routes come from a file that the operator replaces by rename (route discovery from
the file system with a watched directory), which stands for the HTTPRoute of a cluster.
"""

from pathlib import Path
from typing import Any

from local_stack.stack.settings import StackSettings

CONNECTION_MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
ROUTE_CONFIGURATION = "driftbreaker"


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _cluster(name: str, host: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def bootstrap(settings: StackSettings, routes_file: Path) -> dict[str, Any]:
    """Envoy's bootstrap configuration: a pure function of the settings.

    Args:
        settings: host, ports and names; the clusters are called as the InferenceServices.
        routes_file: the route file that the operator writes.

    Returns:
        The configuration as plain data, ready to be written as JSON.
    """
    ports = settings.ports
    manager = {
        "@type": CONNECTION_MANAGER,
        "stat_prefix": "front",
        "generate_request_id": True,
        "rds": {
            "route_config_name": ROUTE_CONFIGURATION,
            "config_source": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": str(routes_file),
                    "watched_directory": {"path": str(routes_file.parent)},
                },
            },
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
    }
    listener = {
        "name": "front",
        "address": _address(settings.host, ports.front),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {
        "node": {"id": "driftbreaker-local", "cluster": "driftbreaker-local"},  # route discovery demands them
        "admin": {"address": _address(settings.host, ports.envoy_admin)},
        "static_resources": {
            "listeners": [listener],
            "clusters": [
                _cluster(settings.model, settings.host, ports.model_agent),
                _cluster(settings.rules, settings.host, ports.rules_agent),
            ],
        },
    }
