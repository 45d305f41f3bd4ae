"""Durations as Kubernetes users write them: `200ms`, `15s`, `10m`, `2h30m`.

The notation is the Gateway API's (GEP-2257): up to four groups of a whole number and a unit out of h, m, s, ms. As in
Prometheus, the units go from large to small and each appears once, so that every duration reads one way only.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PATTERN = re.compile(
    r"(?:(?P<h>\d{1,5})h)?(?:(?P<m>\d{1,5})m(?!s))?(?:(?P<s>\d{1,5})s)?(?:(?P<ms>\d{1,5})ms)?", re.ASCII
)
SCHEMA_PATTERN = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?$"


def parse_duration(text: str) -> float:
    """Read a duration.

    Args:
        text: For example `15s`, `10m`, `2h30m` or `200ms`.

    Returns:
        The duration in seconds.

    Raises:
        ValueError: The text is no duration; the message says how to write one.

    Example:
        >>> parse_duration("2h30m")
        9000.0
    """
    match = _PATTERN.fullmatch(text)
    if not text or match is None:
        raise ValueError(
            f"{text!r} is not a duration; write whole numbers with the units h, m, s, ms from large to small, "
            "for example '200ms', '15s', '10m', '2h30m' or '24h'"
        )
    milliseconds = sum(int(count) * _MILLISECONDS[unit] for unit, count in match.groupdict().items() if count)
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Write a duration in its shortest form; the inverse of `parse_duration`.

    Args:
        seconds: A duration in seconds, rounded to the millisecond.

    Example:
        >>> format_duration(9000.0)
        '2h30m'
    """
    rest = round(seconds * 1000)
    parts = []
    for unit, size in _MILLISECONDS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _from_yaml(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit; write a duration as text, for example '{value}s'")  # noqa: TRY004 (pydantic reports ValueError)
    return parse_duration(value)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("the duration must be longer than zero")
    return seconds


Duration = Annotated[
    float,
    BeforeValidator(_from_yaml),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SCHEMA_PATTERN}),
]
"""Seconds in Python, a text such as `15s` in the resource."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A duration longer than zero."""
