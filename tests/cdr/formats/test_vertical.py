"""Tables with a line per cell, as ``mysql`` and ``psql`` print them."""

from __future__ import annotations

import io

from cdr.formats.delimited import Broken, TableLines
from cdr.formats.vertical import VerticalTable, columns_of, is_vertical

MYSQL = """\
*************************** 1. row ***************************
    id: 1
method: INVITE
    ua:
*************************** 2. row ***************************
    id: 2
method: BYE
    ua: a: b
2 rows in set (0.00 sec)
"""
PSQL = """\
-[ RECORD 1 ]--
id     | 1
method | INVITE
ua     |
-[ RECORD 2 ]--
id     | 2
method | BYE
ua     | a: b
(2 rows)
"""


def table(text: str) -> VerticalTable:
    return VerticalTable(TableLines(io.BytesIO(text.encode())))


def test_both_clients_give_the_same_rows() -> None:
    for text in (MYSQL, PSQL):
        assert table(text).columns == ["id", "method", "ua"]
        assert list(table(text)) == [["1", "INVITE", ""], ["2", "BYE", "a: b"]]


def test_a_record_shows_what_the_file_is() -> None:
    assert is_vertical(MYSQL.splitlines())
    assert is_vertical(PSQL.splitlines())
    assert not is_vertical(["id,method", "1,INVITE"])


def test_the_columns_are_those_of_the_first_record() -> None:
    assert columns_of(["mysql> select", *MYSQL.splitlines()]) == ["id", "method", "ua"]
    assert columns_of(["id,method"]) == []


def test_null_is_no_text() -> None:
    assert list(table(MYSQL.replace("a: b", "NULL")))[1] == ["2", "BYE", None]


def test_a_value_may_span_lines() -> None:
    assert list(table(MYSQL.replace("a: b", "one\n two")))[1] == ["2", "BYE", "one\n two"]


def test_a_record_of_other_columns_is_broken_and_costs_no_other() -> None:
    rows = list(table(MYSQL.replace("method: BYE", "verb: BYE") + MYSQL))
    assert isinstance(rows[1], Broken)
    assert rows[0] == ["1", "INVITE", ""]
    assert len(rows) == 4


def test_the_number_is_the_line_of_the_record() -> None:
    rows = table(MYSQL)
    assert [rows.number for _ in rows] == [1, 5]


def test_an_empty_stream_has_no_columns() -> None:
    assert table("").columns == []
