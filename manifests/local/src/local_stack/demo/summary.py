"""The run's result for scripts (JSON) and for a person in the terminal."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.demo.accuracy import mean_accuracy
from local_stack.demo.driver import Story

WAYS = {
    "breaker": "with the breaker (what clients got)",
    "model": "the first model alone",
    "rules": "the rules alone",
    "retrained": "the newest model, no breaker",
}


@dataclass(frozen=True)
class Summary:
    """What a run came to."""

    data: str
    """The data set's folder."""
    requests: dict[str, int]
    """sent, failed, and the requests answered by each side: model, rules."""
    rows: dict[str, int]
    """sent, failed, and the rows answered by each kind of answer: model, rules."""
    events: dict[str, int]
    """Payload events in the detector's ledger: accepted, duplicate, ignored, rejected, shed."""
    switches: list[dict[str, Any]]
    """month, window, from, to, reason of every switch."""
    retrainings: list[dict[str, Any]]
    """Every retraining: month, trained_on, bundle, passed, digest, seconds."""
    accuracy: dict[str, dict[str, Any]]
    """breaker, model, rules, retrained: `by_month` and `mean`."""
    reading: list[str]
    """What the accuracies say."""
    replayed: dict[str, bool]
    """Whether the offline replay of the recorded events and of the recorded evidence gave the live decisions."""
    problems: list[str]
    """Why the run is not sound; empty where it is."""
    replay_seconds: float
    """Wall time of the replay, set-up aside."""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def build_summary(
    *,
    data: str,
    story: Story,
    requests: dict[str, int],
    events: dict[str, int],
    accuracy: dict[str, dict[int, float]],
    reading: list[str],
    replayed: dict[str, bool],
    problems: list[str],
    replay_seconds: float,
) -> Summary:
    """Put the parts together. A pure function."""
    traffic = story.traffic()
    return Summary(
        data=data,
        requests=requests,
        rows={
            "sent": traffic.rows,
            "failed": traffic.rows_failed,
            "model": traffic.rows_by_model,
            "rules": traffic.rows_by_rules,
        },
        events=events,
        switches=story.switches,
        retrainings=[asdict(retraining) for retraining in story.retrainings],
        accuracy={way: {"by_month": by_month, "mean": mean_accuracy(by_month)} for way, by_month in accuracy.items()},
        reading=reading,
        replayed=replayed,
        problems=problems,
        replay_seconds=round(replay_seconds, 1),
    )


def print_summary(console: Console, summary: Summary, report: str) -> None:
    """Show the summary in the terminal."""
    console.print()
    console.rule("summary", align="left")
    requests, events = summary.requests, summary.events
    console.print(
        f"requests  {requests['sent']} sent, {requests['failed']} failed; answered by the model's service "
        f"{requests['model']}, by the rules' service {requests['rules']}",
        highlight=False,
    )
    console.print(
        f"rows      {summary.rows['sent']} sent; answered by the model {summary.rows['model']}, "
        f"by the rules {summary.rows['rules']} (single rows that the model would not answer among them)",
        highlight=False,
    )
    console.print("events    " + ", ".join(f"{count} {name}" for name, count in events.items()), highlight=False)
    console.print(
        "replayed  "
        + "; ".join(f"{name}: {'the same' if same else 'DIFFERENT'}" for name, same in summary.replayed.items()),
        highlight=False,
    )
    for switch in summary.switches:
        console.print(
            f"switch    month {switch['month']}, window {switch['window']}: {switch['from']} -> {switch['to']} "
            f"({switch['reason']})",
            highlight=False,
        )
    if not summary.switches:
        console.print("switch    none", highlight=False)
    table = Table(title="mean accuracy over the months", title_justify="left")
    table.add_column("")
    table.add_column("accuracy", justify="right")
    for way, name in WAYS.items():
        table.add_row(name, f"{summary.accuracy[way]['mean']:.3f}")
    console.print(table)
    for sentence in summary.reading:
        console.print(sentence, highlight=False)
    console.print(f"replay took {summary.replay_seconds:.0f} s; report: {report}", highlight=False, soft_wrap=True)
    for problem in summary.problems:
        console.print(f"PROBLEM   {problem}", style="bold red", highlight=False, soft_wrap=True)
