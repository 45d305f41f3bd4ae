"""The serving processes from start to end."""

import asyncio
import json
import shutil
import socket
import subprocess
import time

import grpc
import httpx
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from insurance_risk.bundle import write_bundle
from insurance_risk.training import Candidate, train

from .conftest import COMMAND, MODEL_NAME, ROWS


def run(*arguments):
    command = [COMMAND, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


class TestStop:
    @pytest.mark.parametrize("side", ["model", "rules"])
    def test_sigterm_ends_with_0_within_seconds_despite_idle_connections(self, bundle_directory, start, side, body):
        source = (
            ("serve-model", "--bundle", bundle_directory)
            if side == "model"
            else ("serve-rules", "--profile", bundle_directory / "profile.json")
        )
        server = start(*source)
        with httpx.Client() as client, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            assert client.post(server.infer_url, json=body).status_code == 200
            assert GRPCInferenceServiceStub(channel).ServerLive(messages.ServerLiveRequest()).live
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 10
        assert server.log.read_text().splitlines()[-1].endswith("stopped")

    async def test_no_request_in_flight_is_lost(self, bundle_directory, start):
        server = start("serve-model", "--bundle", bundle_directory)
        rows = 5_000
        inputs = [
            {"name": name, "shape": [rows], "datatype": "FP64", "data": [values[0]] * rows}
            for name, values in ROWS.items()
        ]
        content = json.dumps({"inputs": inputs}).encode()
        request = messages.ModelInferRequest(model_name=MODEL_NAME)
        for name, values in ROWS.items():
            tensor = request.inputs.add(name=name, shape=[rows], datatype="FP64")
            tensor.contents.fp64_contents.extend([values[0]] * rows)
        async with (
            httpx.AsyncClient(timeout=60) as client,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
        ):
            stub = GRPCInferenceServiceStub(channel)
            await stub.ServerLive(messages.ServerLiveRequest())
            headers = {"Content-Type": "application/json"}
            over_http = [
                asyncio.create_task(client.post(server.infer_url, content=content, headers=headers)) for _ in range(6)
            ]
            over_grpc = [asyncio.ensure_future(stub.ModelInfer(request)) for _ in range(6)]
            await asyncio.wait([*over_http, *over_grpc], return_when=asyncio.FIRST_COMPLETED)
            answered = sum(task.done() for task in (*over_http, *over_grpc))
            server.process.terminate()
            responses = await asyncio.gather(*over_http)
            answers = await asyncio.gather(*over_grpc)
        assert answered < 12  # some were in flight when the signal came
        assert [response.status_code for response in responses] == [200] * 6
        assert all(len(answer.outputs) == 3 for answer in answers)
        assert await asyncio.to_thread(server.process.wait, 30) == 0


class TestStart:
    def test_listens_on_the_address_given_and_no_other(self, model_server):
        for port in (model_server.http_port, model_server.grpc_port):
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=5)

    @pytest.mark.parametrize("protocol", ["HTTP", "gRPC"])
    def test_a_port_in_use_is_named_in_one_line_with_exit_code_1(self, bundle_directory, model_server, protocol):
        taken = model_server.http_port if protocol == "HTTP" else model_server.grpc_port
        ports = ("--http-port", taken if protocol == "HTTP" else 0, "--grpc-port", taken if protocol == "gRPC" else 0)
        finished = run("serve-rules", "--profile", bundle_directory / "profile.json", *ports)
        assert finished.returncode == 1
        errors = [line for line in finished.stderr.splitlines() if line.startswith("Error")]
        assert len(errors) == 1
        assert f"for {protocol} on 127.0.0.1:{taken}" in errors[0]
        assert "Traceback" not in finished.stderr

    def test_an_altered_bundle_is_bad_input(self, bundle_directory, tmp_path):
        copied = shutil.copytree(bundle_directory, tmp_path / "copy")
        (copied / "gates.json").write_text("{}")
        finished = run("serve-model", "--bundle", copied)
        assert finished.returncode == 2
        assert "gates.json was altered" in finished.stderr

    def test_a_bundle_that_failed_its_gates_is_served_only_on_demand(self, historic, tmp_path, start, body):
        weak = train(
            train_rows=historic.train,
            test_rows=historic.test,
            reference_rows=historic.test,
            seed=0,
            candidates=(Candidate((1,), 500.0),),
        )
        write_bundle(weak, tmp_path / "weak", source="test", seed=0)
        finished = run("serve-model", "--bundle", tmp_path / "weak")
        assert finished.returncode == 1
        assert "accuracy_test" in finished.stderr
        assert "--allow-failed-gates" in finished.stderr
        server = start("serve-model", "--bundle", tmp_path / "weak", "--allow-failed-gates")
        assert server.infer(body).status_code == 200
        assert server.stop() == 0

    def test_a_missing_profile_is_bad_input(self, tmp_path):
        finished = run("serve-rules", "--profile", tmp_path / "absent.json")
        assert finished.returncode == 2
        assert "absent.json" in finished.stderr


class TestProfileOfTheRules:
    def test_follows_the_link_to_a_new_bundle_without_a_restart(self, trained, historic, tmp_path, start, body):
        write_bundle(trained, tmp_path / "first", source="test", seed=0)
        second = train(
            train_rows=historic.train,
            test_rows=historic.test,
            reference_rows=historic.test,
            seed=1,
            candidates=(Candidate((50,), 1.0),),
        )
        write_bundle(second, tmp_path / "second", source="test", seed=1)
        (tmp_path / "current").symlink_to("first")
        rules = start("serve-rules", "--profile", tmp_path / "current" / "profile.json")
        model = start("serve-model", "--bundle", tmp_path / "current")
        digests = [trained.profile["digest"], second.profile["digest"]]
        assert rules.infer(body).json()["parameters"]["profile_digest"] == digests[0]

        (tmp_path / "next").symlink_to("second")
        (tmp_path / "next").rename(tmp_path / "current")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if rules.infer(body).json()["parameters"]["profile_digest"] == digests[1]:
                break
            time.sleep(0.1)
        assert rules.infer(body).json()["parameters"]["profile_digest"] == digests[1]
        assert rules.counter("profile_reload_total", outcome="loaded") == 1
        assert model.infer(body).json()["parameters"]["profile_digest"] == digests[0]
        assert rules.stop() == model.stop() == 0
