"""What all sources of the signal share: their form, their error, and asking over HTTP."""

from typing import Protocol

import httpx

from drift_operator.breaker.evidence import SignalReading

_LONGEST_EXCERPT = 200


class SignalError(Exception):
    """The signal could not be read; the message says from where and why, and becomes evidence."""


class SignalSource(Protocol):
    """Where the signal is read."""

    async def read(self) -> SignalReading:
        """Read the signal.

        Raises:
            SignalError: It could not be read, or what was read is no signal.
        """


async def fetch(
    client: httpx.AsyncClient, url: str, *, parameters: dict[str, str] | None = None, accept: str
) -> httpx.Response:
    """Get an address.

    Returns:
        The response, whatever its status.

    Raises:
        SignalError: No response came.
    """
    try:
        return await client.get(url, params=parameters, headers={"Accept": accept})
    except httpx.TimeoutException as error:
        raise SignalError(f"{url} did not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SignalError(f"{url} could not be reached: {error or type(error).__name__}") from error


def excerpt(text: str) -> str:
    """The beginning of an answer, on one line, for an error."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_EXCERPT else f"{line[:_LONGEST_EXCERPT]}..."


def whole_number(value: float, what: str) -> int:
    """A count that came as a float.

    Raises:
        SignalError: It is no whole number of zero or more.
    """
    if not (value >= 0 and value.is_integer()):
        raise SignalError(f"{what} is {value:g}, which is no count; expected a whole number of zero or more")
    return int(value)
