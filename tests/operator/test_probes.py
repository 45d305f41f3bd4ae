import asyncio
import json

import httpx
import pytest
from aiohttp import web

from drift_operator.probes import complaint, send_probe
from drift_operator.resource.spec import Probe

TENSOR = {"name": "age", "shape": [1], "datatype": "FP64", "data": [35.0]}
OUTPUT = {"name": "class", "shape": [1], "datatype": "BYTES", "data": ["low"]}


def probe(**changes) -> Probe:
    return Probe.model_validate({"model": "risk", "request": {"inputs": [TENSOR]}, **changes})


@pytest.fixture
async def backend():
    """A real HTTP server whose answer a test sets, and the requests that it got."""
    seen = []
    behaviour = {"answer": web.json_response({"outputs": [OUTPUT]}), "delay": 0.0}

    async def infer(request: web.Request) -> web.Response:
        seen.append((request.path, dict(request.headers), await request.json()))
        await asyncio.sleep(behaviour["delay"])
        return behaviour["answer"]

    app = web.Application()
    app.router.add_post("/{tail:.*}", infer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    behaviour["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    behaviour["seen"] = seen
    async with httpx.AsyncClient() as client:
        behaviour["client"] = client
        yield behaviour
    await runner.cleanup()


class TestSendProbe:
    async def test_it_is_a_v2_request_that_the_detector_knows_as_a_probe(self, backend):
        result = await send_probe(backend["client"], backend["url"], probe(), clock=lambda: 7.0)
        assert (result.answered, result.time) == (True, 7.0)
        ((path, headers, body),) = backend["seen"]
        assert path == "/v2/models/risk/infer"
        assert headers["Ce-Id"].startswith("driftbreaker-probe-")
        assert body == {"inputs": [TENSOR]}

    async def test_every_probe_has_an_id_of_its_own(self, backend):
        for _ in range(2):
            await send_probe(backend["client"], backend["url"], probe())
        assert len({headers["Ce-Id"] for _, headers, _ in backend["seen"]}) == 2

    async def test_an_error_status_is_no_answer(self, backend):
        backend["answer"] = web.json_response({"error": "model is not ready"}, status=503)
        result = await send_probe(backend["client"], backend["url"], probe())
        assert not result.answered
        assert "503" in result.message
        assert "model is not ready" in result.message

    async def test_a_late_answer_is_none(self, backend):
        backend["delay"] = 5
        result = await send_probe(backend["client"], backend["url"], probe(timeout="100ms"))
        assert not result.answered
        assert "no answer within 0.1 s" in result.message

    async def test_nobody_there(self, backend, free_port):
        result = await send_probe(backend["client"], f"http://127.0.0.1:{free_port()}", probe())
        assert not result.answered
        assert "connect" in result.message.lower()


class TestComplaint:
    @pytest.mark.parametrize(
        ("body", "outputs", "says"),
        [
            (b"<html>", (), "not JSON"),
            (b"[]", (), "no outputs"),
            (b"{}", (), "no outputs"),
            (json.dumps({"outputs": []}).encode(), (), "no outputs"),
            (json.dumps({"outputs": [{"name": "class", "data": []}]}).encode(), (), "no name or no data"),
            (json.dumps({"outputs": [OUTPUT]}).encode(), ("class", "probabilities"), "lacks the output probabilities"),
            (b"\xff\xfe", (), "not JSON"),
        ],
    )
    def test_what_is_no_whole_answer(self, body, outputs, says):
        assert says in complaint(200, body, outputs)

    def test_a_whole_answer(self):
        assert complaint(200, json.dumps({"outputs": [OUTPUT]}).encode(), ("class",)) is None
