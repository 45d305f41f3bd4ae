"""Opening data sets: what is wrong is named with its file."""

import gzip
import json
import shutil

import pytest

from insurance_data.dataset import Dataset
from insurance_data.errors import DatasetError
from insurance_data.schema import CLASSES, COLUMNS


@pytest.fixture
def copy(dataset, tmp_path):
    return shutil.copytree(dataset.directory, tmp_path / "copy")


def rewrite(path, old, new):
    text = gzip.decompress(path.read_bytes()).decode()
    assert old in text
    path.write_bytes(gzip.compress(text.replace(old, new, 1).encode()))


def test_rows_are_read_with_their_types(dataset):
    table = dataset.read_month(1)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 40
    kinds = {name: table[name].dtype.kind for name in COLUMNS if name != "group_name"}
    assert {name for name, kind in kinds.items() if kind == "i"} == {"training", "emergency_braking", "group"}
    assert {name for name, kind in kinds.items() if kind == "f"} == set(kinds) - {
        "training",
        "emergency_braking",
        "group",
    }
    assert [CLASSES[number] for number in table["group"]] == list(table["group_name"])


def test_months_are_in_numeric_order(copy):
    for month in range(3, 12):
        shutil.copy(copy / "monthly/month-1.csv.gz", copy / f"monthly/month-{month}.csv.gz")
    assert list(Dataset.open(copy).months()) == list(range(1, 12))


def test_a_manifest_is_optional(copy):
    (copy / "manifest.json").unlink()
    dataset = Dataset.open(copy)
    assert dataset.manifest is None
    assert len(dataset.read_test()) == 20
    with pytest.raises(DatasetError, match=r"has no manifest\.json"):
        dataset.verify()


def test_additional_columns_are_ignored(copy):
    path = copy / "train.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress("\n".join(f"{line};x" for line in lines).encode()))
    assert tuple(Dataset.open(copy).read_train().columns) == COLUMNS


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere is not a directory.*insurance-data generate"):
        Dataset.open(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["reference.csv.gz", "train.csv.gz", "test.csv.gz"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(DatasetError, match=f"{name} is missing"):
        Dataset.open(copy)


def test_missing_months_are_named(copy):
    shutil.copy(copy / "monthly/month-1.csv.gz", copy / "monthly/month-4.csv.gz")
    with pytest.raises(DatasetError, match=r"month-3\.csv\.gz is missing, although month 4 is there"):
        Dataset.open(copy)
    for path in (copy / "monthly").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="monthly holds no month"):
        Dataset.open(copy)
    (copy / "monthly").rmdir()
    with pytest.raises(DatasetError, match="monthly is missing"):
        Dataset.open(copy)


def test_a_month_that_the_manifest_lists_is_missed(copy):
    (copy / "monthly/month-2.csv.gz").unlink()
    with pytest.raises(DatasetError, match=r"month-2\.csv\.gz is missing, although .*manifest\.json lists it"):
        Dataset.open(copy)


def test_a_missing_column_is_named_with_its_file(copy):
    rewrite(copy / "monthly/month-2.csv.gz", "braking_distance;", "brakes;")
    with pytest.raises(DatasetError, match=r"month-2\.csv\.gz has no column braking_distance \(it has: training, age"):
        Dataset.open(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not gzip at all", "cannot be read"),
        (gzip.compress(b"training;age")[:-9], "cannot be read"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"\xff\xfe\x00"), "not a text file"),
    ],
)
def test_a_broken_file_is_named(copy, content, message):
    (copy / "reference.csv.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=f"reference.csv.gz.*{message}"):
        Dataset.open(copy)


HEADER = ";".join(COLUMNS)
ROW = "1;35.4;0;38.5;121.0;78.1;-2.7;low;2"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("35.4", ""), r"row 2 has '' in the column 'age', expected a finite number"),
        (ROW.replace("35.4", "old"), r"row 2 has 'old' in the column 'age'"),
        (ROW.replace("121.0", "inf"), r"row 2 has 'inf' in the column 'power'"),
        (ROW.replace("78.1", "nan"), r"row 2 has 'nan' in the column 'miles'"),
        (ROW.replace("1;35", "2;35"), r"row 2 has '2' in the column 'training', expected 0 or 1"),
        (ROW.replace("low", "tiny"), r"row 2 has 'tiny' in the column 'group_name', expected high or medium or low"),
        (ROW.replace("low;2", "low;1"), r"row 2 has '1' in the column 'group', expected the number of"),
        (f"{ROW};1;2;3", r"cannot be read as CSV"),
    ],
)
def test_a_bad_value_is_named_with_file_row_and_column(copy, row, message):
    (copy / "monthly/month-1.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n{row}\n{ROW}\n".encode()))
    dataset = Dataset.open(copy)
    with pytest.raises(DatasetError, match=rf"month-1\.csv\.gz.*{message}"):
        dataset.read_month(1)


def test_a_file_without_rows_is_named(copy):
    (copy / "test.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n".encode()))
    with pytest.raises(DatasetError, match=r"test\.csv\.gz has a header but no rows"):
        Dataset.open(copy).read_test()


@pytest.mark.parametrize("month", [0, 3])
def test_a_month_that_does_not_exist_is_refused(dataset, month):
    with pytest.raises(DatasetError, match=f"has no month {month}: its months are 1 to 2"):
        dataset.read_month(month)


def test_digests_are_compared_on_request(copy):
    Dataset.open(copy, verify=True)
    rewrite(copy / "train.csv.gz", ";1;", ";0;")
    Dataset.open(copy)
    with pytest.raises(DatasetError, match=r"train\.csv\.gz is not the file that was generated: its SHA-256 is"):
        Dataset.open(copy, verify=True)


def test_a_month_that_the_manifest_does_not_list_fails_the_comparison(copy):
    shutil.copy(copy / "monthly/month-1.csv.gz", copy / "monthly/month-3.csv.gz")
    with pytest.raises(DatasetError, match=r"month-3\.csv\.gz is not listed"):
        Dataset.open(copy, verify=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other/v1"}, "format is 'other/v1', expected 'driftbreaker.dev/insurance-data/v1'"),
        ({"seed": "1"}, "the field 'seed' is missing or of the wrong type"),
        ({"rows": True}, "the field 'rows'"),
        ({"files": {"train.csv.gz": "abc"}}, r"files\['train.csv.gz'\] is not a SHA-256 digest"),
    ],
)
def test_a_broken_manifest_says_which_field(copy, change, message):
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DatasetError, match=message):
        Dataset.open(copy)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_manifest_that_is_no_object_is_named(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        Dataset.open(copy)
