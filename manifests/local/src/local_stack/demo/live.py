"""The demo in the terminal: a live table where there is a terminal, one line a month where there is none."""

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local_stack.demo.driver import Segment

LINES = 16
VERDICT_STYLES = {"drift": "bold red", "suspect": "yellow", "clear": "green", "undecided": "dim"}
PHASE_STYLES = {"Healthy": "green", "Suspect": "yellow", "Fallback": "bold red", "Recovering": "cyan"}
COLUMNS = (
    "month",
    "window",
    "verdict",
    "most drifted",
    "effect",
    "phase",
    "model/rules",
    "by rules",
    "accuracy",
)


def cells(segment: Segment) -> tuple[str, ...]:
    """A segment as the table's cells, in the order of `COLUMNS`."""
    return (
        str(segment.month),
        str(segment.window),
        segment.verdict or "-",
        segment.top_feature or "-",
        "-" if segment.top_effect is None else f"{segment.top_effect:.3f}",
        segment.phase,
        f"{segment.weights['model']}/{segment.weights['fallback']}",
        f"{segment.rules_share:.0%}",
        f"{segment.accuracy:.3f}",
    )


class LiveView:
    """Shows segments and news as they come.

    Args:
        console: where to write.
        months: how many months there will be.
    """

    def __init__(self, console: Console, months: int) -> None:
        self._console = console
        self._months = months
        self._recent: deque[Segment] = deque(maxlen=LINES)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        """Start the live table; without a terminal, write its head."""
        if self._live is not None:
            self._live.start()
        else:
            self._console.print(_line(COLUMNS), highlight=False, soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last table on the screen."""
        if self._live is not None:
            self._live.stop()

    def segment(self, segment: Segment) -> None:
        """Show a segment."""
        self._recent.append(segment)
        if self._live is not None:
            self._live.update(self._picture(segment), refresh=True)
        else:
            self._console.print(_line(cells(segment)), highlight=False, soft_wrap=True)

    def news(self, sentence: str) -> None:
        """Say a sentence above the table."""
        self._console.print(Text(sentence, style="bold"), soft_wrap=True)

    def _picture(self, newest: Segment) -> Group:
        table = Table(title=f"driftbreaker: month {newest.month} of {self._months}", title_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column in {"verdict", "most drifted", "phase"} else "right")
        for segment in self._recent:
            row: list[str | Text] = list(cells(segment))
            row[2] = Text(str(row[2]), style=VERDICT_STYLES.get(segment.verdict or "", ""))
            row[5] = Text(segment.phase, style=PHASE_STYLES.get(segment.phase, ""))
            table.add_row(*row)
        return Group(table)


def _line(words: tuple[str, ...]) -> str:
    widths = (5, 6, 9, 17, 6, 10, 11, 8, 8)
    return "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()
