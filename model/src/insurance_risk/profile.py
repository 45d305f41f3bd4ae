"""The reference profile: what a stream of requests is compared with, in one JSON file.

Training writes it; the drift detector and both predictors read it. Its digest names it: two profiles that differ in any
value have different digests, and every answer of a predictor carries the digest of the profile it was given under.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from insurance_risk.errors import ProfileError
from insurance_risk.schema import FeatureKind

PROFILE_FORMAT: Final = "driftbreaker.dev/profile/v1"

Number = int | float


class _ProfilePart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileFeature(_ProfilePart):
    """One feature: its declaration and how much the model depends on it."""

    name: str = Field(min_length=1)
    """Name of the feature, of its column and of its V2 tensor."""
    kind: FeatureKind
    """``numeric`` or ``categorical``."""
    unit: str | None = None
    """Unit of a numeric feature."""
    range: tuple[Number, Number] | None = None
    """Lowest and highest value that the model answers, both included; rows outside go to the rules."""
    categories: list[int | str] | None = None
    """Every value that a categorical feature takes."""
    importance: float
    """Permutation importance: mean drop in accuracy when the column is shuffled."""
    importance_error: float = Field(ge=0)
    """Standard deviation of that drop over the repeats."""

    @model_validator(mode="after")
    def _kind_and_bounds_agree(self) -> Self:
        if self.kind == "categorical" and not self.categories:
            raise ValueError(f"feature '{self.name}' is categorical and has no categories")
        if self.kind == "numeric" and self.categories is not None:
            raise ValueError(f"feature '{self.name}' is numeric and has categories")
        if self.range is not None and not self.range[0] <= self.range[1]:
            raise ValueError(f"range of feature '{self.name}' is upside down")
        return self


class ProfilePredictions(_ProfilePart):
    """The model's own answers on the reference rows, in their order."""

    classes: list[str] = Field(alias="class")
    """Predicted class of each reference row."""
    confidence: list[float]
    """Probability of that class."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Profile(_ProfilePart):
    """A reference profile.

    Raises:
        pydantic.ValidationError: a field is missing, of the wrong type, or contradicts another.
    """

    format: Literal["driftbreaker.dev/profile/v1"] = PROFILE_FORMAT
    """Format and version of the file."""
    name: str
    """Name of the model it describes."""
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    """SHA-256 of the profile's canonical JSON without this field."""
    features: list[ProfileFeature] = Field(min_length=1)
    """The model's inputs in the order of its matrix."""
    classes: list[str] = Field(min_length=2)
    """Class names in the order of the probabilities."""
    rows: dict[str, list[Number]]
    """Reference rows, one list for each feature, all of one length."""
    predictions: ProfilePredictions
    """The model's answers on these rows."""

    @field_validator("rows")
    @classmethod
    def _rows_are_finite(cls, rows: dict[str, list[Number]]) -> dict[str, list[Number]]:
        for name, values in rows.items():
            if not all(map(math.isfinite, values)):
                raise ValueError(f"column '{name}' holds a value that is not finite")
        return rows

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        names = self.feature_names
        if len(set(names)) != len(names):
            raise ValueError("features repeat a name")
        if set(self.rows) != set(names):
            raise ValueError(f"rows has the columns {sorted(self.rows)}, features names {sorted(names)}")
        lengths = {name: len(values) for name, values in self.rows.items()}
        lengths["predictions.class"] = len(self.predictions.classes)
        lengths["predictions.confidence"] = len(self.predictions.confidence)
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns differ in length: {lengths}")
        if 0 in lengths.values():
            raise ValueError("there are no reference rows")
        unknown = set(self.predictions.classes) - set(self.classes)
        if unknown:
            raise ValueError(f"predictions.class names classes that are not in classes: {sorted(unknown)}")
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features' names in the order of the model's matrix."""
        return tuple(feature.name for feature in self.features)


def canonical_digest(content: dict[str, Any]) -> str:
    """Digest of a profile's content.

    Args:
        content: The JSON object; a field ``digest`` in it is left out of the computation.

    Returns:
        ``sha256:`` and 64 hexadecimal digits over the JSON with sorted keys and no spaces, in UTF-8.
    """
    canonical = json.dumps(
        {key: value for key, value in content.items() if key != "digest"},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return f"sha256:{hashlib.sha256(canonical.encode('utf-8')).hexdigest()}"


def profile_content(
    *,
    name: str,
    features: list[dict[str, Any]],
    classes: list[str],
    rows: dict[str, list[Number]],
    predictions: dict[str, list[Any]],
) -> dict[str, Any]:
    """Assemble a profile as the JSON object that is written to disk, with its digest.

    Returns:
        The object, already checked against :class:`Profile`.

    Raises:
        ProfileError: the parts do not make a valid profile.
    """
    content: dict[str, Any] = {
        "format": PROFILE_FORMAT,
        "name": name,
        "features": features,
        "classes": classes,
        "rows": rows,
        "predictions": predictions,
    }
    content["digest"] = canonical_digest(content)
    parse_profile(content, source="the new profile")
    return content


def parse_profile(content: object, *, source: str) -> Profile:
    """Validate a JSON object as a profile and compare it with its own digest.

    Args:
        content: The parsed JSON.
        source: Where it came from, for the error's text.

    Raises:
        ProfileError: naming the wrong field, or both digests.
    """
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise ProfileError(f"{source} is not a valid profile: {_field_errors(error)}") from None
    if not isinstance(content, dict):  # pragma: no cover - model_validate accepts only an object
        raise ProfileError(f"{source} is not a JSON object")
    actual = canonical_digest(content)
    if actual != profile.digest:
        raise ProfileError(f"{source} was altered: its digest field says {profile.digest}, its content has {actual}")
    return profile


def load_profile(path: Path) -> Profile:
    """Read a profile from a file.

    Raises:
        ProfileError: the file cannot be read, is no JSON, lacks a field or does not match its digest.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ProfileError(f"cannot read the profile {path}: {error.strerror}") from error
    except ValueError as error:
        raise ProfileError(f"the profile {path} is not JSON: {error}") from error
    return parse_profile(content, source=f"the profile {path}")


def _field_errors(error: ValidationError) -> str:
    shown = [
        f"{'.'.join(str(part) for part in detail['loc']) or 'profile'}: {detail['msg']}"
        for detail in error.errors(include_input=False, include_url=False)[:3]
    ]
    more = error.error_count() - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
