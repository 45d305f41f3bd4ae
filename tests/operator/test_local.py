"""`drift-operator local` as a process: a scripted detector, two backends and the real Envoy around it."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sysconfig
import time

import aiohttp
import httpx
import pytest
import yaml
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = shutil.which("drift-operator", path=sysconfig.get_path("scripts"))
TENSOR = {"name": "age", "shape": [1], "datatype": "FP64", "data": [35.0]}
SPEC = {
    "route": {"parentRefs": [{"name": "envoy"}]},
    "model": {"inferenceService": "risk"},
    "fallback": {"inferenceService": "risk-rules"},
    "signal": {"stream": "risk", "interval": "50ms", "staleAfter": "2s"},
    "probe": {"model": "risk", "request": {"inputs": [TENSOR]}, "interval": "100ms", "timeout": "1s"},
    "recover": {"streak": 2, "dwell": "300ms", "steps": [10, 50, 100], "stepDuration": "100ms"},
    "flapLimit": {"switches": 20, "per": "1h"},
    "mode": "Enforce",
}


class ScriptedDetector:
    """A real `/metrics`, whose windows the test closes."""

    def __init__(self) -> None:
        self.sequence = self.drift = self.clear = 0
        self.verdict = ""
        self.time = 0.0
        self.events = 1

    def close_window(self, verdict: str) -> None:
        self.sequence, self.verdict, self.time = self.sequence + 1, verdict, time.time()
        self.drift = self.drift + 1 if verdict == "drift" else 0
        self.clear = self.clear + 1 if verdict == "clear" else 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        own = 'isvc_namespace="default",stream="risk"'
        lines = [
            f"drift_window_sequence{{{own}}} {self.sequence}",
            f'drift_events_total{{{own},type="request",outcome="accepted"}} {self.events}',
            f'drift_streak{{{own},verdict="drift"}} {self.drift}',
            f'drift_streak{{{own},verdict="clear"}} {self.clear}',
        ]
        lines += [
            f'drift_verdict{{{own},verdict="{verdict}"}} {int(verdict == self.verdict)}'
            for verdict in ("drift", "suspect", "clear", "undecided")
        ]
        if self.sequence:
            lines.append(f"drift_last_window_timestamp_seconds{{{own}}} {self.time!r}")
        return web.Response(text="\n".join(lines) + "\n")


class Stand:
    """The operator's process and everything that it needs."""

    def __init__(self, folder, detector, backends, envoy, port) -> None:
        self.folder, self.detector, self.backends, self.envoy = folder, detector, backends, envoy
        self.url = f"http://127.0.0.1:{port}"
        self.file = folder / "driftbreaker.yaml"
        self.state_file = folder / "state.json"
        self.recording = folder / "evidence.jsonl"
        self.log = folder / "operator.log"
        self.spec = json.loads(json.dumps(SPEC))
        self.spec["signal"]["detector"] = {"url": detector.url}
        self.edit()
        self.command = [
            *(PROGRAM, "local", "--file", self.file, "--routes-file", envoy.routes),
            *("--backend", f"risk=127.0.0.1:{backends.ports['risk']}"),
            *("--backend", f"risk-rules=127.0.0.1:{backends.ports['risk-rules']}"),
            *("--state-file", self.state_file, "--port", str(port), "--record", self.recording),
            *("--envoy-admin", envoy.admin),
        ]
        self.process = None
        self.client = httpx.AsyncClient()

    def edit(self, **changes) -> None:
        self.spec = {key: value for key, value in {**self.spec, **changes}.items() if value is not None}
        resource = {
            "apiVersion": "driftbreaker.dev/v1alpha1",
            "kind": "DriftBreaker",
            "metadata": {"name": "risk"},
            "spec": self.spec,
        }
        self.file.write_text(yaml.safe_dump(resource))

    async def start(self, *options) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *map(str, [*self.command, *options]), stdout=log, stderr=log
            )

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        self.process.terminate()
        async with asyncio.timeout(10):
            return await self.process.wait()

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()
        await self.client.aclose()

    async def status(self):
        return (await self.client.get(f"{self.url}/status")).raise_for_status().json()

    async def until(self, wanted, what=None):
        """Ask for the status until it is the wanted one."""
        seen = None
        try:
            async with asyncio.timeout(15):
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        seen = await self.status()
                        if wanted(seen):
                            return seen
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{what or 'the status'} never came; last: {seen}; log:\n{self.log.read_text()}")

    async def until_phase(self, phase):
        return await self.until(lambda seen: seen["phase"] == phase, f"phase {phase}")

    async def close_window(self, verdict, times=1):
        """Close windows one by one, each seen by the operator."""
        for _ in range(times):
            self.detector.close_window(verdict)
            sequence = self.detector.sequence
            seen = await self.until(lambda seen, wanted=sequence: seen["sequence"] == wanted, f"window {sequence}")
        return seen

    def weights_in_route_file(self):
        route = json.loads(self.envoy.routes.read_text())["resources"][0]["virtual_hosts"][0]["routes"][0]
        return {one["name"]: one["weight"] for one in route["route"]["weighted_clusters"]["clusters"]}

    async def replay(self):
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "replay", self.recording, "--json"), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return process.returncode, json.loads(output)


