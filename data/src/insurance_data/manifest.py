"""The manifest of a generated data set: what it was generated from, and the digest of every file."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from insurance_data.errors import DatasetError

MANIFEST_FORMAT = "driftbreaker.dev/insurance-data/v1"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """What a data set was generated from."""

    generator_version: str
    """Version of this package; another version may draw other rows from the same seed."""
    seed: int
    variant: str
    change_month: int | None
    """First changed month of the variant `abrupt`, None for the others."""
    months: int
    rows: int
    """Rows of each month."""
    reference_rows: int
    files: Mapping[str, str]
    """SHA-256 (hexadecimal) of each file's bytes by its path within the data set, with `/` between folders."""

    def to_json(self) -> str:
        """The manifest as it is written to the file."""
        return json.dumps({"format": MANIFEST_FORMAT, **asdict(self)}, indent=2) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        DatasetError: the file is not a manifest of this format; the message names the field that is wrong.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != MANIFEST_FORMAT:
        raise DatasetError(f"{path}: format is {found!r}, expected {MANIFEST_FORMAT!r}")
    expected: dict[str, type | tuple[type, ...]] = {
        "generator_version": str,
        "seed": int,
        "variant": str,
        "change_month": (int, type(None)),
        "months": int,
        "rows": int,
        "reference_rows": int,
        "files": dict,
    }
    fields: dict[str, Any] = {}
    for name, kind in expected.items():
        if name not in content or isinstance(content[name], bool) or not isinstance(content[name], kind):
            raise DatasetError(f"{path}: the field {name!r} is missing or of the wrong type")
        fields[name] = content[name]
    for name, digest in fields["files"].items():
        if not isinstance(digest, str) or SHA256.fullmatch(digest) is None:
            raise DatasetError(f"{path}: files[{name!r}] is not a SHA-256 digest of 64 hexadecimal digits")
    return Manifest(**fields)
