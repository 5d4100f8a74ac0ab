"""What looks like a table and is none for us is told by what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.headings import table_format, unreadable_table

ROW = b"1,INVITE,a,b,c@x,200,OK,2026-05-01 10:00:00\n"
HEADING = b"id,method,from_tag,to_tag,callid,sip_code,sip_reason,time\n"


@pytest.mark.parametrize(
    "head", [ROW, ROW + ROW, ROW.replace(b",", b"\t") * 3, b'1,"BYE","a, b",c\n', ROW + ROW[:10], ROW.strip()]
)
def test_a_table_without_heading_wants_one(head: bytes) -> None:
    assert "does not name the columns" in unreadable_table(head)
    assert "method,from_tag,to_tag,callid,sip_code,sip_reason,time" in unreadable_table(head)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_table_that_lacks_columns_is_told_which(newline: bytes) -> None:
    head = b"\xef\xbb\xbfcallid,time,caller,callee" + newline + b"c@x,2026-05-01,alice,bob" + newline
    assert "lacks the columns method, from_tag, to_tag, sip_code, sip_reason;" in unreadable_table(head)


def test_a_table_of_dialogs_that_lacks_a_column_is_told_which() -> None:
    assert "lacks the columns duration;" in unreadable_table(b"id,start_time,end_time,callid\n1,2,3,c@x\n")


@pytest.mark.parametrize("separator", [b";", b"|", b"\t"])
def test_other_separators_than_commas_are_read(separator: bytes) -> None:
    assert table_format((HEADING + ROW).replace(b",", separator), "") == "acc-csv"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n",
        b"May  1 12:00:00 host kamailio[1]: INFO: nothing happens\n",
        b"May  1 12:00:00 host kamailio[1]: INFO: one, two, three, four\n",
        b"a,b\n1,2\n",
        b"1,2,3,4\n1,2,3,4,5\n",
        b'{"a": 1,"b": 2,"c": 3,"d": 4}\n{"a": 1}\n',
        b'a,"b\n',
        b"\0,\0,\0,\0\n",
    ],
)
def test_what_does_not_look_like_a_table_is_held_for_none(head: bytes) -> None:
    assert unreadable_table(head) == ""


def test_no_recorded_log_looks_like_a_table(recorded: Path) -> None:
    for log in recorded.glob("*/syslog*.txt"):
        assert unreadable_table(log.read_bytes()[:8192]) == "", log


def test_a_table_that_can_be_read_has_nothing_wrong_with_it() -> None:
    assert table_format(HEADING, "") == "acc-csv"
    assert unreadable_table(HEADING + ROW) == ""


@given(st.binary(max_size=400))
def test_any_beginning_can_be_looked_at(head: bytes) -> None:
    assert "\n" not in unreadable_table(head)