@pytest.fixture
async def detector():
    scripted = ScriptedDetector()
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest.fixture
async def stand(tmp_path, detector, backends, envoy, free_port):
    running = Stand(tmp_path, detector, backends, envoy, free_port())
    yield running
    await running.close()


class Load:
    """Steady requests through Envoy, and the side that answered each."""

    def __init__(self, url) -> None:
        self.url, self.going, self.failures, self.sides = url, True, [], []

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            while self.going:
                async with session.post(self.url, data=b"{}") as response:
                    await response.read()
                    if response.status == 200:
                        self.sides.append(response.headers["x-served-by"])
                    else:
                        self.failures.append(response.status)
                await asyncio.sleep(0.002)


class TestTheLoop:
    async def test_it_trips_and_returns_without_losing_a_request(self, stand, envoy, backends):
        await stand.start()
        await stand.until_phase("Learning")
        await envoy.start()
        load = Load(envoy.url)
        sides = load.sides
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run())
            await stand.close_window("clear", times=2)
            status = await stand.until_phase("Healthy")
            assert status["weights"] == {"model": 100, "fallback": 0}
            before = len(sides)
            await stand.close_window("drift")
            status = await stand.until_phase("Fallback")
            assert status["weights"] == {"model": 0, "fallback": 100}
            await stand.until(lambda seen: "in force" in str(seen["conditions"]))
            await asyncio.sleep(0.1)
            moved = len(sides)
            await asyncio.sleep(0.1)
            assert set(sides[:before]) == {"risk"}
            assert set(sides[moved:]) == {"risk-rules"}
            weights = [0]
            for _ in range(40):
                status = await stand.close_window("clear")
                if status["weights"]["model"] != weights[-1]:
                    weights.append(status["weights"]["model"])
                if status["phase"] == "Healthy":
                    break
                await asyncio.sleep(0.06)
            assert weights == [0, 10, 50, 100]
            load.going = False
        assert load.failures == []
        assert backends.answered["risk"] + backends.answered["risk-rules"] == len(sides)
        assert [(one["from"], one["to"], one["reason"]) for one in status["switches"]] == [
            ("model", "fallback", "DriftConfirmed"),
            ("fallback", "model", "ClearConfirmed"),
        ]
        assert status["switches"][0]["sequence"] == 3
        await self.check_metrics(stand)
        assert await stand.stop() == 0
        code, report = await stand.replay()
        assert (code, report["differences"]) == (0, [])
        assert [one["reason"] for one in report["switches"]] == ["DriftConfirmed", "ClearConfirmed"]
        moves = [line for line in stand.log.read_text().splitlines() if "traffic on the model moves" in line]
        assert len(moves) == 4
        assert len(stand.log.read_text().splitlines()) < 30

    async def check_metrics(self, stand):
        response = await stand.client.get(f"{stand.url}/metrics")
        samples = {
            (
                sample.name,
                *sorted(value for key, value in sample.labels.items() if key not in {"name", "le"}),
            ): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }
        assert samples["driftbreaker_phase", "Healthy", "default"] == 1
        assert samples["driftbreaker_phase", "Fallback", "default"] == 0
        assert samples["driftbreaker_weight", "default", "model"] == 100
        assert samples["driftbreaker_weight", "default", "fallback"] == 0
        assert samples["driftbreaker_switches_total", "DriftConfirmed", "default", "fallback", "model"] == 1
        assert samples["driftbreaker_decisions_total", "Trip", "default"] == 1
        assert samples["driftbreaker_decisions_total", "Step", "default"] == 1
        assert samples["driftbreaker_decisions_total", "Hold", "default"] > 5
        assert 0 <= samples["driftbreaker_signal_age_seconds", "default"] < 1
        assert samples["driftbreaker_route_effect_seconds_count", "default"] == 4

    async def test_a_fallback_that_does_not_answer_gets_no_traffic(self, stand, backends):
        backends.failing.add("risk-rules")
        await stand.start()
        await stand.close_window("drift", times=3)
        status = await stand.until(lambda seen: seen["reason"] == "FallbackNotAnswering")
        assert (status["phase"], status["weights"]["model"]) == ("Suspect", 100)
        backends.failing.clear()
        await stand.until_phase("Fallback")

    async def test_the_fallback_is_probed_at_the_moment_of_the_switch(self, stand, backends):
        stand.edit(probe={**SPEC["probe"], "interval": "1h"})
        await stand.start()
        await stand.close_window("clear")
        await stand.until(lambda seen: "ProbeAnswered" in str(seen["conditions"]))
        backends.failing.add("risk-rules")
        status = await stand.close_window("drift")
        assert (status["phase"], status["weights"]["model"]) == ("Suspect", 100)

    async def test_a_model_that_does_not_answer_is_left(self, stand, backends):
        await stand.start()
        await stand.close_window("clear")
        await stand.until(lambda seen: "ProbeAnswered" in str(seen["conditions"]))
        backends.failing.add("risk")
        status = await stand.until_phase("Fallback")
        assert status["switches"][-1]["reason"] == "ModelNotAnswering"

    async def test_requests_without_events_are_a_lost_signal(self, stand, envoy):
        stand.edit(onSignalLoss="Fallback", signal={**stand.spec["signal"], "staleAfter": "500ms"})
        stand.detector.close_window("clear")
        await stand.start()
        await stand.until_phase("Healthy")
        await envoy.start()
        load = Load(envoy.url)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run())
            for _ in range(20):
                stand.detector.events += 10
                await asyncio.sleep(0.05)
            assert (await stand.status())["phase"] == "Healthy"
            status = await stand.until_phase("Fallback")
            load.going = False
        assert status["switches"][-1]["reason"] == "SignalLost"
        assert "NoEvents" in {condition["reason"] for condition in status["conditions"]}

    async def test_without_requests_it_is_idle(self, stand, envoy):
        stand.edit(onSignalLoss="Fallback", signal={**stand.spec["signal"], "staleAfter": "200ms"})
        stand.detector.close_window("clear")
        await stand.start()
        await stand.until_phase("Healthy")
        await envoy.start()
        await asyncio.sleep(1)
        assert (await stand.status())["phase"] == "Healthy"

    async def test_a_detector_that_is_gone_is_a_lost_signal(self, stand, detector):
        stand.edit(onSignalLoss="Fallback", signal={**stand.spec["signal"], "staleAfter": "500ms"})
        detector.close_window("clear")
        await stand.start()
        await stand.until_phase("Healthy")
        await detector.stop()
        status = await stand.until_phase("Fallback")
        assert status["switches"][-1]["reason"] == "SignalLost"
        assert status["signal_age_seconds"] >= 0.5
        (condition,) = [one for one in status["conditions"] if one["type"] == "SignalAvailable"]
        assert (condition["status"], condition["reason"]) == ("False", "SignalUnreadable")
        assert "could not be reached" in condition["message"]


