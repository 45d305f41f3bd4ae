"""Sending rows as traffic: through a model (`InferenceReplayer`) or straight to a drift detector (`EventReplayer`)."""

from insurance_data.replay.bodies import InputForm
from insurance_data.replay.events import EventOrigin
from insurance_data.replay.exchange import Exchange
from insurance_data.replay.replayer import Replayer, ReplayStoppedError
from insurance_data.replay.settings import ReplaySettings
from insurance_data.replay.targets import EventReplayer, InferenceReplayer

__all__ = [
    "EventOrigin",
    "EventReplayer",
    "Exchange",
    "InferenceReplayer",
    "InputForm",
    "ReplaySettings",
    "ReplayStoppedError",
    "Replayer",
]
