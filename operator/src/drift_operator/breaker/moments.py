"""Moments as a person reads them."""

from datetime import UTC, datetime


def as_text(time: float) -> str:
    """Write Unix seconds as a time in UTC, whole seconds: `2027-01-31T00:00:00Z`."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
