"""Counters of the predictors, beside KServe's own latency histograms, in the same registry and naming style."""

from typing import Final

from prometheus_client import Counter

REQUESTS: Final = Counter("request_total", "Inference requests, whatever came of them.", ["model_name"])
ERRORS: Final = Counter(
    "error_total", "Inference requests that were answered with an error, by its reason.", ["model_name", "reason"]
)
ROWS: Final = Counter(
    "answered_rows_total", "Rows that were answered, by who answered them.", ["model_name", "served_by"]
)
PROFILE_RELOADS: Final = Counter(
    "profile_reload_total",
    "Times that a changed profile file was read again, by outcome (loaded or refused).",
    ["model_name", "outcome"],
)


def count_error(model_name: str, reason: str) -> None:
    """Count an inference request that ends in an error."""
    REQUESTS.labels(model_name).inc()
    ERRORS.labels(model_name, reason).inc()
