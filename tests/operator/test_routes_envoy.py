"""The route file against the real Envoy."""

import asyncio
import statistics
import time

import aiohttp
import httpx
import pytest

from drift_operator.errors import RouteError
from drift_operator.resource.vocabulary import Weights
from drift_operator.routes.envoy import EnvoyDataPlane
from drift_operator.routes.envoy_admin import EnvoyAdmin
from drift_operator.routes.envoy_file import RouteFile

CLIENTS = 4
FLIPS = 40
EFFECT_SECONDS = 0.1


class Load:
    """Steady requests, with the side and the times of every answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._going = True
        self.failures: list[str] = []
        self.answers: list[tuple[float, float, str]] = []

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while self._going:
            sent = time.perf_counter()
            try:
                async with session.post(self._url, data=b"{}") as response:
                    await response.read()
                    if response.status == 200:
                        side = response.headers["x-served-by"]
                        self.answers.append((sent, time.perf_counter(), side))
                    else:
                        self.failures.append(f"status {response.status}")
            except aiohttp.ClientError as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.001)

    async def run(self, during):
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(self._client(session))
            await during()
            self._going = False


@pytest.fixture
async def plane(envoy):
    async with httpx.AsyncClient() as client:
        yield EnvoyDataPlane(RouteFile(envoy.routes), EnvoyAdmin(client, envoy.admin))


async def served_by(envoy, requests=200):
    async with aiohttp.ClientSession() as session:
        counts = {"risk": 0, "risk-rules": 0}
        for _ in range(requests):
            async with session.post(envoy.url, data=b"{}") as response:
                assert response.status == 200
                counts[response.headers["x-served-by"]] += 1
    return counts


async def test_flips_under_load_lose_nothing_and_act_at_once(envoy, plane, backends, make_spec):
    spec = make_spec()
    plane.put(spec, Weights.with_model(100))
    await envoy.start()
    flips = []
    effects = []

    async def flip_to_and_fro():
        await asyncio.sleep(0.2)
        for number in range(FLIPS):
            percent = 0 if number % 2 == 0 else 100
            began = time.perf_counter()
            assert plane.put(spec, Weights.with_model(percent))
            flips.append((began, "risk-rules" if percent == 0 else "risk"))
            effects.append(await plane.time_to_effect())
            await asyncio.sleep(0.1)

    load = Load(envoy.url)
    await load.run(flip_to_and_fro)
    assert load.failures == []
    assert None not in effects
    assert backends.answered["risk"] + backends.answered["risk-rules"] == len(load.answers)
    first_new = []
    last_old = []
    ends = [began for began, _ in flips[1:]] + [time.perf_counter()]
    for (began, side), end in zip(flips, ends, strict=True):
        later = [(sent, got, by) for sent, got, by in load.answers if began <= sent and got < end]
        first_new.append(min(got for _, got, by in later if by == side) - began)
        last_old.append(max((sent for sent, _, by in later if by != side), default=began) - began)
    figures = {
        "requests": len(load.answers),
        "lost": len(load.failures),
        "flips": FLIPS,
        "in force, median ms": round(1000 * statistics.median(effects), 1),
        "in force, max ms": round(1000 * max(effects), 1),
        "first new answer, median ms": round(1000 * statistics.median(first_new), 1),
        "last request to the old side sent, max ms": round(1000 * max(last_old), 1),
    }
    print(figures)  # noqa: T201 (the figures are what one runs this for)
    assert statistics.median(effects) < EFFECT_SECONDS, figures
    assert statistics.median(first_new) < EFFECT_SECONDS, figures


async def test_the_share_of_each_side_is_its_weight(envoy, plane, make_spec):
    spec = make_spec()
    plane.put(spec, Weights.with_model(10))
    await envoy.start()
    counts = await served_by(envoy, requests=1000)
    # 1,000 draws at .1: standard deviation 9.5, so 5 of them on either side.
    assert 52 <= counts["risk"] <= 148
    plane.put(spec, Weights.with_model(100))
    await plane.time_to_effect()
    assert await served_by(envoy, requests=50) == {"risk": 50, "risk-rules": 0}


async def test_what_envoy_reports(envoy, plane, make_spec):
    spec = make_spec()
    plane.put(spec, Weights.with_model(100))
    before = await plane.read(spec)
    assert (before.route.in_force, before.served_requests) == (None, None)
    await envoy.start()
    await served_by(envoy, requests=20)
    reading = await plane.read(spec)
    assert reading.route.in_force is True
    # The look for a listening Envoy asks the model for a path that it answers with 404.
    assert 20 <= reading.served_requests <= 25
    file = RouteFile(envoy.routes)
    assert file.version in reading.route.message


async def test_a_route_that_envoy_refuses_is_not_in_force(envoy, plane, make_spec):
    spec = make_spec()
    plane.put(spec, Weights.with_model(100))
    await envoy.start()
    missing = make_spec(fallback={"inferenceService": "unknown-cluster"})
    plane.put(missing, Weights.with_model(0))
    assert await plane.time_to_effect() is None
    reading = await plane.read(missing)
    assert reading.route.in_force is False
    assert (await served_by(envoy, requests=10))["risk"] == 10


async def test_copies_reach_the_benched_model_and_no_client(envoy, plane, backends, make_spec):
    spec = make_spec(mirror={"percent": 100})
    plane.put(spec, Weights.with_model(0))
    await envoy.start()
    copies = backends.answered["risk"]
    assert await served_by(envoy, requests=30) == {"risk": 0, "risk-rules": 30}
    async with asyncio.timeout(5):
        while backends.answered["risk"] < copies + 30:
            await asyncio.sleep(0.01)


async def test_an_admin_interface_that_is_not_there_is_named(free_port):
    async with httpx.AsyncClient() as client:
        with pytest.raises(RouteError, match="config_dump gives no answer"):
            await EnvoyAdmin(client, f"http://127.0.0.1:{free_port()}").route_version("driftbreaker")