class TestKillAndResume:
    async def test_a_kill_on_the_fallback_loses_no_dwell_and_switches_once(self, stand):
        stand.edit(recover={**SPEC["recover"], "dwell": "3s"})
        await stand.start()
        await stand.close_window("drift")
        before = await stand.until_phase("Fallback")
        tripped = time.monotonic()
        await stand.kill()
        stand.detector.close_window("clear")
        stand.detector.close_window("clear")
        await stand.start()
        after = await stand.until_phase("Fallback")
        assert after["switches"] == before["switches"]
        assert after["last_switch_time"] == before["last_switch_time"]
        await stand.until_phase("Recovering")
        assert 2.5 < time.monotonic() - tripped < 8
        await stand.stop()
        code, report = await stand.replay()
        assert (code, len(report["switches"])) == (0, 1)

    async def test_a_kill_between_state_and_route_is_made_good_at_the_start(self, stand):
        await stand.start()
        await stand.close_window("drift")
        await stand.until_phase("Fallback")
        await stand.kill()
        stale = stand.envoy.routes.read_text().replace('"weight": 100', '"weight": 7')
        stand.envoy.routes.write_text(stale)
        assert stand.weights_in_route_file() == {"risk": 0, "risk-rules": 7}
        await stand.start()
        status = await stand.until_phase("Fallback")
        assert stand.weights_in_route_file() == {"risk": 0, "risk-rules": 100}
        assert len(status["switches"]) == 1

    async def test_kills_at_any_moment_never_switch_twice(self, stand):
        chance = random.Random(4711)
        stand.edit(recover={"streak": 1, "dwell": "0s", "steps": [100], "stepDuration": "0s"})
        verdicts = itertools.cycle(["drift", "clear"])
        await stand.start()
        for _ in range(8):
            await stand.until(lambda seen: seen is not None)
            stand.detector.close_window(next(verdicts))
            await asyncio.sleep(chance.uniform(0, 0.15))
            await stand.kill()
            await stand.start()
        status = await stand.close_window("drift")
        assert status["weights"]["fallback"] == 100
        sides = [one["to"] for one in status["switches"]]
        assert all(one != other for one, other in itertools.pairwise(sides)), sides
        assert stand.weights_in_route_file() == {"risk": 0, "risk-rules": 100}
        await stand.stop()
        code, report = await stand.replay()
        assert (code, report["differences"]) == (0, [])
        assert [one["to"] for one in report["switches"]] == sides


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it_with_exit_code_0_and_leaves_the_route(self, stand, number):
        await stand.start()
        await stand.close_window("drift")
        await stand.until_phase("Fallback")
        route = stand.envoy.routes.read_text()
        stand.process.send_signal(number)
        async with asyncio.timeout(5):
            assert await stand.process.wait() == 0
        assert stand.envoy.routes.read_text() == route
        assert "Traceback" not in stand.log.read_text()


