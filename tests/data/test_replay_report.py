"""What a report says of a replay."""

import numpy as np
import pytest

from insurance_data.replay import Exchange
from insurance_data.replay.report import ReplayReport, SentRequest


def sent(number, **fields):
    exchange = Exchange(
        **{
            "id": f"r-{number}",
            "first_row": 10 * (number - 1),
            "rows": 10,
            "status": 200,
            "latency_seconds": number / 1000,
            "resent_because": (),
            "error": None,
            "served_by": ("model",) * 9 + ("rules",),
        }
        | fields
    )
    return SentRequest("month-1.csv.gz", exchange)


@pytest.fixture
def report():
    requests = [sent(number) for number in range(1, 101)]
    requests[4] = sent(5, status=400, error="HTTP 400: age is missing", served_by=None)
    requests[6] = sent(7, status=None, error="no connection", served_by=None, latency_seconds=9.0)
    requests[7] = sent(8, resent_because=("no connection", "HTTP 503"))
    return ReplayReport("http://host", requests, rows_to_send=1200, seconds=4.0, stopped="interrupted")


def test_the_counts_add_up(report):
    figures = report.to_dict()
    assert figures["requests"] == {"sent": 100, "succeeded": 98, "failed": 2, "resent": 1}
    assert figures["rows"] == {
        "sent": 1000,
        "failed": 20,
        "not_sent": 200,
        "served_by": {"model": 98 * 9, "rules": 98},
    }
    assert (figures["requests_per_second"], figures["rows_per_second"]) == (25, 250)
    assert figures["stopped"] == "interrupted"


def test_latency_is_that_of_the_answered_requests(report):
    answered = [number / 1000 for number in range(1, 101) if number != 7]
    expected = {name: np.quantile(answered, share) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))}
    assert report.to_dict()["latency_seconds"] == pytest.approx(expected | {"max": 0.1})


def test_every_failure_and_every_resend_is_listed(report):
    figures = report.to_dict()
    assert figures["failed"] == [
        {
            "id": "r-5",
            "source": "month-1.csv.gz",
            "first_row": 40,
            "rows": 10,
            "status": 400,
            "reason": "HTTP 400: age is missing",
            "attempts": 1,
        },
        {
            "id": "r-7",
            "source": "month-1.csv.gz",
            "first_row": 60,
            "rows": 10,
            "status": None,
            "reason": "no connection",
            "attempts": 1,
        },
    ]
    assert figures["resent"] == [
        {
            "id": "r-8",
            "source": "month-1.csv.gz",
            "first_row": 70,
            "rows": 10,
            "attempts": 3,
            "reasons": ["no connection", "HTTP 503"],
            "succeeded": True,
        }
    ]


def test_the_text_says_the_same(report):
    text = report.to_text()
    assert "sent       100 requests with 1000 rows in 4.0 s (25 requests/s, 250 rows/s)" in text
    assert "98 as they should be, 2 failed" in text
    assert "882 by model, 98 by rules" in text
    assert "max 100.0 ms" in text
    assert "NOT SENT   200 rows: interrupted" in text
    assert "r-5 (month-1.csv.gz, rows 41-50): HTTP 400: age is missing" in text
    assert "r-8 (month-1.csv.gz, rows 71-80): 3 attempts, after: no connection; HTTP 503" in text


def test_a_replay_is_complete_only_when_everything_went_well(report):
    assert not report.complete
    assert not ReplayReport("u", report.sent, 1000, 1.0).complete
    good = [sent(1), sent(2)]
    assert ReplayReport("u", good, 20, 1.0).complete
    assert not ReplayReport("u", good, 40, 1.0, stopped="interrupted").complete


def test_where_nothing_was_answered_there_are_no_latencies():
    report = ReplayReport("u", [sent(1, status=None, error="no connection", served_by=None)], 10, 1.0)
    assert report.to_dict()["latency_seconds"] is None
    assert "latency" not in report.to_text()
