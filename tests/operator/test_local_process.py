"""The operator on one machine, as the program that a user starts, against servers that speak the real protocols."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = str(Path(sys.executable).parent / "drift-operator")
INPUT = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}
PHASES = {"Learning", "Healthy", "Suspect", "Fallback", "Recovering"}


class Server:
    """An HTTP server in a thread that answers what `answer(path, body)` says: status, content type, text."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, kind, text = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET  # noqa: N815 (the name that http.server looks for)

            def handle(self):
                # A killed client resets its connections; that is no failure of the server.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Detector(Server):
    """A detector's `/metrics`, with the windows that a test closes."""

    def __init__(self):
        self.sequence = self.drift = self.clear = 0
        self.verdict = None
        super().__init__(self._answer)

    def close_window(self, verdict):
        drift = self.drift + 1 if verdict == "drift" else 0
        clear = self.clear + 1 if verdict == "clear" else 0
        self.sequence, self.verdict, self.drift, self.clear = self.sequence + 1, verdict, drift, clear

    def _answer(self, path, _):
        if path != "/metrics":
            return 404, "text/plain", "not found"
        own = 'isvc_namespace="default",stream="risk"'
        lines = [f"drift_window_sequence{{{own}}} {self.sequence}"]
        lines += [
            f'drift_verdict{{{own},verdict="{verdict}"}} {int(verdict == self.verdict)}'
            for verdict in ("drift", "suspect", "clear", "undecided")
        ]
        lines += [f'drift_streak{{{own},verdict="{side}"}} {getattr(self, side)}' for side in ("drift", "clear")]
        return 200, "text/plain; version=0.0.4", "\n".join(lines) + "\n"


class Backend(Server):
    """A V2 server that answers, or not."""

    def __init__(self):
        self.answers = True
        super().__init__(self._answer)

    def _answer(self, path, body):
        if path != "/v2/models/risk/infer" or not json.loads(body)["inputs"]:
            return 404, "application/json", '{"error": "no such model"}'
        if not self.answers:
            return 503, "application/json", '{"error": "not now"}'
        outputs = [{"name": "class", "shape": [1], "datatype": "BYTES", "data": ["low"]}]
        return 200, "application/json", json.dumps({"model_name": "risk", "outputs": outputs})


