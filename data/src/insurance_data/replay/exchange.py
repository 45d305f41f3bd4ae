"""What became of one request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One request of a replay and its answer, resends included."""

    id: str
    """The V2 `id` and the `Ce-Id`, the same in every attempt."""
    first_row: int
    """Position of the request's first row in the table that was sent, from 0."""
    rows: int
    status: int | None
    """HTTP status of the last attempt; None where no answer came."""
    latency_seconds: float
    """From the start of the first attempt to the end of the last."""
    resent_because: tuple[str, ...]
    """The reason for each attempt after the first."""
    error: str | None
    """Why the request counts as failed; None where it was answered as it should be."""
    classes: tuple[str, ...] | None = None
    """The answered class of each row; None where there was none, as at a detector."""
    served_by: tuple[str, ...] | None = None
    """Who answered each row (model or rules); None where the answer does not say."""
    profile_digest: str | None = None
    """Digest of the reference profile that the predictor reported."""

    @property
    def attempts(self) -> int:
        """How often the request was sent."""
        return 1 + len(self.resent_because)
