"""The books of a run: every request and every event in exactly one place. Pure functions."""

from dataclasses import dataclass
from typing import Any

from local_stack.demo.state import OUTCOMES, Books


@dataclass(frozen=True)
class Traffic:
    """What the replayer knows of its own requests."""

    requests: int
    failed: int
    rows: int
    rows_failed: int
    rows_by_model: int
    rows_by_rules: int


def request_counts(traffic: Traffic, books: Books, model: str, rules: str) -> dict[str, int]:
    """`sent`, `failed`, and the requests that each side answered."""
    return {
        "sent": traffic.requests,
        "failed": traffic.failed,
        "model": books.answered[model],
        "rules": books.answered[rules],
    }


def event_counts(books: Books) -> dict[str, int]:
    """Request and response events together, by outcome."""
    return {outcome: sum(outcomes.get(outcome, 0) for outcomes in books.events.values()) for outcome in OUTCOMES}


def complaints(traffic: Traffic, books: Books) -> list[str]:
    """Where the books do not add up, one sentence each; empty where they do.

    Args:
        traffic: the replayer's counts.
        books: the stack's counts over the same time.
    """
    answered = traffic.requests - traffic.failed
    rows = traffic.rows - traffic.rows_failed
    request_events, response_events = books.events["request"], books.events["response"]
    taken = sum(event_counts(books)[outcome] for outcome in OUTCOMES if outcome != "shed")
    delivery = books.delivery
    equations = [
        (
            "requests answered to the replayer",
            answered,
            "requests completed by Envoy",
            sum(books.answered.values()),
        ),
        ("requests answered", answered, "request events accepted", request_events["accepted"]),
        ("requests answered", answered, "response events accepted", response_events["accepted"]),
        ("rows answered", rows, "rows accepted by the detector", books.rows_accepted),
        ("rows answered", rows, "rows served by either side", traffic.rows_by_model + traffic.rows_by_rules),
        ("events delivered by the agents", delivery["sent"], "events in the detector's ledger", taken),
        (
            "events offered to the agents",
            delivery["offered"],
            "events delivered, refused, failed or dropped",
            delivery["sent"] + delivery["refused"] + delivery["failed"] + delivery["dropped"],
        ),
    ]
    found = [f"{left}: {count}, but {right}: {other}" for left, count, right, other in equations if count != other]
    lost = delivery["refused"] + delivery["failed"] + delivery["dropped"]
    if lost:
        found.append(f"{lost} payload events did not reach the detector: {delivery}")
    if traffic.failed:
        found.append(f"{traffic.failed} of {traffic.requests} requests failed")
    return found


def switch_differences(live: list[dict[str, Any]], replayed: list[dict[str, Any]]) -> list[str]:
    """Where the switches of a run and those of its replayed evidence differ."""
    keys = ("from", "to", "sequence", "reason")
    seen = [{key: switch[key] for key in keys} for switch in live]
    predicted = [{key: switch[key] for key in keys} for switch in replayed]
    if seen == predicted:
        return []
    return [f"the live switches {seen} are not those that the recorded evidence gives: {predicted}"]


def window_differences(live: list[dict[str, Any]], replayed: list[dict[str, Any]]) -> list[str]:
    """Where the verdicts of a run and those of its replayed events differ."""
    if len(live) != len(replayed):
        return [f"the live run closed {len(live)} windows, the replayed events {len(replayed)}"]

    def essence(window: dict[str, Any]) -> dict[str, Any]:
        # The moment of the check is the one thing that a replay cannot share.
        return {key: value for key, value in window.items() if key != "timestamp"}

    return [
        f"window {one['sequence']}: live {one['verdict']}, replayed {other['verdict']} (or its figures differ)"
        for one, other in zip(live, replayed, strict=True)
        if essence(one) != essence(other)
    ]
