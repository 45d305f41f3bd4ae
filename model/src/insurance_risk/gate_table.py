"""The gates' report as a text table for people."""

from insurance_risk.gates import GateReport, GateResult

_HEADINGS = ("gate", "value", "95 % interval", "bound", "result", "in words")


def render_gates(report: GateReport) -> str:
    """Lay out a gate report as an aligned table, closed by one line with the verdict.

    Args:
        report: The report.

    Returns:
        Lines joined by newlines, without one at the end.
    """
    rows = [_HEADINGS, *(_cells(result) for result in report.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if report.passed:
        lines.append(f"All {len(report.results)} gates passed.")
    else:
        lines.append(
            f"{len(report.failed_names)} of {len(report.results)} gates failed: {', '.join(report.failed_names)}."
        )
    return "\n".join(lines)


def _cells(result: GateResult) -> tuple[str, ...]:
    if isinstance(result.bound, tuple):
        bound = f"{result.bound[0]:.2f} to {result.bound[1]:.2f}"
    else:
        bound = f"{result.comparison} {result.bound:.2f}"
    return (
        result.name,
        "none" if result.value is None else f"{result.value:.3f}",
        "" if result.interval is None else f"{result.interval[0]:.3f} to {result.interval[1]:.3f}",
        bound,
        "passed" if result.passed else "FAILED",
        result.sentence,
    )
