"""The spec of a DriftBreaker: what the user wants."""

import itertools
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, JsonValue, field_validator, model_validator

from drift_operator.resource.base import ResourceModel
from drift_operator.resource.durations import Duration, PositiveDuration
from drift_operator.resource.references import Backend, Route
from drift_operator.resource.signal import Signal

MAXIMUM_STEPS = 10
MAXIMUM_HISTORY = 20
WHOLE = 100
"""Percent; the sum of the two weights."""

Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Step = Annotated[int, Field(strict=True, ge=1, le=WHOLE)]
Percent = Annotated[int, Field(strict=True, ge=0, le=WHOLE)]


class Mode(StrEnum):
    """Whether decisions move traffic."""

    OBSERVE = "Observe"
    ENFORCE = "Enforce"


class SignalLossPolicy(StrEnum):
    """What happens to traffic when the signal is lost."""

    HOLD = "Hold"
    FALLBACK = "Fallback"
    MODEL = "Model"


class PinTarget(StrEnum):
    """Where a pin keeps all traffic."""

    MODEL = "Model"
    FALLBACK = "Fallback"


class Trip(ResourceModel):
    """When traffic leaves the model."""

    streak: Count = 1
    """Drift streak at which traffic moves. A drift verdict already confirms itself over several windows, so 1 is
    not hasty."""


class Recover(ResourceModel):
    """When and how traffic returns to the model."""

    streak: Count = 4
    """Clear streak at which the return may begin."""
    dwell: Duration = 600.0
    """Shortest stay on the fallback."""
    steps: Annotated[tuple[Step, ...], Field(max_length=MAXIMUM_STEPS)] = (10, 50, WHOLE)
    """Percent of traffic on the model in each step of the return; strictly increasing, the last is 100."""
    step_duration: Duration = 300.0
    """Shortest stay at each step before the last."""

    @field_validator("steps")
    @classmethod
    def _rise_to_the_whole(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or steps[-1] != WHOLE:
            raise ValueError("the last step must be 100; write for example [10, 50, 100]")
        if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
            raise ValueError(f"{list(steps)} does not rise with every step; write for example [10, 50, 100]")
        return steps


class FlapLimit(ResourceModel):
    """How many switches are too many."""

    switches: Annotated[int, Field(strict=True, ge=1, le=MAXIMUM_HISTORY)] = 3
    """With so many switches (in either direction, pins aside) within `per`, traffic stays on the fallback."""
    per: PositiveDuration = 86_400.0
    """The span of time in which switches are counted, up to now."""


class Mirror(ResourceModel):
    """Copies of live requests to the model while it carries no traffic; its answers to copies reach no client."""

    percent: Percent
    """Percent of live requests that are copied."""


class ProbeRequest(ResourceModel):
    """Body of an Open Inference Protocol (V2) inference request, sent as it is."""

    inputs: Annotated[tuple[dict[str, JsonValue], ...], Field(min_length=1, max_length=256)]
    """Input tensors: `{name, shape, datatype, data}` each."""
    parameters: dict[str, JsonValue] | None = None
    """Request parameters."""
    outputs: tuple[dict[str, JsonValue], ...] | None = None
    """Requested outputs; all of the model's when left out."""

    @field_validator("inputs")
    @classmethod
    def _whole_tensors(cls, inputs: tuple[dict[str, JsonValue], ...]) -> tuple[dict[str, JsonValue], ...]:
        for position, tensor in enumerate(inputs):
            missing = [key for key in ("name", "shape", "datatype", "data") if key not in tensor]
            if missing:
                raise ValueError(
                    f"input {position} lacks {', '.join(missing)}; write {{name: ..., shape: [...], "
                    "datatype: FP64, data: [...]}"
                )
        return inputs


class Probe(ResourceModel):
    """A real inference request that both backends must be able to answer.

    The fallback is probed before traffic moves to it and while it carries traffic; the model is probed so that one
    which no longer answers is left. The request is one that serves: a row of the training data, for instance.
    """

    model: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the model in the V2 path `/v2/models/{model}/infer`; both backends serve it under this name."""
    request: ProbeRequest
    """The request's body."""
    outputs: tuple[str, ...] = ()
    """Names of outputs that the answer must contain; any non-empty answer will do when left out."""
    interval: PositiveDuration = 10.0
    """How often each backend is probed; the fallback also whenever it is about to get traffic."""
    timeout: PositiveDuration = 2.0
    """Time within which the answer must be there."""
    failure_threshold: Count = 3
    """Probes in a row that must fail before a backend that carries traffic is left for not answering; and that must
    succeed before such a backend gets traffic again. Each reading of the signal counts the newest probe only."""


class Pin(ResourceModel):
    """A person's decision in place of the breaker's."""

    to: PinTarget
    """Where all traffic goes."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, for those who read the status."""
    until: AwareDatetime | None = None
    """When the pin ends; it stays until it is removed when left out."""

    def is_active(self, time: float) -> bool:
        """Whether the pin holds at a time given in Unix seconds."""
        return self.until is None or time < self.until.timestamp()


class DriftBreakerSpec(ResourceModel):
    """What a DriftBreaker guards and how it decides."""

    route: Route
    """The HTTPRoute whose weights move."""
    model: Backend
    """The model's backend."""
    fallback: Backend
    """The fallback's backend; it answers the same V2 model name and signature."""
    signal: Signal
    """Where drift is read."""
    probe: Probe | None = None
    """The request that shows that a backend answers. `mode: Enforce` needs it: traffic never moves to a fallback that
    did not answer."""
    trip: Trip = Trip()
    """When traffic leaves the model."""
    recover: Recover = Recover()
    """When and how it returns."""
    on_signal_loss: SignalLossPolicy = SignalLossPolicy.HOLD
    """What happens when the signal is lost."""
    flap_limit: FlapLimit = FlapLimit()
    """How many switches are too many."""
    mirror: Mirror | None = None
    """Copies of live requests to the benched model; none when left out."""
    mode: Mode = Mode.OBSERVE
    """Observe decides and reports, and moves nothing. Enforce moves traffic."""
    pin: Pin | None = None
    """Keeps all traffic on one side."""

    @model_validator(mode="after")
    def _two_backends_and_a_probe(self) -> Self:
        if self.model == self.fallback:
            raise ValueError(f"model and fallback are both {self.model.name!r}; name two different backends")
        if self.model.name == self.fallback.name:
            raise ValueError(
                f"model and fallback share the name {self.model.name!r}, which routes and metrics could not tell "
                "apart; name two different backends"
            )
        if self.mode is Mode.ENFORCE and self.probe is None:
            raise ValueError(
                "mode: Enforce needs probe, since traffic never moves to a fallback that has not answered; write "
                "probe: {model: NAME, request: {inputs: [{name: ..., shape: [1], datatype: FP64, data: [...]}]}}, "
                "or mode: Observe"
            )
        return self
