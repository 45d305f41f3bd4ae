"""The HTML report of a run: one file, no outside scripts, light and dark."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from local_stack.demo import charts
from local_stack.demo.driver import Segment, Story
from local_stack.demo.summary import WAYS, Summary


def write_report(file: Path, summary: Summary, story: Story, windows: list[dict[str, Any]]) -> None:
    """Write the report of a run.

    Args:
        file: where to; its folder is made.
        summary: the result.
        story: what happened, segment by segment.
        windows: the detector's history.
    """
    environment = Environment(
        loader=PackageLoader("local_stack.demo"), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(**report_context(summary, story, windows))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")


def segment_spans(segments: list[Segment]) -> list[tuple[float, float]]:
    """Where each segment begins and how long it is, in months: month m covers m - 0.5 to m + 0.5."""
    rows_of_month: dict[int, int] = {}
    for segment in segments:
        rows_of_month[segment.month] = rows_of_month.get(segment.month, 0) + segment.rows
    done: dict[int, int] = {}
    spans = []
    for segment in segments:
        before = done.get(segment.month, 0)
        whole = rows_of_month[segment.month]
        spans.append((segment.month - 0.5 + before / whole, segment.rows / whole))
        done[segment.month] = before + segment.rows
    return spans


def report_context(summary: Summary, story: Story, windows: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that the template shows. A pure function."""
    months = sorted({segment.month for segment in story.segments})
    spans = segment_spans(story.segments)
    accuracy = {way: summary.accuracy[way]["by_month"] for way in WAYS}
    on_rules = [month for month in months if _mostly_rules(story, month)]
    return {
        "summary": summary,
        "ways": WAYS,
        "months": months,
        "accuracy_chart": Markup(  # noqa: S704 - charts escape their texts
            charts.lines(
                accuracy,
                on_rules,
                "Accuracy by month for the breaker, the first model, the rules and the newest model; "
                "shaded months were served mostly by the rules",
            )
        ),
        "rules_chart": Markup(  # noqa: S704 - charts escape their texts
            charts.steps(
                [(start, segment.rules_share) for (start, _), segment in zip(spans, story.segments, strict=True)],
                months,
                "Share of rows answered by the rules",
            )
        ),
        "effect_chart": Markup(_effects(story, spans, windows, months)),  # noqa: S704 - as above
        "segments": story.segments,
        "on_rules": on_rules,
    }


def _mostly_rules(story: Story, month: int) -> bool:
    segments = [segment for segment in story.segments if segment.month == month]
    rows = sum(segment.rows for segment in segments)
    return sum(segment.rules_share * segment.rows for segment in segments) >= rows / 2


def _effects(story: Story, spans: list[tuple[float, float]], windows: list[dict[str, Any]], months: list[int]) -> str:
    """The effect of every feature in every window, each where its window ended."""
    by_sequence = {window["sequence"]: window for window in windows}
    closed: list[tuple[float, float, dict[str, Any]]] = []
    seen = 0
    for (start, length), segment in zip(spans, story.segments, strict=True):
        if segment.window > seen and segment.window in by_sequence:
            closed.append((start, length, by_sequence[segment.window]))
        seen = segment.window
    names = sorted({feature["name"] for _, _, window in closed for feature in window["features"]})
    rows = {
        name: [
            next((feature["effect"] for feature in window["features"] if feature["name"] == name), None)
            for _, _, window in closed
        ]
        for name in names
    }
    if not rows:
        return ""
    return charts.heat(
        rows,
        positions=[start for start, _, _ in closed],
        width=min(length for _, length, _ in closed),
        months=months,
        gate=0.1,
        description="Effect size of each feature in each window against the profile in use",
    )
