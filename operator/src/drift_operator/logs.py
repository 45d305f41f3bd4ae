"""Logs: one line for each change, plain for people or JSON for machines."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_PLAIN = "%(asctime)s %(levelname)s %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s"


def set_up_logging(style: str) -> None:
    """Log to standard error.

    Args:
        style: `plain` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    if style == "json":
        renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter(_JSON, rename_fields=renamed))
    else:
        handler.setFormatter(logging.Formatter(_PLAIN))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
