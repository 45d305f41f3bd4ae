"""Settings of the service, one typed model."""

from pathlib import Path

import msgspec

from drift_detectors.policy import Policy
from drift_detectors.stream import StreamName

MEBIBYTE = 1024 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the service runs with."""

    stream: StreamName
    """The stream and the InferenceServices whose events belong to it."""

    profile: Path
    """The profile file; read again when it changes."""

    policy: Policy = Policy()
    """How windows become verdicts."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 8085
    """TCP port to listen on; 0 takes a free one."""

    record: Path | None = None
    """File to which accepted events are appended; None records nothing."""

    queue_events: int = 10_000
    """Events that may wait for the worker; the next one is shed."""

    queue_bytes: int = 64 * MEBIBYTE
    """Bytes of payload that may wait for the worker; an event beyond that is shed."""

    body_bytes: int = 4 * MEBIBYTE
    """Largest payload of one event; a larger one is rejected as oversize."""

    deduplication_events: int = 100_000
    """Newest events that are remembered to recognise repeats."""

    history_windows: int = 1000
    """Closed windows that are kept for the API and the report page."""

    profile_poll_seconds: float = 1.0
    """How often the profile file is looked at."""

    shutdown_seconds: float = 10.0
    """How long a stopping service works on what is still queued."""
