"""The model's predictor."""

from insurance_risk.answers import ModelAnswerer, RulesAnswerer
from insurance_risk.bundle import Bundle
from insurance_risk.scorecard import Scorecard
from insurance_risk.serving.predictor import InsurancePredictor


class ModelPredictor(InsurancePredictor):
    """Serves the model of a bundle, with the rules for the rows that the model should not answer.

    Args:
        name: Name of the model in the V2 paths.
        bundle: The verified bundle; its profile stays the predictor's for good.
        scorecard: The points table.
    """

    def __init__(self, name: str, bundle: Bundle, scorecard: Scorecard) -> None:
        rules = RulesAnswerer(scorecard, bundle.profile)
        super().__init__(name, ModelAnswerer(bundle.pipeline, bundle.profile, rules))
