"""Small charts as inline SVG, drawn with the page's CSS classes so that light and dark both work. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 28
ROW_LABEL = 140


@dataclass(frozen=True)
class Frame:
    """The plotting area: months on the x axis, values on the y axis."""

    months: Sequence[int]
    low: float
    high: float
    height: int = HEIGHT
    left: int = LEFT
    """Room for the labels of the y axis."""

    def x(self, month: float) -> float:
        """Horizontal position of a month, in the SVG's units."""
        first, last = self.months[0] - 0.5, self.months[-1] + 0.5
        return self.left + (month - first) / (last - first) * (WIDTH - self.left - RIGHT)

    def y(self, value: float) -> float:
        """Vertical position of a value, in the SVG's units."""
        return self.height - BOTTOM - (value - self.low) / (self.high - self.low) * (self.height - TOP - BOTTOM)

    def axes(self, ticks: Sequence[float]) -> str:
        """Grid lines with labels, and every third month."""
        parts = []
        for tick in ticks:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{self.left}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.0%}</text>')
        step = max(1, round(len(self.months) / 12))
        parts.extend(
            f'<text class="tick" x="{self.x(month):.1f}" y="{self.height - 8}" text-anchor="middle">{month}</text>'
            for month in self.months[step - 1 :: step]
        )
        return "".join(parts)

    def wrap(self, body: str, description: str) -> str:
        """The SVG element; `description` is read out by screen readers."""
        return f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{escape(description)}">{body}</svg>'


def lines(series: Mapping[str, Mapping[int, float]], shaded: Sequence[int], description: str) -> str:
    """One line for each series over the months.

    Args:
        series: name (also the CSS class `line-NAME`) to values by month, as shares from 0 to 1.
        shaded: months with a background of the class `shade`.
        description: what the chart shows, in words.
    """
    months = sorted({month for values in series.values() for month in values})
    every = [value for values in series.values() for value in values.values()]
    low = max(0.0, (min(every) * 20 // 1) / 20)
    frame = Frame(months, low, 1.0)
    body = [
        f'<rect class="shade" x="{frame.x(month - 0.5):.1f}" y="{TOP}" '
        f'width="{frame.x(month + 0.5) - frame.x(month - 0.5):.1f}" height="{frame.height - TOP - BOTTOM}"/>'
        for month in shaded
    ]
    ticks = [tick / 10 for tick in range(11) if low <= tick / 10]
    body.append(frame.axes(ticks))
    for name, values in series.items():
        points = " ".join(f"{frame.x(month):.1f},{frame.y(value):.1f}" for month, value in sorted(values.items()))
        body.append(f'<polyline class="line line-{escape(name)}" points="{points}"/>')
    return frame.wrap("".join(body), description)


def steps(points: Sequence[tuple[float, float]], months: Sequence[int], description: str) -> str:
    """A step chart of a share from 0 to 1.

    Args:
        points: (position in months, value), ascending.
        months: the x axis.
        description: what the chart shows, in words.
    """
    frame = Frame(months, 0.0, 1.0, height=150)
    path = []
    for index, (position, value) in enumerate(points):
        command = "M" if index == 0 else f"H{frame.x(position):.1f}V"
        path.append(
            f"M{frame.x(position):.1f},{frame.y(value):.1f}" if index == 0 else f"{command}{frame.y(value):.1f}"
        )
    path.append(f"H{frame.x(months[-1] + 0.5):.1f}")
    axes = frame.axes((0.0, 0.5, 1.0))
    return frame.wrap(f'{axes}<path class="line line-rules" d="{"".join(path)}"/>', description)


def heat(
    rows: Mapping[str, Sequence[float | None]],
    *,
    positions: Sequence[float],
    width: float,
    months: Sequence[int],
    gate: float,
    description: str,
) -> str:
    """A heat map: a strip of cells for each row.

    Args:
        rows: name to a value for each position; None leaves the cell empty.
        positions: left edges of the cells, in months.
        width: of a cell, in months.
        months: the x axis.
        gate: the value from which a cell is drawn in the class `hot`.
        description: what the chart shows, in words.
    """
    strip = 26
    frame = Frame(months, 0.0, 1.0, height=len(rows) * strip + TOP + BOTTOM, left=ROW_LABEL)
    body = []
    for index, (name, values) in enumerate(rows.items()):
        top = TOP + index * strip
        for position, value in zip(positions, values, strict=True):
            if value is None:
                continue
            kind = "hot" if value > gate else "warm"
            strength = min(1.0, value / (3 * gate)) if value > gate else min(1.0, value / gate) * 0.6
            body.append(
                f'<rect class="{kind}" x="{frame.x(position):.1f}" y="{top + 2}" '
                f'width="{max(1.0, frame.x(position + width) - frame.x(position) - 0.6):.1f}" height="{strip - 4}" '
                f'fill-opacity="{max(0.06, strength):.2f}"><title>{escape(name)}: {value:.3f}</title></rect>'
            )
        middle = top + strip / 2 + 4
        body.append(f'<text class="row" x="{ROW_LABEL - 8}" y="{middle:.1f}" text-anchor="end">{escape(name)}</text>')
    body.append(frame.axes(()))
    return frame.wrap("".join(body), description)
