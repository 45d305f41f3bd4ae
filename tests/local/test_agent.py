import asyncio
import gzip
import json
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from local_stack.agent.dispatcher import WORKERS, Dispatcher
from local_stack.agent.events import REQUEST_TYPE, RESPONSE_TYPE, AgentIdentity, payload_event
from local_stack.agent.proxy import STATISTICS_PATH, PayloadProxy

IDENTITY = AgentIdentity("insurance-risk", "default", "http://localhost:9081/")
# The headers that KServe's agent was seen to send with an event, content type aside.
AGENT_HEADERS = {
    "Ce-Specversion",
    "Ce-Id",
    "Ce-Type",
    "Ce-Source",
    "Ce-Time",
    "Ce-Recordedtime",
    "Ce-Inferenceservicename",
    "Ce-Namespace",
    "Ce-Component",
    "Ce-Endpoint",
    "Ce-Metadata",
}
TRANSPORT_HEADERS = {"Host", "Content-Length", "Accept", "Accept-Encoding", "User-Agent"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def agent_between(upstream, sink, **limits):
    port = free_port()
    dispatcher = Dispatcher(f"{sink}/events", **limits)
    runner = web.AppRunner(PayloadProxy(upstream, IDENTITY, dispatcher).application(), auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}", dispatcher
    finally:
        await runner.cleanup()


async def delivered(dispatcher, count):
    async with asyncio.timeout(5):
        while dispatcher.counts.sent < count:
            await asyncio.sleep(0.01)


@pytest.fixture
async def client():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_request_and_response_become_two_events_with_one_id_and_the_agents_headers(server, client):
    predictor, sink = await server(), await server()
    predictor.answer = lambda _request, _body: web.Response(body=b'{"outputs": []}', headers={"x-served-by": "model"})
    async with agent_between(predictor.url, sink.url) as (url, dispatcher):
        headers = {"Content-Type": "application/json", "X-Request-Id": "r-1"}
        async with client.post(f"{url}/v2/models/m/infer?a=1", data=b'{"inputs": []}', headers=headers) as answer:
            assert answer.status == 200
            assert await answer.read() == b'{"outputs": []}'
            assert answer.headers["x-served-by"] == "model"
        await delivered(dispatcher, 2)
    assert predictor.raw_paths == ["POST /v2/models/m/infer?a=1"]
    assert sink.raw_paths == ["POST /events", "POST /events"]
    events = {headers["Ce-Type"]: (headers, body) for headers, body in sink.seen}
    assert set(events) == {REQUEST_TYPE, RESPONSE_TYPE}
    request_headers, request_body = events[REQUEST_TYPE]
    response_headers, response_body = events[RESPONSE_TYPE]
    assert (request_body, response_body) == (b'{"inputs": []}', b'{"outputs": []}')
    assert request_headers["Ce-Id"] == response_headers["Ce-Id"]
    for seen in (request_headers, response_headers):
        assert set(seen) - TRANSPORT_HEADERS == AGENT_HEADERS | {"Content-Type"}
        assert seen["Content-Type"] == "application/json"
        assert seen["Ce-Endpoint"] == ""
        assert json.loads(seen["Ce-Metadata"]) == {"X-Request-Id": ["r-1"]}
        assert seen["Ce-Time"].endswith("Z")


async def test_the_clients_event_id_is_kept_and_no_content_type_is_invented(server, client):
    predictor, sink = await server(), await server()
    async with agent_between(predictor.url, sink.url) as (url, dispatcher):
        await client.get(f"{url}/v2/models/m/ready", headers={"Ce-Id": "driftbreaker-probe-1"})
        await delivered(dispatcher, 2)
    assert {headers["Ce-Id"] for headers, _ in sink.seen} == {"driftbreaker-probe-1"}
    assert all("Content-Type" not in headers for headers, _ in sink.seen)
    assert [body for headers, body in sink.seen if headers["Ce-Type"] == REQUEST_TYPE] == [b""]


@pytest.mark.parametrize("status", [400, 404, 500, 202])
async def test_an_answer_that_is_not_200_leaves_a_request_event_alone(server, client, status):
    predictor, sink = await server(), await server()
    predictor.answer = lambda _request, _body: web.Response(status=status, body=b"no")
    async with agent_between(predictor.url, sink.url) as (url, dispatcher):
        async with client.post(f"{url}/v2/models/m/infer", data=b"{}") as answer:
            assert answer.status == status
        await delivered(dispatcher, 1)
    assert [headers["Ce-Type"] for headers, _ in sink.seen] == [REQUEST_TYPE]


async def test_compressed_bodies_pass_untouched_both_ways(server, client):
    predictor, sink = await server(), await server()
    zipped = gzip.compress(b'{"outputs": []}')
    predictor.answer = lambda _request, _body: web.Response(body=zipped, headers={"Content-Encoding": "gzip"})
    async with agent_between(predictor.url, sink.url) as (url, dispatcher):
        sent = gzip.compress(b'{"inputs": []}')
        async with client.post(url, data=sent, headers={"Content-Encoding": "gzip"}) as answer:
            assert await answer.read() == b'{"outputs": []}'
        await delivered(dispatcher, 2)
    assert predictor.seen[0][1] == sent
    assert {body for _, body in sink.seen} == {sent, zipped}
    assert all("Content-Encoding" not in headers for headers, _ in sink.seen)


async def test_kubelet_probes_are_not_logged(server, client):
    predictor, sink = await server(), await server()
    async with agent_between(predictor.url, sink.url) as (url, dispatcher):
        await client.get(f"{url}/", headers={"User-Agent": "kube-probe/1.34"})
        await client.get(f"{url}/", headers={"User-Agent": "curl/8"})
        await delivered(dispatcher, 2)
    assert len(sink.seen) == 2
    assert len(predictor.seen) == 2


async def test_a_dead_predictor_gives_502_and_a_dead_sink_costs_the_client_nothing(server, client):
    predictor = await server()
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with agent_between(nowhere, predictor.url) as (url, _), client.post(url, data=b"{}") as answer:
        assert answer.status == 502
        assert "does not answer" in (await answer.json())["error"]
    async with agent_between(predictor.url, nowhere) as (url, dispatcher):
        async with client.post(url, data=b"{}") as answer:
            assert answer.status == 200
        async with asyncio.timeout(5):
            while dispatcher.counts.failed < 2:
                await asyncio.sleep(0.01)
        assert dispatcher.counts.sent == 0


async def test_a_hanging_sink_holds_five_events_bounds_the_rest_and_slows_nobody(server, client):
    predictor, sink = await server(), await server()
    sink.hold = asyncio.Event()
    async with agent_between(predictor.url, sink.url, limit_events=10, timeout=30) as (url, dispatcher):
        for _ in range(40):  # 80 events
            async with asyncio.timeout(2), client.post(url, data=b"{}") as answer:
                assert answer.status == 200
        assert len(sink.seen) == WORKERS
        counts = dispatcher.statistics()
        assert counts["offered"] == 80
        assert counts["waiting"] == 10 + WORKERS
        assert counts["dropped"] == 80 - 10 - WORKERS
        sink.hold.set()
        await delivered(dispatcher, 10 + WORKERS)
        async with client.get(f"{url}{STATISTICS_PATH}") as answer:
            counts = await answer.json()
    assert counts["offered"] == counts["sent"] + counts["dropped"] + counts["waiting"]


async def test_the_queue_is_bounded_in_bytes_too(server):
    sink = await server()
    dispatcher = Dispatcher(sink.url, limit_bytes=1_000)
    event = payload_event(
        IDENTITY, event_type=REQUEST_TYPE, event_id="1", happened=0.0, metadata="{}", content_type=None, body=b"x" * 600
    )
    await dispatcher.offer(event)
    await dispatcher.offer(event)
    assert dispatcher.counts.dropped == 1
    assert dispatcher.statistics()["waiting"] == 1


async def test_what_is_left_when_the_agent_stops_is_counted_as_dropped(server):
    sink = await server()
    sink.hold = asyncio.Event()
    dispatcher = Dispatcher(sink.url)
    await dispatcher.start()
    event = payload_event(
        IDENTITY, event_type=REQUEST_TYPE, event_id="1", happened=0.0, metadata="{}", content_type=None, body=b"{}"
    )
    for _ in range(8):
        await dispatcher.offer(event)
    await dispatcher.stop(patience=0.2)
    sink.hold.set()
    assert dispatcher.counts.dropped == 8
