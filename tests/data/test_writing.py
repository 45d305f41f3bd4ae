"""Writing a data set: the same bytes for the same settings, and nothing lost on the way."""

import gzip
import hashlib
import json

import pandas as pd
import pytest

from insurance_data import __version__, writing
from insurance_data.dataset import Dataset
from insurance_data.errors import OutputError, SettingsError
from insurance_data.variants import Variant
from insurance_data.writing import GeneratorSettings, month_rows, write_dataset

SMALL = GeneratorSettings(seed=11, months=3, rows=30, reference_rows=100)


def contents(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    write_dataset(tmp_path / "one", SMALL)
    write_dataset(tmp_path / "two", SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_rows_in_every_file(tmp_path):
    write_dataset(tmp_path / "one", SMALL)
    write_dataset(tmp_path / "two", GeneratorSettings(seed=12, months=3, rows=30, reference_rows=100))
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    assert all(one[name] != two[name] for name in one)


def test_a_month_is_the_same_however_many_are_generated(tmp_path):
    few = write_dataset(tmp_path / "few", SMALL)
    many = write_dataset(tmp_path / "many", GeneratorSettings(seed=11, months=9, rows=30, reference_rows=100))
    for month in few.months():
        name = f"monthly/month-{month}.csv.gz"
        assert (few.directory / name).read_bytes() == (many.directory / name).read_bytes()
    pd.testing.assert_frame_equal(month_rows(SMALL, 3), many.read_month(3))


def test_files_carry_neither_time_nor_name(tmp_path):
    dataset = write_dataset(tmp_path / "set", SMALL)
    for name in dataset.files():
        raw = (dataset.directory / name).read_bytes()
        flags, modified = raw[3], raw[4:8]
        assert flags == 0
        assert modified == b"\0\0\0\0"


def test_the_rows_of_a_seed_never_change_within_a_version():
    """Change the version of the package together with this digest."""
    text = gzip.decompress(writing.compressed_bytes(month_rows(GeneratorSettings(seed=0), 1)))
    digest = hashlib.sha256(text).hexdigest()
    assert (__version__, digest) == ("0.1.0", "4168dbf7208cfa5457232e9b43797d2dc2a09b3914aad6f0e2bd9ccccc27ffb7")


def test_the_default_reference_is_split_1200_to_300_by_class(tmp_path):
    dataset = write_dataset(tmp_path / "set", GeneratorSettings(months=1, rows=10))
    reference, train, test = dataset.read_reference(), dataset.read_train(), dataset.read_test()
    assert (len(reference), len(train), len(test)) == (1500, 1200, 300)
    both = pd.concat([train, test]).sort_values(list(reference.columns), ignore_index=True)
    pd.testing.assert_frame_equal(both, reference.sort_values(list(reference.columns), ignore_index=True))
    shares = [table["group_name"].value_counts(normalize=True).sort_index() for table in (train, test)]
    assert (shares[0] - shares[1]).abs().max() < 1 / 300


def test_the_manifest_says_what_was_generated(tmp_path):
    settings = GeneratorSettings(seed=4, months=3, rows=20, reference_rows=50, variant=Variant.ABRUPT, change_month=2)
    dataset = write_dataset(tmp_path / "set", settings)
    manifest = json.loads((dataset.directory / "manifest.json").read_bytes())
    files = manifest.pop("files")
    assert manifest == {
        "format": "driftbreaker.dev/insurance-data/v1",
        "generator_version": __version__,
        "seed": 4,
        "variant": "abrupt",
        "change_month": 2,
        "months": 3,
        "rows": 20,
        "reference_rows": 50,
    }
    found = contents(dataset.directory)
    del found["manifest.json"]
    assert files == {name: hashlib.sha256(raw).hexdigest() for name, raw in found.items()}


def test_a_data_set_is_replaced_as_a_whole(tmp_path):
    write_dataset(tmp_path / "set", SMALL)
    dataset = write_dataset(tmp_path / "set", GeneratorSettings(seed=11, months=1, rows=30, reference_rows=100))
    assert dataset.months() == range(1, 2)
    assert "monthly/month-2.csv.gz" not in contents(tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_interrupted_run_leaves_what_was_there(tmp_path):
    write_dataset(tmp_path / "set", SMALL)
    before = contents(tmp_path / "set")

    def interrupt(name):
        if name == "monthly/month-2.csv.gz":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set", GeneratorSettings(seed=99, months=3, rows=5, reference_rows=50), interrupt)
    assert contents(tmp_path / "set") == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_foreign_files_are_never_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        write_dataset(tmp_path, SMALL)
    write_dataset(tmp_path / "set", SMALL)
    (tmp_path / "set" / "monthly" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"monthly/notes\.txt"):
        write_dataset(tmp_path / "set", SMALL)
    assert (tmp_path / "set" / "monthly" / "notes.txt").read_text() == "mine"


def test_an_empty_directory_is_filled_and_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    assert isinstance(write_dataset(tmp_path / "empty", SMALL), Dataset)
    assert isinstance(write_dataset(tmp_path / "a" / "b", SMALL), Dataset)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not a directory"):
        write_dataset(tmp_path / "file", SMALL)
    with pytest.raises(OutputError, match="cannot be written"):
        write_dataset(tmp_path / "file" / "below", SMALL)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"months": 0}, "months is 0"),
        ({"rows": 0}, "rows is 0"),
        ({"reference_rows": 9}, "reference_rows is 9"),
        ({"variant": Variant.ABRUPT}, "needs the month"),
        ({"variant": Variant.NONE, "change_month": 3}, "not to 'none'"),
        ({"variant": Variant.ABRUPT, "change_month": 4, "months": 3}, "after the last month, 3"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(SettingsError, match=message):
        GeneratorSettings(**fields)
