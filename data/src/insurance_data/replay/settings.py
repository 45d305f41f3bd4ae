"""How a replay sends."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from insurance_data.errors import SettingsError
from insurance_data.schema import FEATURES

PROBE_PREFIX = "driftbreaker-probe-"
"""Ids that start so are the breaker's probes: a detector ignores their rows."""

ID_PREFIX = re.compile(r"[A-Za-z0-9._:-]+")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS = frozenset({"content-type", "content-length", "transfer-encoding"})


def random_id_prefix() -> str:
    """A prefix that no other replay has."""
    return f"replay-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class ReplaySettings:
    """How rows are cut into requests, how fast they go out, and what happens when one fails.

    Raises:
        SettingsError: a value is out of its range.
    """

    rows_per_request: int = 10
    requests_per_second: float | None = None
    """Upper bound on the requests started per second; None for no bound."""
    rows_per_second: float | None = None
    """Upper bound on the rows sent per second; with both bounds the slower one holds."""
    concurrency: int = 1
    """Requests under way at once. With 1 a request starts when the one before it has been answered, so rows arrive in
    their order; with more they are started in order but may overtake one another."""
    timeout_seconds: float = 10.0
    """How long to wait for a connection, and then for the next byte of the answer."""
    retries: int = 2
    """How often a request is sent again, under the same id, when no connection came about: nothing can have arrived."""
    retry_possibly_processed: bool = False
    """Also send a request again after a timeout, a lost connection or a status of 429, 502, 503 or 504. The server may
    have processed it already; only one that knows the id can tell."""
    max_consecutive_failures: int | None = None
    """Stop after so many failed requests in a row; None to send everything whatever happens."""
    id_prefix: str = field(default_factory=random_id_prefix)
    """Ids are the prefix, a hyphen and a running number. A prefix used twice gives ids that a detector has seen before
    and counts as duplicates."""
    columns: tuple[str, ...] = FEATURES
    """The columns sent, in the order of the matrix form."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP headers added to every request, for example `Host` or `Authorization`."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name, lowest in (("rows_per_request", 1), ("concurrency", 1), ("retries", 0)):
            if getattr(self, name) < lowest:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected {lowest} or more")
        for name in ("requests_per_second", "rows_per_second", "timeout_seconds", "max_consecutive_failures"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{name} is {value}, expected more than 0")
        if ID_PREFIX.fullmatch(self.id_prefix) is None:
            raise SettingsError(f"id_prefix is {self.id_prefix!r}, expected letters, digits and any of . _ : -")
        if f"{self.id_prefix}-".startswith(PROBE_PREFIX):
            raise SettingsError(f"id_prefix must not start with {PROBE_PREFIX!r}: detectors ignore rows of such ids")
        if not self.columns or len(set(self.columns)) != len(self.columns):
            raise SettingsError(f"columns are {list(self.columns)}, expected one or more different names")
        for name, value in self.headers.items():
            if HEADER_NAME.fullmatch(name) is None or not value.isprintable() or not value.isascii():
                raise SettingsError(f"{name!r}: {value!r} is not a valid HTTP header")
            if name.lower() in OWN_HEADERS or name.lower().startswith("ce-"):
                raise SettingsError(f"the header {name!r} is set by the replay itself")
