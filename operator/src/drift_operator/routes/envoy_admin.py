"""What Envoy says of itself through its admin interface: the routes in force and the requests served."""

from typing import Any

import httpx

from drift_operator.errors import RouteError


class EnvoyAdmin:
    """An Envoy's admin interface.

    Args:
        client: Used for the requests.
        url: Base address, for example `http://127.0.0.1:9901`.
    """

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")

    async def route_version(self, name: str) -> str | None:
        """Version of a dynamic route configuration that is in force; None when Envoy has none of that name.

        Raises:
            RouteError: Envoy did not answer.
        """
        dump = await self._get("/config_dump", {"resource": "dynamic_route_configs"})
        for entry in dump.get("configs", []):
            if entry.get("route_config", {}).get("name") == name:
                return str(entry.get("version_info", ""))
        return None

    async def served_requests(self, clusters: tuple[str, ...]) -> float:
        """Requests that clusters have answered since Envoy started, copies for mirroring included.

        Raises:
            RouteError: Envoy did not answer.
        """
        answer = await self._get("/stats", {"filter": r"^cluster\..*\.upstream_rq_completed$", "format": "json"})
        wanted = {f"cluster.{cluster}.upstream_rq_completed" for cluster in clusters}
        return float(sum(stat["value"] for stat in answer.get("stats", []) if stat.get("name") in wanted))

    async def _get(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        url = f"{self._url}{path}"
        try:
            response = await self._client.get(url, params=parameters)
            body: dict[str, Any] = response.raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise RouteError(f"Envoy's {url} gives no answer: {error or type(error).__name__}") from error
        return body
