from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.keyset import Cursor

moments = st.datetimes(timezones=st.just(UTC))
keys = st.integers(min_value=0, max_value=2**63 - 1)


@given(moments, keys)
def test_a_cursor_reads_back_what_it_wrote(at: datetime, pk: int) -> None:
    assert Cursor.parse(str(Cursor(at, pk))) == Cursor(at, pk)


@given(moments, keys)
def test_a_cursor_needs_no_escaping_in_a_url(at: datetime, pk: int) -> None:
    assert set(str(Cursor(at, pk))) <= set("-.0123456789")


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", ".1", "1.2.3", "x.1", "1.x", "1e3.1", " 1.1", "1.-1", "٣.١", "9" * 18 + ".1", "1." + "9" * 19],
)
def test_what_is_no_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid position in the list"):
        Cursor.parse(text)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except ValueError:
        return
    assert Cursor.parse(str(cursor)) == cursor
