"""Generating a data set on disk: the same settings give the same bytes."""

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from insurance_data import __version__
from insurance_data.dataset import Dataset
from insurance_data.errors import OutputError, SettingsError
from insurance_data.generator import sample_rows, stratified_test_rows
from insurance_data.layout import MANIFEST, REFERENCE, TEST, TRAIN, month_path
from insurance_data.manifest import Manifest, read_manifest
from insurance_data.schema import GROUP
from insurance_data.tables import compressed_bytes
from insurance_data.variants import REFERENCE_WORLD, Variant, world_in_month

TEST_SHARE = 0.2
ROWS_STREAM = 0
SPLIT_STREAM = 1


@dataclass(frozen=True)
class GeneratorSettings:
    """What to generate.

    Raises:
        SettingsError: a value is out of its range, or `change_month` does not fit the variant.
    """

    seed: int = 0
    """0 or more. Variants of the same seed hold the same applicants in different worlds."""
    months: int = 36
    rows: int = 1500
    """Rows of each month."""
    reference_rows: int = 1500
    """Rows of month 0; a fifth of them, stratified by class, is the test set and the rest the training set."""
    variant: Variant = Variant.BOTH
    change_month: int | None = None
    """First changed month of the variant `abrupt`; None for every other variant."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name, lowest in (("seed", 0), ("months", 1), ("rows", 1), ("reference_rows", 10)):
            if getattr(self, name) < lowest:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected {lowest} or more")
        world_in_month(self.variant, self.months, self.change_month)
        if self.change_month is not None and self.change_month > self.months:
            raise SettingsError(f"the change in month {self.change_month} lies after the last month, {self.months}")


def random_generator(seed: int, stream: int, month: int) -> np.random.Generator:
    """The random numbers of one file.

    Every file has a stream of its own, so a month's rows depend neither on how many months are generated nor on their
    order.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, month)))


def month_rows(settings: GeneratorSettings, month: int) -> pd.DataFrame:
    """The rows of `month`, 0 being the reference."""
    generator = random_generator(settings.seed, ROWS_STREAM, month)
    if month == 0:
        return sample_rows(generator, settings.reference_rows, REFERENCE_WORLD)
    return sample_rows(generator, settings.rows, world_in_month(settings.variant, month, settings.change_month))


def generate_tables(settings: GeneratorSettings) -> Iterator[tuple[str, pd.DataFrame]]:
    """All files of a data set as (path within the data set, rows), one in memory at a time."""
    reference = month_rows(settings, 0)
    in_test = stratified_test_rows(
        random_generator(settings.seed, SPLIT_STREAM, 0),
        reference[GROUP].to_numpy(),
        round(TEST_SHARE * settings.reference_rows),
    )
    yield REFERENCE, reference
    yield TRAIN, reference[~in_test]
    yield TEST, reference[in_test]
    for month in range(1, settings.months + 1):
        yield month_path(month), month_rows(settings, month)


def write_dataset(
    directory: Path | str, settings: GeneratorSettings, on_file: Callable[[str], None] | None = None
) -> Dataset:
    """Generate a data set into `directory`.

    The files are written into a folder beside it that takes its place at the end: an interrupted run leaves what was
    there before. A directory is only replaced where it is empty or holds nothing but a data set generated earlier.

    Args:
        directory: where to; made with its parents where it does not exist.
        settings: what to generate.
        on_file: called with the path of each file once it is written.

    Returns:
        The new data set.

    Raises:
        OutputError: the directory holds something else, or cannot be written.
    """
    directory = Path(directory)
    _require_replaceable(directory)
    partial = directory.parent / f".{directory.name}.partial-{uuid.uuid4().hex[:8]}"
    try:
        digests = {}
        for name, table in generate_tables(settings):
            digests[name] = _write(partial / name, compressed_bytes(table))
            if on_file is not None:
                on_file(name)
        manifest = Manifest(
            generator_version=__version__,
            seed=settings.seed,
            variant=settings.variant.value,
            change_month=settings.change_month,
            months=settings.months,
            rows=settings.rows,
            reference_rows=settings.reference_rows,
            files=digests,
        )
        _write(partial / MANIFEST, manifest.to_json().encode())
        _replace(directory, partial)
    except OSError as error:
        raise OutputError(f"the data set cannot be written to {directory}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Dataset.open(directory)


def _write(path: Path, content: bytes) -> str:
    """Write a file with its folders, and return the SHA-256 of its bytes in hexadecimal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _require_replaceable(directory: Path) -> None:
    """Refuse a directory with anything that generating anew would not bring back."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise OutputError(f"{directory} exists and is not a directory: choose another --out")
    found = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    if not found:
        return
    if MANIFEST not in found:
        raise OutputError(
            f"{directory} is not empty and holds no data set generated earlier ({MANIFEST} is missing):"
            " choose another --out or empty it"
        )
    foreign = sorted(found - {MANIFEST} - set(read_manifest(directory / MANIFEST).files))
    if foreign:
        raise OutputError(
            f"{directory} holds {foreign[0]}, which is no file of the data set there:"
            " choose another --out or move it away"
        )


def _replace(directory: Path, partial: Path) -> None:
    """Put the finished folder in the place of `directory`; what was there goes only after it has been moved aside."""
    if directory.exists():
        old = partial.with_name(partial.name.replace(".partial-", ".old-"))
        directory.replace(old)
        try:
            partial.replace(directory)
        except OSError:
            old.replace(directory)
            raise
        shutil.rmtree(old)
    else:
        partial.replace(directory)
