"""Replays over real connections: order, ids, pace, concurrency, failures and resends."""

import asyncio
import time
from datetime import UTC, datetime

import pandas as pd
import pytest

from insurance_data.errors import RowsError, SettingsError
from insurance_data.replay import (
    EventOrigin,
    EventReplayer,
    InferenceReplayer,
    InputForm,
    ReplaySettings,
    ReplayStoppedError,
)
from insurance_data.schema import FEATURES

ORIGIN = EventOrigin("insurance-risk", "default")


@pytest.fixture(scope="module")
def table(dataset):
    return dataset.read_month(1)


async def replay(server, table, *, on_exchange=None, form=InputForm.TENSORS, **fields):
    settings = ReplaySettings(**fields)
    async with InferenceReplayer(
        server.url, "insurance-risk", settings, form=form, on_exchange=on_exchange
    ) as replayer:
        return await replayer.send(table)


def rows_received(server):
    """The rows in the order of their arrival, as the server saw them."""
    frames = [
        pd.DataFrame({tensor["name"]: tensor["data"] for tensor in request.json["inputs"]})
        for request in server.requests
    ]
    return pd.concat(frames, ignore_index=True)


async def test_every_row_arrives_once_and_in_order(server, table):
    exchanges = await replay(server, table, rows_per_request=7)
    pd.testing.assert_frame_equal(rows_received(server), table[list(FEATURES)])
    assert [(exchange.first_row, exchange.rows) for exchange in exchanges] == [
        (0, 7), (7, 7), (14, 7), (21, 7), (28, 7), (35, 5),
    ]  # fmt: skip
    assert {request.path for request in server.requests} == {"/v2/models/insurance-risk/infer"}


async def test_answers_come_back_with_their_rows(server, table):
    table = table.assign(age=[151.0, 30.0] * 20)
    exchanges = await replay(server, table, rows_per_request=4)
    for exchange in exchanges:
        assert exchange.classes == ("high", "low", "high", "low")
        assert exchange.served_by == ("rules", "model", "rules", "model")
        assert exchange.profile_digest == "sha256:1234"
        assert (exchange.status, exchange.error, exchange.attempts) == (200, None, 1)
        assert 0 < exchange.latency_seconds < 5


async def test_the_matrix_form_is_sent_where_asked_for(server, table):
    exchanges = await replay(server, table, rows_per_request=40, form=InputForm.MATRIX)
    (tensor,) = server.requests[0].json["inputs"]
    assert tensor["shape"] == [40, 6]
    assert len(exchanges[0].classes) == 40


async def test_ids_are_the_same_in_body_and_header_and_never_repeat(server, table):
    async with InferenceReplayer(server.url, "m", ReplaySettings(id_prefix="day-7")) as replayer:
        exchanges = await replayer.send(table) + await replayer.send(table)
    await replay(server, table)
    bodies = [request.json["id"] for request in server.requests]
    assert bodies == [request.header("ce-id") for request in server.requests]
    assert bodies[:8] == [exchange.id for exchange in exchanges] == [f"day-7-{number}" for number in range(1, 9)]
    assert len(set(bodies)) == 12


async def test_headers_of_the_user_are_sent(server, table):
    await replay(server, table, headers={"Host": "insurance-risk.example.com", "Authorization": "Bearer x"})
    request = server.requests[0]
    assert request.header("host") == "insurance-risk.example.com"
    assert request.header("authorization") == "Bearer x"
    assert [name for name, _ in request.headers].count("host") == 1


async def test_model_names_are_quoted(server, table):
    async with InferenceReplayer(f"{server.url}/", "a b/c") as replayer:
        await replayer.send(table[:1])
    assert server.requests[0].path == "/v2/models/a%20b%2Fc/infer"


async def test_with_concurrency_one_a_request_waits_for_the_answer_before_it(server, table):
    server.delay = 0.02
    await replay(server, table, rows_per_request=5)
    assert [request.under_way for request in server.requests] == [1] * 8


async def test_concurrency_is_used_and_never_exceeded(server, table):
    server.delay = 0.05
    started = time.perf_counter()
    exchanges = await replay(server, table, rows_per_request=1, concurrency=8)
    seconds = time.perf_counter() - started
    assert max(request.under_way for request in server.requests) == 8
    assert seconds < 40 * 0.05 / 2
    assert [exchange.first_row for exchange in exchanges] == list(range(40))
    assert sorted(request.json["id"] for request in server.requests) == sorted(exchange.id for exchange in exchanges)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"requests_per_second": 40}, 0.475),
        ({"rows_per_second": 50}, 0.76),
        ({"rows_per_second": 50, "concurrency": 4}, 0.76),
    ],
)
async def test_the_rate_is_kept(server, table, fields, seconds):
    """20 requests of 2 rows: the last starts 19 intervals after the first."""
    started = time.perf_counter()
    await replay(server, table, rows_per_request=2, **fields)
    taken = time.perf_counter() - started
    arrivals = [request.arrived for request in server.requests]
    assert arrivals[-1] - arrivals[0] > seconds - 0.15
    assert taken < seconds + 1.5


