"""The paths of a data set, relative to its directory."""

import re

REFERENCE = "reference.csv.gz"
TRAIN = "train.csv.gz"
TEST = "test.csv.gz"
MANIFEST = "manifest.json"
MONTHS_FOLDER = "monthly"
MONTH_FILE = re.compile(r"month-([1-9][0-9]*)\.csv\.gz")


def month_path(month: int) -> str:
    """The file of one month, counted from 1."""
    return f"{MONTHS_FOLDER}/month-{month}.csv.gz"
