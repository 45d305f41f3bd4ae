"""Logging of the serving processes: a line when something begins, ends or goes wrong, none for each request."""

import logging.config
from typing import Any, Final

LOG_SETTINGS: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "insurance_risk": {"level": "INFO"},
        # KServe takes a logger that has handlers as configured and leaves the rest alone. Its own lines at INFO, like
        # uvicorn's access log, cost more than the answer they report.
        "kserve": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        "uvicorn": {"level": "WARNING"},
    },
}


def configure_serving_logs() -> None:
    """Configure logging of this process; to be called before KServe's server is made."""
    logging.config.dictConfig(LOG_SETTINGS)
