"""Small synthetic mixed tabular data: a reference profile on disk, and rows that have or have not moved away."""

import hashlib
import json

import numpy as np
import pytest

FORMAT = "driftbreaker.dev/profile/v1"

FEATURES = [
    {"name": "age", "kind": "numeric", "unit": "years", "range": [10, 149], "importance": 0.31},
    {"name": "miles", "kind": "numeric", "unit": "1000 miles", "range": None, "importance": 0.12},
    {"name": "training", "kind": "categorical", "categories": [0, 1], "importance": 0.2},
    {"name": "region", "kind": "categorical", "categories": ["north", "south", "west"], "importance": 0.05},
]
CLASSES = ["high", "medium", "low"]


def draw_rows(count, *, seed, age_shift=0.0, region_shares=(0.5, 0.3, 0.2)):
    """Rows of the four features, as columns of plain Python values.

    Args:
        count: number of rows.
        seed: seed of the random numbers.
        age_shift: how far the ages are moved, in their standard deviations.
        region_shares: shares of north, south and west.
    """
    random = np.random.default_rng(seed)
    ages = np.clip(random.normal(45 + 12 * age_shift, 12, count), 10, 149)
    return {
        "age": np.round(ages, 1).tolist(),
        "miles": np.round(random.gamma(4.0, 10.0, count), 2).tolist(),
        "training": random.choice([0, 1], size=count, p=[0.7, 0.3]).tolist(),
        "region": random.choice(["north", "south", "west"], size=count, p=region_shares).tolist(),
    }


def profile_document(reference, **changes):
    """A profile's members over reference rows, with its digest; ``changes`` replace members before the digest."""
    count = len(reference["age"])
    random = np.random.default_rng(count)
    content = {
        "format": FORMAT,
        "name": "insurance-risk",
        "features": [
            {"unit": None, "range": None, "categories": None, "importance_error": 0.01, **feature}
            for feature in FEATURES
        ],
        "classes": CLASSES,
        "rows": reference,
        "predictions": {
            "class": random.choice(CLASSES, size=count).tolist(),
            "confidence": random.uniform(0.4, 1.0, size=count).round(3).tolist(),
        },
        **changes,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**content, "digest": f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"}


@pytest.fixture
def sample_rows():
    """The function that draws rows: ``sample_rows(count, seed=…, age_shift=…, region_shares=…)`` gives columns."""
    return draw_rows


@pytest.fixture
def make_profile(tmp_path):
    """A function that writes a valid profile file and returns its path.

    ``make_profile(rows=600, seed=11, path=None, **members)``: members replace those of the document (for example
    ``name="other"``); the digest fits what is written. Another seed gives another digest.
    """

    def make(*, rows=600, seed=11, path=None, **members):
        path = path or tmp_path / "profile.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(profile_document(draw_rows(rows, seed=seed), **members)), encoding="utf-8")
        return path

    return make


@pytest.fixture
def make_document():
    """A function that gives a valid profile document: ``make_document(rows=60, seed=11, **members)``."""

    def make(*, rows=60, seed=11, **members):
        return profile_document(draw_rows(rows, seed=seed), **members)

    return make
