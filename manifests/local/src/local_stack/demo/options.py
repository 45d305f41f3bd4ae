"""What `make demo` was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DemoOptions:
    """Options of one demo run."""

    data: Path | None
    """A data set of the usual layout; None: generate one."""
    seed: int
    """Seed of the generated data and of the training."""
    months: int
    """Months to generate."""
    variant: str
    """Variant of the generated data: both, none, abrupt."""
    abrupt_month: int | None
    """First changed month of the variant `abrupt`."""
    retrain: bool
    """Whether a tripped breaker leads to retraining."""
    label_delay: int
    """Months between a month's end and the arrival of its labels."""
    retrain_months: int
    """How many of the newest labelled months a retraining uses."""
    fast: bool
    """Whether months pass as fast as the answers come, and the breaker's durations shrink with them."""
    rows_per_request: int
    """Rows in one V2 request."""
    rate: float | None
    """Rows per second; None: as fast as the answers come."""
    concurrency: int
    """Requests under way at the same time."""
    json_file: Path | None
    """Where the summary goes for scripts."""
    report_file: Path
    """Where the HTML report goes."""
