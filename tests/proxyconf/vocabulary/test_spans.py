from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.vocabulary.spans import parse_span, span_text


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("4h", timedelta(hours=4)),
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(days=1, hours=12)),
        (" 2H30M ", timedelta(hours=2, minutes=30)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_a_span_is_written_with_units(text: str, span: timedelta) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "4", "h", "4 hours", "30m4h", "-4h", "4.5h", "٤h", "9999999h"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid time span; write it like 4h"):
        parse_span(text)


@given(st.integers(0, 999_999 * 3600))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_span(span_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
