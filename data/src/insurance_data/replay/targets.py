"""The two ways of sending rows: through the model, and straight to the detector as KServe's agent would."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from insurance_data.errors import SettingsError
from insurance_data.replay.bodies import Answer, InputForm, read_answer, request_body
from insurance_data.replay.events import EventOrigin, request_event_headers
from insurance_data.replay.exchange import Exchange
from insurance_data.replay.replayer import Batch, PreparedRequest, Replayer
from insurance_data.replay.settings import ReplaySettings


def infer_url(url: str, model: str) -> str:
    """The V2 inference address of `model` on the server at `url`.

    Raises:
        SettingsError: the model's name is empty.
    """
    if not model:
        raise SettingsError("the model's name is empty")
    return f"{url.rstrip('/')}/v2/models/{quote(model, safe='')}/infer"


class InferenceReplayer(Replayer):
    """Sends rows through the model, with predictions: V2 requests over REST.

    The request's `id` goes out as the header `Ce-Id` too, which KServe's agent takes for its events: a detector can
    tell a resent request from a new one, and labels can be joined later.

    Args:
        url: the server's address, without `/v2`.
        model: the model's name.
        settings: how to send.
        form: one tensor per feature, or one matrix.
        on_exchange: called with each request's outcome.

    Raises:
        SettingsError: the address or the model's name is not one.

    Example:
        >>> async with InferenceReplayer("http://127.0.0.1:8080", "insurance-risk") as replayer:  # doctest: +SKIP
        ...     exchanges = await replayer.send(dataset.read_month(1))
    """

    def __init__(
        self,
        url: str,
        model: str,
        settings: ReplaySettings | None = None,
        *,
        form: InputForm = InputForm.TENSORS,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        super().__init__(url, settings, on_exchange)
        self._infer_url = infer_url(url, model)
        self._form = form

    def prepare(self, batch: Batch) -> PreparedRequest:
        """The V2 request for some rows."""
        headers = {"Content-Type": "application/json", "Ce-Id": batch.id}
        return PreparedRequest(
            self._infer_url, headers, request_body(batch.columns, request_id=batch.id, form=self._form)
        )

    def read(self, batch: Batch, body: bytes) -> Answer:
        """Read the V2 answer."""
        return read_answer(body, request_id=batch.id, rows=batch.rows)


class EventReplayer(Replayer):
    """Sends rows straight to the detector: one request event per V2 body, as KServe's agent would; no predictions.

    Args:
        url: where the agent would send its events (`logger.url` of the InferenceService), used exactly as given.
        origin: the InferenceService that the events claim to come from.
        settings: how to send.
        on_exchange: called with each event's outcome.

    Raises:
        SettingsError: the address is not one.
    """

    def __init__(
        self,
        url: str,
        origin: EventOrigin,
        settings: ReplaySettings | None = None,
        *,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        super().__init__(url, settings, on_exchange)
        self._origin = origin

    def prepare(self, batch: Batch) -> PreparedRequest:
        """The event for some rows."""
        now = datetime.now(UTC)
        headers = request_event_headers(self._origin, event_id=batch.id, arrived=now, recorded=now)
        return PreparedRequest(self.url, headers, request_body(batch.columns, request_id=batch.id))

    def read(self, batch: Batch, body: bytes) -> None:
        """A 2xx status is all that a detector says."""
