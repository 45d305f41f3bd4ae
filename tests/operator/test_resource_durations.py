import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_operator.resource.durations import SCHEMA_PATTERN, format_duration, parse_duration


class TestParse:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("15s", 15.0),
            ("10m", 600.0),
            ("2h30m", 9000.0),
            ("200ms", 0.2),
            ("1h2m3s4ms", 3723.004),
            ("24h", 86400.0),
            ("0s", 0.0),
            ("90m", 5400.0),
        ],
    )
    def test_durations(self, text, seconds):
        assert parse_duration(text) == seconds

    @pytest.mark.parametrize(
        "text", ["", "15", "1.5h", "-3s", "1d", "30m2h", "1s1s", "2 h", "s", "1H", "123456s", "٣s"]
    )
    def test_anything_else_is_refused_with_an_example(self, text):
        with pytest.raises(ValueError, match="'2h30m'"):
            parse_duration(text)


@given(st.integers(0, 99_999 * 3_600_000))
def test_format_is_the_inverse_of_parse(milliseconds):
    text = format_duration(milliseconds / 1000)
    assert round(parse_duration(text) * 1000) == milliseconds


@given(st.from_regex(SCHEMA_PATTERN, fullmatch=True))
def test_what_the_schemas_pattern_takes_is_read(text):
    text = text.rstrip("\n")
    if text:
        assert parse_duration(text) >= 0
