"""Events as KServe's agent writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from insurance_data.replay.events import EventOrigin, request_event_headers, timestamp

NOON = datetime(2026, 8, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-08-21T12:00:00Z"),
        (NOON + timedelta(microseconds=120_000), "2026-08-21T12:00:00.12Z"),
        (NOON + timedelta(microseconds=1), "2026-08-21T12:00:00.000001Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-08-21T12:00:00Z"),
    ],
)
def test_times_are_written_as_go_does(moment, text):
    assert timestamp(moment) == text
    assert datetime.fromisoformat(text) == moment


def test_headers_are_exactly_those_of_the_agent():
    headers = request_event_headers(
        EventOrigin("insurance-risk", "production"),
        event_id="replay-1",
        arrived=NOON,
        recorded=NOON + timedelta(seconds=1.5),
    )
    assert headers == {
        "Ce-Specversion": "1.0",
        "Ce-Id": "replay-1",
        "Ce-Type": "org.kubeflow.serving.inference.request",
        "Ce-Source": "http://localhost:9081/",
        "Ce-Time": "2026-08-21T12:00:00Z",
        "Ce-Recordedtime": "2026-08-21T12:00:01.5Z",
        "Ce-Inferenceservicename": "insurance-risk",
        "Ce-Namespace": "production",
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": "{}",
        "Content-Type": "application/json",
    }
