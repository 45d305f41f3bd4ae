"""The reference profile: what a stream is compared with, and the one place where its features are declared."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

FORMAT = "driftbreaker.dev/profile/v1"
_MINIMUM_ROWS = 2

FloatArray = npt.NDArray[np.float64]
Category = float | str


class ProfileError(ValueError):
    """A profile that cannot be used; the message names the file and the field."""


class Feature(msgspec.Struct, frozen=True):
    """One feature of the profile.

    Attributes:
        name: tensor and column name.
        kind: ``numeric`` (compared by value) or ``categorical`` (compared by shares).
        unit: unit of a numeric feature's values, for people.
        range: lowest and highest value, inclusive, that the model answers; None when it answers any.
        categories: the known values of a categorical feature, all numbers or all text.
        importance: permutation importance, the mean drop in accuracy when the column is shuffled.
        importance_error: standard deviation of the importance over its repeats.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    unit: str | None = None
    range: tuple[float, float] | None = None
    categories: tuple[Category, ...] | None = None
    importance: float | None = None
    importance_error: float | None = None

    @property
    def is_categorical(self) -> bool:
        """Whether the feature is compared by the shares of its categories."""
        return self.kind == "categorical"

    @property
    def takes_text(self) -> bool:
        """Whether the feature's values are text (BYTES tensors)."""
        return self.is_categorical and isinstance((self.categories or (0.0,))[0], str)


class Predictions(msgspec.Struct, frozen=True):
    """The model's own answers on the reference rows.

    Attributes:
        classes: predicted class of each row (``class`` in the file).
        confidence: probability of the predicted class of each row.
    """

    classes: list[str] = msgspec.field(name="class")
    confidence: list[float]


class _Document(msgspec.Struct, frozen=True):
    format: str
    name: str
    digest: str
    features: tuple[Feature, ...]
    rows: dict[str, list[Category]]
    classes: tuple[str, ...] = ()
    predictions: Predictions | None = None


class Profile(msgspec.Struct, frozen=True, eq=False):
    """A loaded and verified profile.

    Attributes:
        name: the model's name.
        digest: ``sha256:<hex>`` over the canonical JSON of the file without its digest.
        features: the features in the order of a V2 matrix's columns.
        classes: class names in the order of the model's probabilities.
        rows: reference rows, float64 of shape [n, number of features]; a categorical column holds the index of
            each row's category in the feature's ``categories``.
        document: the file's bytes, for a recording.
    """

    name: str
    digest: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...]
    rows: FloatArray
    document: bytes


def canonical_digest(content: dict[str, Any]) -> str:
    """Digest of a profile's content, its own ``digest`` member left out.

    Returns:
        ``sha256:<hex>`` over the JSON text with sorted keys, no white space, UTF-8 not escaped.
    """
    members = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"


def load_profile(path: Path) -> Profile:
    """Reads and verifies a profile file.

    Raises:
        ProfileError: when the file cannot be read, is no profile of the known format, contradicts itself, or does
            not have the digest that it states.
    """
    try:
        return parse_profile(path.read_bytes())
    except OSError as error:
        raise ProfileError(f"profile {path}: cannot be read: {error.strerror}") from error
    except ProfileError as error:
        raise ProfileError(f"profile {path}: {error}") from error


def parse_profile(document: bytes) -> Profile:
    """Verifies the JSON text of a profile.

    Raises:
        ProfileError: naming the field that is wrong, or both digests when they differ.
    """
    try:
        content = json.loads(document)
        parsed = msgspec.json.decode(document, type=_Document)
    except msgspec.ValidationError as error:
        raise ProfileError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"not JSON: {error}") from None
    if parsed.format != FORMAT:
        raise ProfileError(f"field 'format' is {parsed.format[:80]!r}, this version reads {FORMAT!r}")
    actual = canonical_digest(content)
    if parsed.digest != actual:
        raise ProfileError(
            f"field 'digest' states {parsed.digest[:80]} but the content has {actual}: the file was changed "
            "after it was written; train again or restore it"
        )
    _check_features(parsed)
    count = _check_row_counts(parsed)
    _check_predictions(parsed, count)
    rows = np.column_stack([_encoded(feature, parsed.rows[feature.name]) for feature in parsed.features])
    return Profile(parsed.name, parsed.digest, parsed.features, parsed.classes, rows, document)


def _check_features(parsed: _Document) -> None:
    if not parsed.features:
        raise ProfileError("field 'features' is empty")
    names = [feature.name for feature in parsed.features]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ProfileError(f"field 'features' names a feature twice: {', '.join(sorted(twice))}")
    for feature in parsed.features:
        where = f"feature {feature.name!r}"
        if feature.is_categorical:
            categories = feature.categories or ()
            if not categories:
                raise ProfileError(f"{where} is categorical: field 'categories' must list its values")
            if len({isinstance(category, str) for category in categories}) > 1:
                raise ProfileError(f"{where}: field 'categories' mixes numbers and text")
            if len(set(categories)) != len(categories):
                raise ProfileError(f"{where}: field 'categories' has a value twice")
        elif feature.categories is not None:
            raise ProfileError(f"{where} is numeric: field 'categories' must be null")
        if feature.range is not None and feature.range[0] > feature.range[1]:
            raise ProfileError(f"{where}: field 'range' has its lowest value above its highest")


def _check_row_counts(parsed: _Document) -> int:
    names = {feature.name for feature in parsed.features}
    if set(parsed.rows) != names:
        wrong = ", ".join(sorted(set(parsed.rows) ^ names))
        raise ProfileError(f"field 'rows' and field 'features' do not name the same columns: {wrong}")
    counts = {name: len(column) for name, column in parsed.rows.items()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ProfileError(f"field 'rows' has columns of different lengths: {shown}")
    count = counts[parsed.features[0].name]
    if count < _MINIMUM_ROWS:
        raise ProfileError(f"field 'rows' holds {count} rows, at least {_MINIMUM_ROWS} are needed")
    return count


def _check_predictions(parsed: _Document, count: int) -> None:
    if parsed.predictions is None:
        return
    for name, column in (
        ("class", parsed.predictions.classes),
        ("confidence", parsed.predictions.confidence),
    ):
        if len(column) != count:
            raise ProfileError(f"field 'predictions.{name}' has {len(column)} values for {count} rows")
    unknown = set(parsed.predictions.classes) - set(parsed.classes)
    if unknown:
        raise ProfileError(f"field 'predictions.class' has classes not in 'classes': {sorted(unknown)[:5]}")


def _encoded(feature: Feature, column: list[Category]) -> FloatArray:
    where = f"field 'rows.{feature.name}'"
    if feature.is_categorical:
        codes = {category: index for index, category in enumerate(feature.categories or ())}
        unknown = {value for value in column if value not in codes}
        if unknown:
            shown = ", ".join(map(repr, sorted(unknown, key=str)[:5]))
            raise ProfileError(f"{where} has values that are not in the feature's categories: {shown}")
        return np.array([codes[value] for value in column], dtype=np.float64)
    if any(isinstance(value, str) or not math.isfinite(value) for value in column):
        raise ProfileError(f"{where} has a value that is no finite number")
    return np.array(column, dtype=np.float64)
