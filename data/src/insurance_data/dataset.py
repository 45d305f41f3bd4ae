"""Reading a data set: any directory of the layout, generated here or not."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from insurance_data.errors import DatasetError
from insurance_data.layout import MANIFEST, MONTH_FILE, MONTHS_FOLDER, REFERENCE, TEST, TRAIN, month_path
from insurance_data.manifest import Manifest, read_manifest
from insurance_data.schema import COLUMNS
from insurance_data.tables import read_header, read_table, require_columns


@dataclass(frozen=True)
class Dataset:
    """A data set whose layout has been checked; the rows are read, and their values checked, when asked for.

    Example:
        >>> dataset = Dataset.open(Path("build/data"))        # doctest: +SKIP
        >>> for month in dataset.months():                    # doctest: +SKIP
        ...     rows = dataset.read_month(month)
    """

    directory: Path
    manifest: Manifest | None
    """None where the directory has no `manifest.json`."""
    last_month: int

    @classmethod
    def open(cls, directory: Path | str, *, verify: bool = False) -> "Dataset":
        """Open a directory and check that every file of the layout is there with its columns.

        Args:
            directory: where `reference.csv.gz`, `train.csv.gz`, `test.csv.gz` and `monthly/` lie.
            verify: also compare the digest of every file with the manifest's.

        Raises:
            DatasetError: the directory, a file or a column is missing, the months have a gap, the manifest is broken or
                names a file that is not there, or (with `verify`) a file is not the one that was generated.
        """
        directory = Path(directory)
        if not directory.is_dir():
            raise DatasetError(f"{directory} is not a directory: generate a data set with `insurance-data generate`")
        manifest = read_manifest(directory / MANIFEST) if (directory / MANIFEST).exists() else None
        last_month = _last_month(directory)
        dataset = cls(directory, manifest, last_month)
        listed = set(manifest.files) if manifest is not None else set()
        for name in dataset.files():
            found, _ = read_header(directory / name)
            require_columns(directory / name, found, COLUMNS)
        for name in sorted(listed):
            if not (directory / name).is_file():
                raise DatasetError(f"{directory / name} is missing, although {directory / MANIFEST} lists it")
        if verify:
            dataset.verify()
        return dataset

    def files(self) -> list[str]:
        """The paths of all files of rows within the directory: reference, train, test, then the months in order."""
        return [REFERENCE, TRAIN, TEST, *(month_path(month) for month in self.months())]

    def months(self) -> range:
        """The numbers of the months, in order: 1 up to the last."""
        return range(1, self.last_month + 1)

    def read_reference(self) -> pd.DataFrame:
        """All rows of month 0 (columns `COLUMNS`)."""
        return read_table(self.directory / REFERENCE)

    def read_train(self) -> pd.DataFrame:
        """The rows of month 0 that a model is trained on."""
        return read_table(self.directory / TRAIN)

    def read_test(self) -> pd.DataFrame:
        """The rows of month 0 that a model is tested on."""
        return read_table(self.directory / TEST)

    def read_month(self, month: int) -> pd.DataFrame:
        """The rows of one month, in the order of their arrival.

        Raises:
            DatasetError: there is no such month, or its file holds a value that it must not.
        """
        if month not in self.months():
            raise DatasetError(f"{self.directory} has no month {month}: its months are 1 to {self.last_month}")
        return read_table(self.directory / month_path(month))

    def verify(self) -> None:
        """Compare the digest of every file with the manifest's.

        Raises:
            DatasetError: there is no manifest, it does not list a file, or a file differs; the message names the file.
        """
        if self.manifest is None:
            raise DatasetError(f"{self.directory} has no {MANIFEST}: there are no digests to compare with")
        for name in self.files():
            expected = self.manifest.files.get(name)
            if expected is None:
                raise DatasetError(f"{self.directory / name} is not listed in {self.directory / MANIFEST}")
            found = hashlib.sha256((self.directory / name).read_bytes()).hexdigest()
            if found != expected:
                raise DatasetError(
                    f"{self.directory / name} is not the file that was generated:"
                    f" its SHA-256 is {found}, the manifest says {expected}"
                )


def _last_month(directory: Path) -> int:
    """The number of the newest month; the months have to run from 1 without a gap."""
    folder = directory / MONTHS_FOLDER
    if not folder.is_dir():
        raise DatasetError(f"{folder} is missing: a data set has its months there")
    matches = (MONTH_FILE.fullmatch(path.name) for path in folder.iterdir())
    months = sorted(int(match.group(1)) for match in matches if match)
    if not months:
        raise DatasetError(f"{folder} holds no month: {month_path(1)} is expected")
    for expected, found in enumerate(months, start=1):
        if found != expected:
            raise DatasetError(f"{directory / month_path(expected)} is missing, although month {found} is there")
    return months[-1]
