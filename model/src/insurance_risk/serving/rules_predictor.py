"""The rules' predictor, which needs neither the model nor the libraries that it is made of."""

from typing import Any

from kserve import InferRequest, InferResponse

from insurance_risk.answers import RulesAnswerer
from insurance_risk.scorecard import Scorecard
from insurance_risk.serving.predictor import InsurancePredictor
from insurance_risk.serving.profile_file import ProfileFile


class RulesPredictor(InsurancePredictor):
    """Serves the points table for every row, under the profile of a file that it follows.

    Args:
        name: Name of the model in the V2 paths.
        profile_file: The profile's file; read again when it changes.
        scorecard: The points table.
    """

    def __init__(self, name: str, profile_file: ProfileFile, scorecard: Scorecard) -> None:
        super().__init__(name, RulesAnswerer(scorecard, profile_file.profile))
        self._profile_file = profile_file
        self._scorecard = scorecard

    def _follow_profile(self) -> None:
        if self._profile_file.refresh():
            self._use(RulesAnswerer(self._scorecard, self._profile_file.profile))

    async def predict(
        self,
        payload: InferRequest | dict[str, Any] | bytes,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """Answer a V2 request under the profile that the file holds now; see :meth:`InsurancePredictor.predict`."""
        self._follow_profile()
        return await super().predict(payload, headers, response_headers)

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the V2 model metadata, after the profile that the file holds now."""
        self._follow_profile()
        return super().get_input_types()