async def test_a_refused_request_is_a_failure_and_is_not_repeated(server, table, make_answer):
    server.script = [None, make_answer(400, {"error": "age is missing"}), None]
    exchanges = await replay(server, table, rows_per_request=10, retry_possibly_processed=True)
    assert [exchange.status for exchange in exchanges] == [200, 400, 200, 200]
    assert exchanges[1].error == 'HTTP 400: {"error": "age is missing"}'
    assert exchanges[1].classes is None
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_server_gets_the_rows_again_only_where_that_was_allowed(server, table, make_answer, status):
    server.script = [make_answer(status), None, make_answer(status), make_answer(status)]
    exchanges = await replay(server, table[:20], rows_per_request=10)
    assert [(exchange.status, exchange.attempts) for exchange in exchanges] == [(status, 1), (200, 1)]
    exchanges = await replay(server, table[:10], retry_possibly_processed=True)
    assert [(exchange.status, exchange.attempts, exchange.error) for exchange in exchanges] == [(200, 3, None)]
    assert exchanges[0].resent_because == (f"HTTP {status}", f"HTTP {status}")
    assert len({request.json["id"] for request in server.requests[2:]}) == 1
    assert len({request.header("ce-id") for request in server.requests[2:]}) == 1
    assert len({request.body for request in server.requests[2:]}) == 1


async def test_retries_are_bounded(server, table, make_answer):
    server.script = [make_answer(503)] * 10
    exchanges = await replay(server, table[:10], retries=1, retry_possibly_processed=True)
    assert [(exchange.status, exchange.attempts, exchange.error) for exchange in exchanges] == [(503, 2, "HTTP 503")]
    assert len(server.requests) == 2


async def test_a_timeout_is_a_failure_that_is_not_repeated_unseen(server, table, make_answer):
    server.script = [make_answer(200, delay=0.6)]
    exchanges = await replay(server, table[:20], timeout_seconds=0.2)
    assert exchanges[0].status is None
    assert exchanges[0].error == "no answer within 0.2 s; it may have arrived"
    assert (exchanges[0].attempts, exchanges[1].error) == (1, None)
    assert len(server.requests) == 2


async def test_an_answer_that_is_none_is_a_failure(server, table, make_answer):
    server.script = [make_answer(200, b"<html>"), make_answer(200, {"id": "other", "outputs": []})]
    exchanges = await replay(server, table[:20])
    assert [exchange.status for exchange in exchanges] == [200, 200]
    assert "not JSON" in exchanges[0].error
    assert "not this request's" in exchanges[1].error


@pytest.fixture
async def hanging_up():
    """A server that reads a request and closes the connection without a word; the list holds what it read."""
    read = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        read.append(await reader.readexactly(length))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", read


@pytest.mark.parametrize(("repeat", "attempts"), [(False, 1), (True, 3)])
async def test_a_lost_connection_is_repeated_only_where_that_was_allowed(hanging_up, table, repeat, attempts):
    url, read = hanging_up
    settings = ReplaySettings(retry_possibly_processed=repeat)
    async with InferenceReplayer(url, "m", settings) as replayer:
        (exchange,) = await replayer.send(table[:10])
    assert exchange.attempts == attempts
    assert exchange.status is None
    assert exchange.error.startswith("connection lost: ")
    assert len(read) == attempts
    assert len(set(read)) == 1


async def test_where_nobody_listens_the_request_fails_after_its_retries(free_port, table):
    settings = ReplaySettings(retries=1)
    async with InferenceReplayer(f"http://127.0.0.1:{free_port}", "m", settings) as replayer:
        (exchange,) = await replayer.send(table[:10])
    assert exchange.error.startswith("no connection: ")
    assert (exchange.status, exchange.attempts) == (None, 2)
    assert exchange.resent_because[0].startswith("no connection: ")


