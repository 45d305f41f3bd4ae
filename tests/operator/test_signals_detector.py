import httpx
import pytest
from aiohttp import web

from drift_operator.breaker.evidence import SignalReading, Window
from drift_operator.resource.vocabulary import Streak, Verdict
from drift_operator.signals import SignalError
from drift_operator.signals.detector import DetectorSignal

OWN = 'isvc_namespace="default",stream="risk"'
TEXT = f"""# HELP drift_events_total Events by type and by what became of them.
# TYPE drift_events_total counter
drift_events_total{{{OWN},type="request",outcome="accepted"}} 120.0
drift_events_total{{{OWN},type="response",outcome="accepted"}} 119.0
drift_events_total{{{OWN},type="request",outcome="ignored"}} 1000.0
drift_events_total{{isvc_namespace="",stream="",type="request",outcome="rejected"}} 5.0
# HELP drift_window_sequence Closed windows so far; never goes back.
# TYPE drift_window_sequence gauge
drift_window_sequence{{{OWN}}} 12.0
drift_window_sequence{{isvc_namespace="default",stream="other"}} 99.0
# TYPE drift_last_window_timestamp_seconds gauge
drift_last_window_timestamp_seconds{{{OWN}}} 1.8e+09
# TYPE drift_verdict gauge
drift_verdict{{{OWN},verdict="drift"}} 1.0
drift_verdict{{{OWN},verdict="suspect"}} 0.0
drift_verdict{{{OWN},verdict="clear"}} 0.0
drift_verdict{{{OWN},verdict="undecided"}} 0.0
# TYPE drift_streak gauge
drift_streak{{{OWN},verdict="drift"}} 3.0
drift_streak{{{OWN},verdict="clear"}} 0.0
# TYPE drift_profile_info gauge
drift_profile_info{{{OWN},digest="sha256:abc"}} 1.0
"""
BEFORE_THE_FIRST_WINDOW = (
    TEXT.replace(f"drift_last_window_timestamp_seconds{{{OWN}}} 1.8e+09\n", "")
    .replace(f"drift_window_sequence{{{OWN}}} 12.0", f"drift_window_sequence{{{OWN}}} 0.0")
    .replace('verdict="drift"} 1.0', 'verdict="drift"} 0.0')
    .replace("} 3.0", "} 0.0")
)


@pytest.fixture
async def detector():
    """A real HTTP server of exposition text."""
    answer = {"text": TEXT, "status": 200}

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=answer["text"], status=answer["status"])

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with httpx.AsyncClient() as client:
        answer["signal"] = DetectorSignal(client, url, stream="risk", namespace="default")
        yield answer
    await runner.cleanup()


class TestReading:
    async def test_all_of_it(self, detector):
        assert await detector["signal"].read() == SignalReading(
            window=Window(sequence=12, time=1.8e9),
            verdict=Verdict.DRIFT,
            streak=Streak(drift=3, clear=0),
            profile_digest="sha256:abc",
            events=239,
        )

    async def test_before_the_first_window(self, detector):
        detector["text"] = BEFORE_THE_FIRST_WINDOW
        reading = await detector["signal"].read()
        assert (reading.window, reading.verdict, reading.streak) == (None, None, Streak())

    async def test_no_window_of_a_new_profile_yet(self, detector):
        detector["text"] = BEFORE_THE_FIRST_WINDOW.replace(
            f"drift_window_sequence{{{OWN}}} 0.0", f"drift_window_sequence{{{OWN}}} 12.0"
        )
        reading = await detector["signal"].read()
        assert (reading.window, reading.verdict) == (Window(sequence=12, time=None), None)


class TestErrors:
    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            (
                'stream="risk"',
                'stream="renamed"',
                "no series of stream 'risk' in namespace 'default'; it has default/other, default/renamed",
            ),
            (f"drift_window_sequence{{{OWN}}} 12.0\n", "", "has no series drift_window_sequence of stream 'risk'"),
            ("} 12.0", "} NaN", "is nan"),
            ("} 12.0", "} 1.5", "no count"),
            ("} 3.0", "} -1", "no count"),
            (
                'verdict="clear"} 0.0\ndrift_verdict',
                'verdict="clear"} 1.0\ndrift_verdict',
                "1 for drift and clear at once",
            ),
            (
                f"drift_window_sequence{{{OWN}}} 12.0\n",
                f'drift_window_sequence{{{OWN}}} 12.0\ndrift_window_sequence{{{OWN},pod="b"}} 3.0\n',
                "2 series drift_window_sequence",
            ),
            ("drift_streak{", "drift_streak{{", "not in Prometheus' text format"),
        ],
    )
    async def test_what_is_no_signal(self, detector, old, new, says):
        assert old in detector["text"]
        detector["text"] = detector["text"].replace(old, new)
        with pytest.raises(SignalError) as error:
            await detector["signal"].read()
        assert says in str(error.value)

    async def test_another_page(self, detector):
        detector["text"] = "up 1\n"
        with pytest.raises(SignalError, match="it has no stream at all"):
            await detector["signal"].read()

    async def test_an_error_status(self, detector):
        detector["status"], detector["text"] = 503, "starting"
        with pytest.raises(SignalError, match="answered 503: starting"):
            await detector["signal"].read()

    async def test_nobody_there(self, free_port):
        async with httpx.AsyncClient() as client:
            signal = DetectorSignal(client, f"http://127.0.0.1:{free_port()}", stream="risk", namespace="default")
            with pytest.raises(SignalError, match="could not be reached"):
                await signal.read()