class Machine:
    """One machine: detector, two backends, the operator's files, and the operator itself."""

    def __init__(self, folder, port):
        self.folder = folder
        self.port = port
        self.detector = Detector()
        self.model, self.rules = Backend(), Backend()
        self.process = None
        self.spec = {
            "route": {"parentRefs": [{"name": "envoy"}]},
            "model": {"inferenceService": "risk"},
            "fallback": {"inferenceService": "risk-rules"},
            "signal": {
                "detector": {"url": f"http://{self.detector.address}"},
                "stream": "risk",
                "interval": "50ms",
                "staleAfter": "30s",
            },
            "probe": {
                "model": "risk",
                "request": {"inputs": [INPUT]},
                "outputs": ["class"],
                "interval": "100ms",
                "timeout": "2s",
            },
            "recover": {"streak": 2, "dwell": "300ms", "steps": [10, 50, 100], "stepDuration": "200ms"},
            "mode": "Enforce",
        }
        self.write_spec()

    def write_spec(self):
        document = {
            "apiVersion": "driftbreaker.dev/v1alpha1",
            "kind": "DriftBreaker",
            "metadata": {"name": "risk"},
            "spec": self.spec,
        }
        (self.folder / "driftbreaker.yaml").write_text(yaml.safe_dump(document))

    @property
    def command(self):
        folder = self.folder
        return [
            *(PROGRAM, "local", "--file", folder / "driftbreaker.yaml", "--routes-file", folder / "routes.json"),
            *("--backend", f"risk={self.model.address}", "--backend", f"risk-rules={self.rules.address}"),
            *("--state-file", folder / "state.json", "--port", str(self.port), "--record", self.recording),
        ]

    @property
    def recording(self):
        return self.folder / "evidence.jsonl"

    def start(self):
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        self.until(lambda status: status["phase"] in PHASES)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process = None
        return code

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for server in (self.detector, self.model, self.rules):
            server.close()

    def get(self, path):
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False, timeout=5)

    def until(self, holds, seconds=20):
        """The status once `holds` of it."""
        deadline = time.monotonic() + seconds
        status = None
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                response = self.get("/status")
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code == 200 and holds(status := response.json()):
                return status
            time.sleep(0.02)
        raise AssertionError(f"still {status}; {(self.folder / 'log').read_text()}")

    def close_window(self, verdict):
        """Close a window and wait until the operator has decided on it."""
        self.detector.close_window(verdict)
        return self.until(lambda status: status["sequence"] == self.detector.sequence)

    def at(self, phase, model=None):
        return self.until(lambda status: status["phase"] == phase and model in {None, status["weights"]["model"]})

    @property
    def route(self):
        return json.loads((self.folder / "routes.json").read_text())

    @property
    def route_weights(self):
        routes = self.route["resources"][0]["virtual_hosts"][0]["routes"]
        return {cluster["name"]: cluster["weight"] for cluster in routes[0]["route"]["weighted_clusters"]["clusters"]}

    def metric(self, name, /, **labels):
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def trip(self):
        self.close_window("clear")
        self.detector.close_window("drift")
        return self.at("Fallback", 0)

    def replay(self, *options):
        command = [PROGRAM, "replay", self.recording, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def machine(tmp_path, free_port):
    machine = Machine(tmp_path, free_port())
    yield machine
    machine.close()


class TestOneLife:
    def test_trips_returns_by_stages_and_replays(self, machine):
        machine.start()
        assert machine.route_weights == {"risk": 100, "risk-rules": 0}

        status = machine.trip()
        assert machine.route_weights == {"risk": 0, "risk-rules": 100}
        assert [(switch["from"], switch["to"], switch["sequence"]) for switch in status["switches"]] == [
            ("model", "fallback", 2)
        ]

        machine.close_window("clear")
        machine.detector.close_window("clear")
        machine.at("Recovering", 10)
        time.sleep(0.5)  # longer than a step: time alone moves nothing
        assert machine.at("Recovering")["weights"] == {"model": 10, "fallback": 90}
        machine.detector.close_window("clear")
        machine.at("Recovering", 50)
        assert machine.route_weights == {"risk": 50, "risk-rules": 50}
        machine.detector.close_window("clear")
        status = machine.at("Healthy", 100)
        assert machine.route_weights == {"risk": 100, "risk-rules": 0}
        assert [(switch["from"], switch["to"]) for switch in status["switches"]] == [
            ("model", "fallback"),
            ("fallback", "model"),
        ]
        assert machine.metric("driftbreaker_switches_total") == 2
        assert machine.stop() == 0

        done = machine.replay("--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["differences"]) == (0, [])
        assert [switch["to"] for switch in report["switches"]] == ["fallback", "model"]

        lines = machine.recording.read_text().splitlines()
        place = next(i for i, line in enumerate(lines) if json.loads(line).get("decision", {}).get("kind") == "Trip")
        tampered = json.loads(lines[place])
        tampered["decision"]["kind"] = "Hold"
        lines[place] = json.dumps(tampered)
        machine.recording.write_text("\n".join(lines) + "\n")
        done = machine.replay()
        assert done.returncode == 1
        assert f"line {place + 1}: recorded Hold" in done.stdout

    def test_a_drift_during_the_return_ends_it(self, machine):
        machine.start()
        machine.trip()
        machine.close_window("clear")
        machine.detector.close_window("clear")
        machine.at("Recovering", 10)
        machine.detector.close_window("drift")
        machine.at("Fallback", 0)
        assert machine.route_weights == {"risk": 0, "risk-rules": 100}

    def test_does_not_trip_to_a_fallback_that_does_not_answer(self, machine):
        machine.rules.answers = False
        machine.start()
        machine.close_window("clear")
        status = machine.close_window("drift")
        assert (status["phase"], status["weights"]["model"]) == ("Suspect", 100)
        assert status["reason"] == "FallbackNotAnswering"
        machine.rules.answers = True
        machine.at("Fallback", 0)


class TestRestart:
    def test_a_kill_in_the_fallback_resumes_without_a_second_switch(self, machine):
        machine.start()
        before = machine.trip()
        route = machine.route
        assert machine.stop(signal.SIGKILL) == -signal.SIGKILL
        assert machine.route == route

        machine.start()
        after = machine.at("Fallback", 0)
        assert after["switches"] == before["switches"]
        assert machine.route == route
        assert machine.metric("driftbreaker_switches_total") == 0
        machine.close_window("drift")
        assert machine.at("Fallback")["switches"] == before["switches"]
        assert machine.stop() == 0
        assert machine.replay().returncode == 0

    def test_a_lost_route_file_is_written_again_as_decided(self, machine):
        machine.start()
        machine.trip()
        version = int(machine.route["version_info"])
        machine.stop(signal.SIGKILL)
        (machine.folder / "routes.json").unlink()
        machine.start()
        assert machine.route_weights == {"risk": 0, "risk-rules": 100}
        assert int(machine.route["version_info"]) > version


class TestHttp:
    def test_status_has_the_promised_names(self, machine):
        machine.start()
        status = machine.close_window("clear")
        promised = {
            *("phase", "weights", "verdict", "sequence", "streak", "last_switch_time", "switches", "conditions"),
            *("signal_age_seconds", "mode", "pinned"),
        }
        assert promised <= status.keys()
        assert (status["phase"], status["verdict"], status["sequence"]) == ("Healthy", "clear", 1)
        assert status["streak"] == {"drift": 0, "clear": 1}
        assert (status["last_switch_time"], status["switches"], status["pinned"]) == (None, [], False)
        assert 0 <= status["signal_age_seconds"] < 10
        switch = machine.trip()["switches"][0]
        assert {"time", "from", "to", "reason", "sequence"} <= switch.keys()

    def test_metrics_have_the_promised_names(self, machine):
        machine.start()
        machine.trip()
        assert machine.metric("driftbreaker_phase", phase="Fallback") == 1
        assert machine.metric("driftbreaker_phase") == 1
        assert machine.metric("driftbreaker_weight", backend="fallback") == 100
        assert machine.metric("driftbreaker_weight", backend="model") == 0
        ends = {"from": "model", "to": "fallback", "reason": "DriftConfirmed"}
        assert machine.metric("driftbreaker_switches_total", **ends) == 1
        assert machine.metric("driftbreaker_decisions_total", decision="Trip") == 1
        assert 0 <= machine.metric("driftbreaker_signal_age_seconds", name="risk", resource_namespace="default") < 10
        assert "driftbreaker_route_effect_seconds_bucket" in machine.get("/metrics").text

    def test_healthz_answers_while_decisions_are_made(self, machine):
        machine.start()
        assert machine.get("/healthz").status_code == 200