async def test_a_server_that_comes_up_late_gets_every_row_once(free_port, table):
    bodies = []

    async def acknowledge(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        bodies.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with EventReplayer(f"http://127.0.0.1:{free_port}", ORIGIN, ReplaySettings(rows_per_request=20)) as replayer:
        sending = asyncio.create_task(replayer.send(table))
        await asyncio.sleep(0.05)
        async with await asyncio.start_server(acknowledge, "127.0.0.1", free_port):
            exchanges = await sending
    assert [exchange.error for exchange in exchanges] == [None, None]
    assert exchanges[0].attempts > 1
    assert len(bodies) == 2


async def test_it_stops_after_failures_in_a_row_and_says_what_was_sent(server, table, make_answer):
    broken = make_answer(500, {"error": "no"})
    server.script = [broken, None, broken, broken, broken, broken]
    with pytest.raises(ReplayStoppedError, match="stopped after 3 failed requests in a row") as stopped:
        await replay(server, table, rows_per_request=4, max_consecutive_failures=3)
    assert [exchange.status for exchange in stopped.value.exchanges] == [500, 200, 500, 500, 500]
    assert len(server.requests) == 5


async def test_with_concurrency_it_stops_as_soon(server, table, make_answer):
    server.script = [make_answer(500)] * 40
    with pytest.raises(ReplayStoppedError):
        await replay(
            server, table, rows_per_request=1, concurrency=8, requests_per_second=20, max_consecutive_failures=3
        )
    assert len(server.requests) in {3, 4}


async def test_without_a_limit_everything_is_sent_whatever_fails(server, table, make_answer):
    server.script = [make_answer(500)] * 40
    exchanges = await replay(server, table, rows_per_request=1)
    assert [exchange.status for exchange in exchanges] == [500] * 40


async def test_every_outcome_is_called_back_once(server, table):
    seen = []
    exchanges = await replay(server, table, rows_per_request=3, concurrency=4, on_exchange=seen.append)
    assert sorted(seen, key=lambda exchange: exchange.first_row) == exchanges


async def test_requests_under_way_at_a_cancellation_are_reported(server, table):
    server.delay = 1.0
    seen = []
    sending = asyncio.create_task(replay(server, table, rows_per_request=5, concurrency=2, on_exchange=seen.append))
    while len(server.requests) < 2:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert sorted(exchange.first_row for exchange in seen) == [0, 5]
    assert {exchange.error for exchange in seen} == {"interrupted before the answer; it may have arrived"}


async def test_a_table_that_cannot_be_sent_sends_nothing(server, table):
    broken = table.assign(age=[*table["age"][:-1], float("nan")])
    with pytest.raises(RowsError, match="position 39"):
        await replay(server, broken, rows_per_request=1)
    assert server.requests == []


async def test_an_empty_table_sends_nothing(server, table):
    assert await replay(server, table[:0]) == []
    assert server.requests == []


async def test_a_replayer_is_used_within_its_block(server, table):
    with pytest.raises(RuntimeError, match="outside of its `async with` block"):
        await InferenceReplayer(server.url, "m").send(table)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "", "http://host:port"])
def test_addresses_that_are_none_are_refused(url):
    with pytest.raises(SettingsError):
        InferenceReplayer(url, "m")


def test_a_model_needs_a_name():
    with pytest.raises(SettingsError, match="name is empty"):
        InferenceReplayer("http://127.0.0.1:1", "")


async def test_events_go_to_the_detector_as_from_the_agent(server, table):
    before = datetime.now(UTC)
    settings = ReplaySettings(rows_per_request=25, id_prefix="events")
    async with EventReplayer(
        f"{server.url}/sink?x=1", EventOrigin("insurance-risk-rules", "prod"), settings
    ) as replayer:
        exchanges = await replayer.send(table)
    after = datetime.now(UTC)
    assert [request.path for request in server.requests] == ["/sink", "/sink"]
    pd.testing.assert_frame_equal(rows_received(server), table[list(FEATURES)])
    headers = {name: value for name, value in server.requests[1].headers if name.startswith("ce-")}
    for name in ("ce-time", "ce-recordedtime"):
        assert before <= datetime.fromisoformat(headers.pop(name)) <= after
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": "events-2",
        "ce-type": "org.kubeflow.serving.inference.request",
        "ce-source": "http://localhost:9081/",
        "ce-inferenceservicename": "insurance-risk-rules",
        "ce-namespace": "prod",
        "ce-component": "predictor",
        "ce-endpoint": "",
        "ce-metadata": "{}",
    }
    assert server.requests[1].header("content-type") == "application/json"
    assert server.requests[1].header("traceparent") is None
    assert server.requests[1].json["id"] == "events-2"
    assert [(exchange.status, exchange.error, exchange.classes) for exchange in exchanges] == [(202, None, None)] * 2


async def test_an_event_that_the_detector_sheds_is_a_failure(server, table, make_answer):
    server.script = [make_answer(503, {"error": "full"})]
    async with EventReplayer(server.url, ORIGIN) as replayer:
        exchanges = await replayer.send(table[:20])
    assert [exchange.error for exchange in exchanges] == ['HTTP 503: {"error": "full"}', None]
