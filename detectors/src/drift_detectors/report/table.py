"""The table that a replay prints."""

from collections.abc import Sequence

from drift_detectors.replay import Replayed
from drift_detectors.stream import ClosedWindow
from drift_detectors.views import rank, utc_text

_COLUMNS = ("window", "time", "rows", "verdict", "drift", "clear", "top feature", "effect", "adjusted p", "direction")


def format_windows(replayed: Replayed) -> str:
    """One line for each window, and one sentence about the rows that are in none."""
    lines = [_COLUMNS, *(_line(window, replayed) for window in replayed.windows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(_COLUMNS))]
    table = "\n".join(_pad(line, widths) for line in lines)
    remarks = [f"{len(replayed.windows)} windows; {replayed.unfinished_rows} rows did not fill another."]
    if replayed.rejected_rows:
        remarks.append(f"{replayed.rejected_rows} rows with a missing or infinite value were left out.")
    return f"{table}\n\n{' '.join(remarks)}"


def _line(window: ClosedWindow, replayed: Replayed) -> tuple[str, ...]:
    decision = window.decision
    verdict = f"{decision.verdict} ({decision.reason})" if decision.reason else str(decision.verdict)
    ranked = rank(window.features, decision.drifted, replayed.policy)
    top = (
        (ranked[0].feature.name, f"{ranked[0].effect:.3f}", f"{ranked[0].adjusted_p_value:.2g}", ranked[0].direction)
        if ranked
        else ("-", "-", "-", "-")
    )
    return (
        str(decision.state.sequence),
        utc_text(window.timestamp),
        str(window.rows),
        verdict,
        str(decision.state.streak.drift),
        str(decision.state.streak.clear),
        *top,
    )


def _pad(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
