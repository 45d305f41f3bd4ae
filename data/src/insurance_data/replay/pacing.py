"""Starting requests at a steady rate."""

MAXIMUM_LAG_SECONDS = 0.1
"""How far the schedule may lie in the past: a late start is made up for, a long stall is not answered with a burst."""


class Pace:
    """The schedule of a replay with a bound on requests per second, on rows per second, on both or on neither.

    Times are seconds on any clock that never goes back. The first request starts at once; each one keeps the next
    waiting for as long as its rows take at the rate.
    """

    def __init__(self, requests_per_second: float | None, rows_per_second: float | None) -> None:
        self._seconds_per_request = 0.0 if requests_per_second is None else 1 / requests_per_second
        self._seconds_per_row = 0.0 if rows_per_second is None else 1 / rows_per_second
        self._next_start: float | None = None

    def delay_before(self, now: float, rows: int) -> float:
        """Seconds to wait from `now` before a request with `rows` rows starts; books its start."""
        due = now if self._next_start is None else max(self._next_start, now - MAXIMUM_LAG_SECONDS)
        self._next_start = due + max(self._seconds_per_request, rows * self._seconds_per_row)
        return max(0.0, due - now)
