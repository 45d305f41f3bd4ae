import asyncio
import json
import shutil

import httpx
import pytest
from aiohttp import web

from drift_operator.breaker.evidence import Window
from drift_operator.resource.signal import Signal, SignalQuery
from drift_operator.resource.vocabulary import Streak, Verdict
from drift_operator.signals import SignalError, signal_source
from drift_operator.signals.detector import DetectorSignal
from drift_operator.signals.prometheus import PrometheusQueries, PrometheusStream

LABELS = {"isvc_namespace": "default", "stream": "risk"}
INSTANT = 1_800_000_000.5


def series(name, value, **labels):
    return {"metric": {"__name__": name, **LABELS, **labels}, "value": [INSTANT, str(value)]}


WHOLE = [
    series("drift_window_sequence", 7),
    series("drift_last_window_timestamp_seconds", 1.7e9),
    series("drift_streak", 0, verdict="drift"),
    series("drift_streak", 2, verdict="clear"),
    *(series("drift_verdict", int(verdict == "clear"), verdict=verdict) for verdict in Verdict),
    series("drift_events_total", 40, type="request", outcome="accepted"),
    series("drift_events_total", 900, type="request", outcome="ignored"),
    series("drift_profile_info", 1, digest="sha256:abc"),
]
QUERIES = SignalQuery(drift="the_drift", clear="the_clear", timestamp="the_timestamp")


def vector(*results):
    return {"status": "success", "data": {"resultType": "vector", "result": list(results)}}


@pytest.fixture
async def api():
    """A real HTTP server with Prometheus' API, whose answers a test sets by query."""
    state = {"answers": {}, "seen": [], "status": 200}

    async def query(request: web.Request) -> web.Response:
        state["seen"].append(dict(request.query))
        answer = state["answers"].get(request.query["query"], state["answers"].get("*"))
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(text=text, status=state["status"])

    app = web.Application()
    app.router.add_get("/prefix/api/v1/query", query)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}/prefix/"
    async with httpx.AsyncClient() as client:
        state["client"] = client
        yield state
    await runner.cleanup()


class TestStream:
    def source(self, api):
        return PrometheusStream(api["client"], api["url"], stream="risk", namespace="default")

    async def test_one_query_gives_the_whole_reading(self, api):
        api["answers"]["*"] = vector(*WHOLE)
        reading = await self.source(api).read()
        assert reading.window == Window(sequence=7, time=1.7e9)
        assert (reading.verdict, reading.streak) == (Verdict.CLEAR, Streak(drift=0, clear=2))
        assert (reading.profile_digest, reading.events) == ("sha256:abc", 40)
        ((query,),) = [tuple(seen.values()) for seen in api["seen"]]
        assert query.endswith('isvc_namespace="default",stream="risk"}')

    async def test_a_doubled_series_is_named(self, api):
        twice = [series("drift_window_sequence", 7, pod=pod) for pod in ("a", "b")]
        api["answers"]["*"] = vector(*twice, *WHOLE[1:])
        with pytest.raises(SignalError, match="2 series drift_window_sequence") as error:
            await self.source(api).read()
        assert 'pod="a"' in str(error.value)
        assert 'pod="b"' in str(error.value)

    async def test_no_series(self, api):
        api["answers"]["*"] = vector()
        with pytest.raises(SignalError, match="no series of stream 'risk' in namespace 'default'"):
            await self.source(api).read()


class TestQueries:
    def source(self, api):
        return PrometheusQueries(api["client"], api["url"], QUERIES)

    def answers(self, drift, clear, timestamp=1.7e9):
        return {
            "the_drift": vector(series("", drift)),
            "the_clear": vector(series("", clear)),
            "the_timestamp": vector(series("", timestamp)),
        }

    @pytest.mark.parametrize(("drift", "clear", "verdict"), [(2, 0, "drift"), (0, 3, "clear"), (0, 0, "undecided")])
    async def test_the_verdict_follows_the_streaks(self, api, drift, clear, verdict):
        api["answers"] = self.answers(drift, clear)
        reading = await self.source(api).read()
        assert (reading.verdict, reading.streak) == (verdict, Streak(drift=drift, clear=clear))
        assert reading.window == Window(sequence=None, time=1.7e9)

    async def test_all_three_are_of_one_instant(self, api):
        api["answers"] = self.answers(0, 1)
        await self.source(api).read()
        assert [seen.get("time") for seen in api["seen"]] == [None, "1800000000.500", "1800000000.500"]

    async def test_a_scalar_is_one_series(self, api):
        api["answers"] = self.answers(0, 1)
        scalar = {"status": "success", "data": {"resultType": "scalar", "result": [INSTANT, "4"]}}
        api["answers"]["the_drift"] = scalar
        api["answers"]["the_clear"] = vector(series("", 0))
        assert (await self.source(api).read()).streak.drift == 4

    @pytest.mark.parametrize(
        ("query", "answer", "says"),
        [
            ("the_drift", vector(), "query.drift gives no series, expected exactly one"),
            ("the_clear", vector(series("", 1, pod="a"), series("", 1, pod="b")), "query.clear gives 2 series"),
            ("the_timestamp", vector(series("", "NaN")), "query.timestamp gives nan"),
            ("the_drift", vector(series("", 0.5)), "query.drift is 0.5, which is no count"),
            ("the_drift", vector(series("", 1)), "cannot be both"),
            ("the_drift", {"status": "success", "data": {"resultType": "matrix", "result": []}}, "gives a matrix"),
            ("the_drift", {"status": "error", "errorType": "bad_data", "error": "parse error"}, "bad_data: parse"),
            ("the_drift", "<html>sign in</html>", "is not Prometheus' API: '<html>sign in</html>'"),
            ("the_drift", "[]", "is not Prometheus' API"),
        ],
    )
    async def test_what_is_no_signal(self, api, query, answer, says):
        api["answers"] = {**self.answers(0, 1), query: answer}
        with pytest.raises(SignalError) as error:
            await self.source(api).read()
        assert says in str(error.value)

    async def test_many_series_are_not_all_listed(self, api):
        api["answers"] = self.answers(0, 1)
        api["answers"]["the_drift"] = vector(*(series("", 1, pod=str(number)) for number in range(200)))
        with pytest.raises(SignalError, match="200 series") as error:
            await self.source(api).read()
        assert "and 195 more" in str(error.value)


