"""Tables as text: what a line holds, and what a broken line costs."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.delimited import LONGEST, Broken, Cells, DelimitedTable, TableLines


def rows(data: bytes) -> list[Cells | Broken]:
    return list(DelimitedTable(TableLines(io.BytesIO(data))))


def test_an_empty_stream_has_no_columns() -> None:
    assert DelimitedTable(TableLines(io.BytesIO(b"\n\r\n"))).columns == []


@pytest.mark.parametrize("header", [b"a,b\n", b"a,b\r\n", b"\xef\xbb\xbfa,b", b'"a","b"\n', b"\n\na,b\n", b"a\tb\r\n"])
def test_the_first_line_names_the_columns(header: bytes) -> None:
    assert DelimitedTable(TableLines(io.BytesIO(header))).columns == ["a", "b"]


def test_quotes_hold_commas_quotes_and_line_ends() -> None:
    assert rows(b'a,b\n"x, ""y""\r\n z",1\n"",\n2,3') == [['x, "y"\r\n z', "1"], ["", ""], ["2", "3"]]


def test_a_quote_within_an_unquoted_cell_is_text() -> None:
    assert rows(b'a,b\n5" pipe,1\nx,2\n') == [['5" pipe', "1"], ["x", "2"]]


def test_bytes_that_are_no_utf8_stay_visible() -> None:
    assert rows(b"a,b\n\xff,\xc3\xbc\n") == [["\\xff", "ü"]]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"1\n", "1 cells under a header of 2 columns"),
        (b"1,2,3\n", "3 cells"),
        (b'"1"x,2\n', "unbalanced quotes"),
        (b'"1,2\n', "unbalanced quotes"),
        (b'1,"2"",3\n', "unbalanced quotes"),
        (b"1,\x002\n", "NUL"),
        (b"1," + b"x" * (2 * LONGEST + 5) + b"\n", f"{LONGEST} bytes or more"),
        (b'1,"' + b"x" * 140_000 + b'"\n', "unbalanced quotes"),
    ],
)
def test_a_broken_line_costs_no_other(broken: bytes, reason: str) -> None:
    before, bad, *after = rows(b"a,b\n1,1\n" + broken + b"2,2\n3,3\n")
    assert isinstance(bad, Broken)
    assert reason in bad.reason
    assert broken.startswith(bad.line)
    assert (before, after) == (["1", "1"], [["2", "2"], ["3", "3"]])


def test_an_unpaired_quote_far_from_the_next_costs_one_line_each() -> None:
    good = b"1,2\n" * 500
    found = rows(b"a,b\n" + good + b'"x,1\n' + good + b'"y,1\n' + good)
    assert [row.line for row in found if isinstance(row, Broken)] == [b'"x,1\n', b'"y,1\n']
    assert found.count(["1", "2"]) == 1500


def test_a_quote_without_end_does_not_hold_the_stream_in_memory() -> None:
    stream = io.BytesIO(b'a,b\n"x,1\n' + b"1,2\n" * LONGEST)
    assert isinstance(next(iter(DelimitedTable(TableLines(stream)))), Broken)
    assert stream.tell() < 2 * LONGEST


def test_the_number_is_that_of_the_line_where_the_row_begins() -> None:
    table = DelimitedTable(TableLines(io.BytesIO(b'\na,b\n"x\ny",1\n\n"z,1\n2,3\n')))
    assert [table.number for _ in table] == [3, 6, 7]


def test_mysql_batch_output_is_unescaped_and_knows_null() -> None:
    assert rows(b'a\tb\nx\\ty\\nz\t\\\\n\nNULL\t\n"q", r\t\\0\n\\N\t1\nonly\n') == [
        ["x\ty\nz", "\\n"],
        [None, ""],
        ['"q", r', "\\x00"],
        [None, "1"],
        Broken(b"only\n", "1 cells under a header of 2 columns"),
    ]


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_of_the_headers_width_or_broken_lines(data: bytes) -> None:
    table = DelimitedTable(TableLines(io.BytesIO(data)))
    assert all(isinstance(row, Broken) or len(row) == len(table.columns) for row in table)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=6), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_a_csv_writer_writes_is_read_back(table: list[tuple[str, str, str]], quoting: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerows([("a", "b", "c"), *table])
    assert [tuple(row) for row in rows(text.getvalue().encode())] == table
