"""Where the rows of a replay come from."""

import gzip

import pandas as pd
import pytest

from insurance_data.errors import DatasetError
from insurance_data.replay.source import read_sources
from insurance_data.schema import FEATURES


def test_a_directory_gives_its_months_in_order(dataset):
    sources = read_sources(dataset.directory, FEATURES)
    assert [source.path for source in sources] == [
        str(dataset.directory / f"monthly/month-{month}.csv.gz") for month in (1, 2)
    ]
    for month, source in enumerate(sources, start=1):
        pd.testing.assert_frame_equal(source.table, dataset.read_month(month)[list(FEATURES)])


def test_months_are_chosen_in_the_order_asked_for(dataset):
    sources = read_sources(dataset.directory, ("age",), [2, 1])
    assert [source.path[-len("month-2.csv.gz") :] for source in sources] == ["month-2.csv.gz", "month-1.csv.gz"]
    with pytest.raises(DatasetError, match="has no month 5: its months are 1 to 2"):
        read_sources(dataset.directory, FEATURES, [5])


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("compressed", [True, False])
def test_any_csv_file_will_do(tmp_path, separator, compressed):
    text = (
        f'"name"{separator} x{separator}y\nfirst{separator} 1{separator}2.5\nsecond{separator}3{separator}4\n'.encode()
    )
    path = tmp_path / ("rows.csv.gz" if compressed else "rows.csv")
    path.write_bytes(gzip.compress(text) if compressed else text)
    (source,) = read_sources(path, ("y", "x"))
    pd.testing.assert_frame_equal(source.table, pd.DataFrame({"y": [2.5, 4.0], "x": [1, 3]}))


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "rows.csv").write_text("\ufeffx;y\n1;2\n", encoding="utf-8")
    (source,) = read_sources(tmp_path / "rows.csv", ("x",))
    assert list(source.table["x"]) == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x;y\n1;2\n", r"has no column age \(it has: x, y\)"),
        ("age\n1\nforty\n", r"row 2 has 'forty' in the column 'age', expected a finite number"),
        ("age;x\n;1\n", "row 1 has '' in the column 'age'"),
        ("age\n", "a header but no rows"),
        ("", "is empty"),
    ],
)
def test_a_file_that_cannot_be_sent_says_why(tmp_path, text, message):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(DatasetError, match=rf"rows\.csv.*{message}"):
        read_sources(tmp_path / "rows.csv", ("age",))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.csv is missing"):
        read_sources(tmp_path / "nowhere.csv", FEATURES)


def test_a_file_has_no_months(dataset):
    with pytest.raises(DatasetError, match="from a data set's directory only"):
        read_sources(dataset.directory / "train.csv.gz", FEATURES, [1])