class TestSourceOfASpec:
    @pytest.mark.parametrize(
        ("signal", "kind"),
        [
            ({"detector": {"url": "http://x"}, "stream": "s"}, DetectorSignal),
            ({"prometheus": {"url": "http://x"}, "stream": "s"}, PrometheusStream),
            ({"prometheus": {"url": "http://x"}, "query": QUERIES.model_dump()}, PrometheusQueries),
        ],
    )
    async def test_it_is_the_one_named(self, signal, kind):
        async with httpx.AsyncClient() as client:
            assert isinstance(signal_source(Signal.model_validate(signal), "default", client), kind)


def exposition(sequence: int, drift: int) -> str:
    own = 'isvc_namespace="default",stream="risk"'
    verdicts = "\n".join(
        f'drift_verdict{{{own},verdict="{verdict}"}} {int(verdict == ("drift" if drift else "clear"))}'
        for verdict in Verdict
    )
    return (
        f"drift_window_sequence{{{own}}} {sequence}\n"
        f"drift_last_window_timestamp_seconds{{{own}}} 1.8e+09\n"
        f'drift_streak{{{own},verdict="drift"}} {drift}\n'
        f'drift_streak{{{own},verdict="clear"}} {0 if drift else sequence}\n'
        f"{verdicts}\n"
    )


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus binary (apt-get install prometheus)")
class TestRealPrometheus:
    @pytest.fixture
    async def prometheus(self, tmp_path, free_port):
        """A real Prometheus that scrapes two addresses of one small detector every 200 ms."""
        page = {"text": exposition(3, 0), "second": False, "status": 200}

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(text=page["text"], status=page["status"])

        async def second(_: web.Request) -> web.Response:
            return web.Response(text=page["text"] if page["second"] else "")

        app = web.Application()
        app.router.add_get("/metrics", metrics)
        app.router.add_get("/second", second)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        target = f"127.0.0.1:{runner.addresses[0][1]}"
        jobs = [
            {"job_name": path.strip("/"), "metrics_path": path, "static_configs": [{"targets": [target]}]}
            for path in ("/metrics", "/second")
        ]
        scraping = {"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}, "scrape_configs": jobs}
        (tmp_path / "prometheus.yml").write_text(json.dumps(scraping))
        port = free_port()
        with (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                "prometheus",
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                stdout=log,
                stderr=log,
            )
        page["url"] = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient() as client:
            page["client"] = client
            yield page
        process.terminate()
        await process.wait()
        await runner.cleanup()

    async def until(self, source, wanted):
        """Read until a reading or an error is the wanted one."""
        async with asyncio.timeout(20):
            while True:
                try:
                    seen = await source.read()
                except SignalError as error:
                    seen = str(error)
                if wanted(seen):
                    return seen
                await asyncio.sleep(0.05)

    async def test_a_stream_through_its_life(self, prometheus):
        source = PrometheusStream(prometheus["client"], prometheus["url"], stream="risk", namespace="default")
        first = await self.until(source, lambda seen: not isinstance(seen, str))
        assert (first.window.sequence, first.verdict, first.streak.clear) == (3, "clear", 3)
        prometheus["text"] = exposition(4, 1)
        await self.until(source, lambda seen: not isinstance(seen, str) and seen.verdict == "drift")
        prometheus["second"] = True
        error = await self.until(source, lambda seen: isinstance(seen, str))
        assert "2 series" in error
        assert 'job="second"' in error
        prometheus["second"] = False
        await self.until(source, lambda seen: not isinstance(seen, str))
        prometheus["status"] = 500
        error = await self.until(source, lambda seen: isinstance(seen, str))
        assert "has no series" in error

    async def test_queries(self, prometheus):
        queries = SignalQuery(
            drift='drift_streak{verdict="drift"}',
            clear='max(drift_streak{verdict="clear"})',
            timestamp="scalar(drift_last_window_timestamp_seconds)",
        )
        source = PrometheusQueries(prometheus["client"], prometheus["url"], queries)
        reading = await self.until(source, lambda seen: not isinstance(seen, str))
        assert (reading.verdict, reading.window.time) == ("clear", 1.8e9)
        broken = PrometheusQueries(
            prometheus["client"], prometheus["url"], queries.model_copy(update={"drift": "drift_streak{"})
        )
        with pytest.raises(SignalError, match="bad_data"):
            await broken.read()
