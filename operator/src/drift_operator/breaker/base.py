"""Base of the breaker's plain data: frozen, exact in JSON and back, so that evidence and state can be recorded."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable value. Times are Unix seconds; a NaN or infinity is refused, since JSON could not carry it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