class TestEdits:
    async def test_a_pin_is_obeyed_and_its_removal_too(self, stand):
        await stand.start()
        await stand.close_window("clear", times=2)
        stand.edit(pin={"to": "Fallback", "reason": "incident 4711"})
        status = await stand.until(lambda seen: seen["pinned"])
        assert (status["weights"]["model"], status["pin"]["reason"]) == (0, "incident 4711")
        stand.edit(pin=None)
        await stand.until_phase("Recovering")
        await stand.stop()
        code, report = await stand.replay()
        assert (code, [one["reason"] for one in report["switches"]]) == (0, ["Pinned"])

    async def test_an_invalid_edit_leaves_the_spec_before_it_and_says_so(self, stand):
        await stand.start()
        await stand.close_window("clear")
        whole = stand.file.read_text()
        stand.file.write_text(whole.replace("mode: Enforce", "mode: Force"))
        status = await stand.until(lambda seen: seen["spec_error"])
        assert "spec.mode" in status["spec_error"]
        (condition,) = [one for one in status["conditions"] if one["type"] == "SpecAccepted"]
        assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
        assert status["mode"] == "Enforce"
        await stand.close_window("drift")
        await stand.until_phase("Fallback")
        stand.file.write_text(whole)
        status = await stand.until(lambda seen: seen["spec_error"] is None)
        assert "SpecAccepted" in {one["type"] for one in status["conditions"] if one["status"] == "True"}

    async def test_sighup_reads_the_file_even_if_it_looks_unchanged(self, stand):
        await stand.start()
        await stand.until_phase("Learning")
        seen = stand.file.stat()
        text = stand.file.read_text()
        stand.file.write_text(text.replace("mode: Enforce", "mode: Observe"))
        os.utime(stand.file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        await asyncio.sleep(0.3)
        stand.process.send_signal(signal.SIGHUP)
        await stand.until(lambda seen: seen["mode"] == "Observe")

    async def test_observe_moves_nothing(self, stand):
        stand.edit(mode="Observe")
        await stand.start()
        await stand.close_window("drift")
        status = await stand.until_phase("Fallback")
        assert (status["weights"]["model"], status["planned_weights"]["model"]) == (100, 0)
        assert [one["enforced"] for one in status["switches"]] == [False]
        assert stand.weights_in_route_file() == {"risk": 100, "risk-rules": 0}
        assert "would move" in stand.log.read_text()


class TestHealthAndLogs:
    async def test_healthz(self, stand):
        await stand.start()
        await stand.until_phase("Learning")
        assert (await stand.client.get(f"{stand.url}/healthz")).status_code == 200

    async def test_json_logs_are_json(self, stand):
        await stand.start("--log-format", "json")
        await stand.close_window("drift")
        await stand.until_phase("Fallback")
        await stand.stop()
        lines = [json.loads(line) for line in stand.log.read_text().splitlines()]
        assert any("Trip" in line["message"] and line["level"] == "WARNING" for line in lines)


class TestBadStarts:
    async def refused(self, stand):
        await stand.start()
        async with asyncio.timeout(20):
            code = await stand.process.wait()
        text = stand.log.read_text()
        assert "Traceback" not in text
        return code, text

    async def test_a_port_in_use(self, stand):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(stand.url.rpartition(":")[2])))
            taken.listen()
            code, text = await self.refused(stand)
        assert code == 1
        assert "cannot listen on 127.0.0.1" in text
        assert "--port" in text
        assert not stand.envoy.routes.exists()

    async def test_a_backend_without_an_address(self, stand):
        stand.edit(fallback={"inferenceService": "other"})
        code, text = await self.refused(stand)
        assert (code, "add --backend other=HOST:PORT" in text) == (2, True)

    async def test_a_resource_that_is_not_there(self, stand):
        stand.file.unlink()
        code, text = await self.refused(stand)
        assert (code, "driftbreaker.yaml cannot be read: No such file" in text) == (2, True)

    async def test_a_broken_state_file(self, stand):
        stand.state_file.write_text('{"format": "driftbreaker.dev/breaker-state/v1"')
        code, text = await self.refused(stand)
        assert (code, "remove it to start anew" in text) == (2, True)

    async def test_the_state_of_another_breaker(self, stand):
        await stand.start()
        await stand.until_phase("Learning")
        await stand.stop()
        stand.file.write_text(stand.file.read_text().replace("name: risk\nspec", "name: other\nspec"))
        assert "name: other" in stand.file.read_text()
        code, text = await self.refused(stand)
        assert (code, "belongs to the DriftBreaker default/risk" in text) == (2, True)

    @pytest.mark.parametrize("option", ["risk", "risk=nohost", "=a:1", "risk=a:0", "risk=a:b"])
    async def test_a_backend_in_another_form(self, stand, option):
        stand.command += ["--backend", option]
        code, text = await self.refused(stand)
        assert (code, "is not NAME=HOST:PORT" in text) == (2, True)
