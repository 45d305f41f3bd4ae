import gzip
import json

import pytest

from drift_detectors.profiles import parse_profile
from drift_detectors.tables import TableError, read_table

HEADER = ["group", "region", "age", "training", "miles"]


@pytest.fixture
def profile(make_document):
    return parse_profile(json.dumps(make_document()).encode())


def lines(separator, *rows):
    return "\n".join([separator.join(HEADER), *(separator.join(map(str, row)) for row in rows)]) + "\n"


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("packed", [False, True])
def test_columns_come_in_the_profiles_order_and_others_are_left_out(tmp_path, profile, separator, packed):
    text = lines(separator, (1, "north", 40.5, 0, 10), (2, "03", 41, 1, 11.25))
    path = tmp_path / ("rows.csv.gz" if packed else "rows.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    table = read_table(path, profile)
    assert [list(column) for column in table.columns] == [[40.5, 41.0], [10.0, 11.25], [0.0, 1.0], ["north", "03"]]
    assert (table.rows, table.rejected_rows) == (2, 0)


def test_rows_with_a_missing_or_infinite_value_are_left_out_and_counted(tmp_path, profile):
    path = tmp_path / "rows.csv"
    path.write_text(
        lines(";", (1, "north", 40, 0, 10), (1, "", 40, 0, 10), (1, "west", "inf", 0, 1), (1, "a", 1, "", 1))
    )
    table = read_table(path, profile)
    assert (table.rows, table.rejected_rows) == (1, 3)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("age;miles\n1;2\n", "training, region"),
        (lines(";", (1, "north", "old", 0, 1)), "age"),
        ("", "rows.csv"),
        (b"\xff\xfe\x00", "rows.csv"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, profile, content, named):
    path = tmp_path / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TableError) as caught:
        read_table(path, profile)
    assert named in str(caught.value)


def test_a_file_that_is_not_there_or_not_gzip_is_named(tmp_path, profile):
    with pytest.raises(TableError, match=r"missing\.csv"):
        read_table(tmp_path / "missing.csv", profile)
    path = tmp_path / "rows.csv.gz"
    path.write_text("age\n")
    with pytest.raises(TableError, match=r"rows\.csv\.gz"):
        read_table(path, profile)
