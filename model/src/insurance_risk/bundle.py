"""The bundle: a folder that holds a trained model and everything needed to trust and to monitor it.

``model.skops`` (the pipeline; not a pickle, it can only hold types that are listed here), ``profile.json``,
``gates.json`` and ``bundle.json``, which records the SHA-256 of the other three. A bundle is written into a temporary
folder beside its place and renamed, so that no reader sees half of one.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import skops.io
from pydantic import BaseModel, ConfigDict, ValidationError
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from insurance_risk.errors import BundleError
from insurance_risk.profile import Profile, load_profile

if TYPE_CHECKING:  # reading a bundle needs nothing of what training needs
    from insurance_risk.training import TrainedModel

BUNDLE_FORMAT: Final = "driftbreaker.dev/bundle/v1"
MODEL_FILE: Final = "model.skops"
PROFILE_FILE: Final = "profile.json"
GATES_FILE: Final = "gates.json"
BUNDLE_FILE: Final = "bundle.json"

TRUSTED_TYPES: Final = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)
"""Types that a model file may name beyond numpy's and scikit-learn's public estimators, which skops itself trusts."""


class BundleManifest(BaseModel):
    """The content of ``bundle.json``.

    Raises:
        pydantic.ValidationError: a field is missing or of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["driftbreaker.dev/bundle/v1"] = BUNDLE_FORMAT
    """Format and version of the folder."""
    created: datetime
    """When the bundle was written."""
    source: str
    """What the model was trained on, for people: the data set and the months."""
    candidate: str
    """Name of the candidate that was chosen."""
    seed: int
    """Seed of the training."""
    train_rows: int
    """Rows that the model was trained on."""
    test_rows: int
    """Held-out rows that the gates judged it by."""
    gates_passed: bool
    """Whether every gate passed."""
    profile_digest: str
    """Digest of the reference profile."""
    versions: dict[str, str]
    """Versions of scikit-learn, skops and numpy that wrote the model file."""
    files: dict[str, str]
    """SHA-256 of each other file of the folder, as ``sha256:<hex>``."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read and verified.

    Attributes:
        pipeline: The trained pipeline.
        profile: Its reference profile.
        gates: The content of ``gates.json``.
        manifest: The content of ``bundle.json``.
    """

    pipeline: Pipeline
    profile: Profile
    gates: dict[str, Any]
    manifest: BundleManifest


def write_bundle(trained: "TrainedModel", folder: Path, *, source: str, seed: int) -> BundleManifest:
    """Write a trained model as a bundle.

    An earlier bundle at that place is replaced; anything else there is left alone.

    Args:
        trained: The outcome of the training.
        folder: Where the bundle goes; its parents are made.
        source: What the model was trained on, for people.
        seed: Seed of the training.

    Returns:
        What was written to ``bundle.json``.

    Raises:
        BundleError: something that is no bundle stands in the place, or the folder cannot be written.
    """
    folder = folder.absolute()
    check_place(folder)
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        skops.io.dump(trained.pipeline, temporary / MODEL_FILE)
        _write_json(temporary / PROFILE_FILE, trained.profile)
        _write_json(temporary / GATES_FILE, _gates_content(trained))
        manifest = BundleManifest(
            created=datetime.now(UTC),
            source=source,
            candidate=trained.chosen.candidate.name,
            seed=seed,
            train_rows=trained.train_rows,
            test_rows=trained.test_rows,
            gates_passed=trained.chosen.report.passed,
            profile_digest=trained.profile["digest"],
            versions={name: version(name) for name in ("scikit-learn", "skops", "numpy")},
            files={name: _file_digest(temporary / name) for name in (MODEL_FILE, PROFILE_FILE, GATES_FILE)},
        )
        _write_json(temporary / BUNDLE_FILE, manifest.model_dump(mode="json"))
        temporary.chmod(0o755)
        _put_in_place(temporary, folder)
    except OSError as error:
        raise BundleError(f"cannot write the bundle {folder}: {error.strerror}: {error.filename}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def check_place(folder: Path) -> None:
    """Refuse a place that holds something other than a bundle.

    Raises:
        BundleError: a file, or a folder with content that is no bundle, stands there.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / BUNDLE_FILE).is_file()):
        raise BundleError(f"{folder} exists and is no bundle: choose another place or remove it")


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle after comparing every file with its recorded digest.

    Raises:
        BundleError: a file is missing, altered or not readable, or the model names types that are not trusted.
        ProfileError: the profile is not valid.
    """
    folder = folder.resolve()  # a link may be turned to another bundle while this one is read
    manifest = read_manifest(folder)
    contents = {name: _read_verified(folder / name, expected) for name, expected in manifest.files.items()}
    for name in (MODEL_FILE, PROFILE_FILE, GATES_FILE):
        if name not in contents:
            raise BundleError(f"{folder / BUNDLE_FILE} records no digest of {name}: train the bundle again")
    profile = load_profile(folder / PROFILE_FILE)
    if profile.digest != manifest.profile_digest:
        raise BundleError(
            f"{folder / BUNDLE_FILE} belongs to the profile {manifest.profile_digest}, "
            f"{PROFILE_FILE} is {profile.digest}: train the bundle again"
        )
    return Bundle(
        pipeline=_load_model(folder / MODEL_FILE, contents[MODEL_FILE]),
        profile=profile,
        gates=json.loads(contents[GATES_FILE]),
        manifest=manifest,
    )


def read_manifest(folder: Path) -> BundleManifest:
    """Read ``bundle.json`` of a bundle.

    Raises:
        BundleError: it is missing or malformed.
    """
    path = folder / BUNDLE_FILE
    try:
        return BundleManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BundleError(f"{folder} is no bundle: cannot read {BUNDLE_FILE}: {error.strerror}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc']) or 'file'}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False)[:3]
        )
        raise BundleError(f"{path} is malformed: {faults}") from None


def _load_model(path: Path, content: bytes) -> Pipeline:
    try:
        pipeline = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise BundleError(f"{path} was not loaded, for it names types that are not trusted: {error}") from error
    except Exception as error:  # skops lets whatever a broken archive provokes through
        raise BundleError(f"{path} is no model that this version of skops reads: {error}") from error
    if not isinstance(pipeline, Pipeline):
        raise BundleError(f"{path} holds a {type(pipeline).__name__}, expected a scikit-learn Pipeline")
    return pipeline


def _gates_content(trained: "TrainedModel") -> dict[str, Any]:
    return {
        **trained.chosen.report.to_content(),
        "candidate": trained.chosen.candidate.name,
        "attempts": [
            {"candidate": attempt.candidate.name, "failed": list(attempt.report.failed_names)}
            for attempt in trained.attempts
        ],
    }


def _put_in_place(temporary: Path, folder: Path) -> None:
    if not folder.exists():
        temporary.rename(folder)
        return
    # A folder with content cannot be renamed over: the old one steps aside first, and comes back if that fails.
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(aside / folder.name)
    try:
        temporary.rename(folder)
    except OSError:
        (aside / folder.name).rename(folder)
        raise
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(aside)


def _read_verified(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"the bundle is incomplete: cannot read {path}: {error.strerror}") from error
    actual = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if actual != expected:
        raise BundleError(f"{path} was altered: {BUNDLE_FILE} records {expected}, the file has {actual}")
    return content


def _file_digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
