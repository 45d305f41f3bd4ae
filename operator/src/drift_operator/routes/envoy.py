"""Envoy as a data plane: weights written to its route file, and what its admin interface says of them."""

import asyncio
import time
from dataclasses import dataclass

from drift_operator.breaker import RouteReading
from drift_operator.errors import RouteError
from drift_operator.resource.spec import DriftBreakerSpec
from drift_operator.resource.vocabulary import Weights
from drift_operator.routes.envoy_admin import EnvoyAdmin
from drift_operator.routes.envoy_file import ROUTE_CONFIGURATION, RouteFile, route_configuration

_POLL_SECONDS = 0.002
_LONGEST_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DataPlaneReading:
    """What the data plane says of itself."""

    route: RouteReading | None
    """Whether the route written last is in force; None without an admin interface."""
    served_requests: float | None
    """Requests answered by both backends since Envoy started; None where it cannot be asked."""


class EnvoyDataPlane:
    """An Envoy that watches a route file.

    Args:
        file: The route file.
        admin: Its admin interface; without one nothing tells whether a route is in force.
    """

    def __init__(self, file: RouteFile, admin: EnvoyAdmin | None) -> None:
        self._file = file
        self._admin = admin

    def put(self, spec: DriftBreakerSpec, weights: Weights) -> bool:
        """Write the route, unless the file holds it already.

        Returns:
            Whether it was written.

        Raises:
            RouteError: The file cannot be written.
        """
        return self._file.put(route_configuration(spec, weights))

    async def time_to_effect(self) -> float | None:
        """Wait until the route just written is in force.

        Returns:
            Seconds since the call until Envoy reported it; None without an admin interface, when it does not answer,
            or when the route is not in force within a second.
        """
        if self._admin is None:
            return None
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < _LONGEST_WAIT_SECONDS:
            try:
                if await self._admin.route_version(ROUTE_CONFIGURATION) == self._file.version:
                    return time.perf_counter() - began
            except RouteError:
                return None
            await asyncio.sleep(max(_POLL_SECONDS, passed / 10))
        return None

    async def read(self, spec: DriftBreakerSpec) -> DataPlaneReading:
        """Ask Envoy which route is in force and how much it has served."""
        if self._admin is None:
            return DataPlaneReading(None, None)
        try:
            version = await self._admin.route_version(ROUTE_CONFIGURATION)
            served = await self._admin.served_requests((spec.model.name, spec.fallback.name))
        except RouteError as error:
            return DataPlaneReading(RouteReading(in_force=None, message=str(error)), None)
        written = self._file.version
        if version == written:
            reading = RouteReading(in_force=True, message=f"Envoy has version {written} in force")
        else:
            message = f"Envoy has {f'version {version}' if version else 'no version'} in force, not {written}"
            reading = RouteReading(in_force=False, message=message)
        return DataPlaneReading(reading, served)
