"""Tables drawn for people, as database clients and Markdown show them."""

from __future__ import annotations

import io

import pytest

from cdr.formats.aligned import AlignedTable, columns_of, is_aligned
from cdr.formats.delimited import Broken, TableLines

FORMS = {
    "mysql": "+----+--------+\n| id | method |\n+----+--------+\n|  1 | INVITE |\n|  2 | NULL   |\n+----+--------+\n",
    "psql": " id | method \n----+--------\n  1 | INVITE\n  2 | NULL\n(2 rows)\n",
    "markdown": "| id | method |\n|---:|:-------|\n| 1 | INVITE |\n| 2 | NULL |\n",
}


def table(text: str) -> AlignedTable:
    return AlignedTable(TableLines(io.BytesIO(text.encode())))


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_rows(text: str) -> None:
    rows = table(text)
    assert rows.columns == ["id", "method"]
    assert list(rows) == [["1", "INVITE"], ["2", None]]


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_the_first_lines_show_what_the_file_is(text: str) -> None:
    assert is_aligned(text.splitlines())
    assert columns_of(text.splitlines()) == ["id", "method"]


def test_other_files_are_no_such_table() -> None:
    assert not is_aligned(["id,method", "1,INVITE"])
    assert columns_of(["May  1 12:00:00 kam: ACC: call | missed"]) == []


def test_text_around_the_table_is_passed_over() -> None:
    text = f"mysql> select id, method from acc;\n{FORMS['mysql']}2 rows in set (0.00 sec)\n"
    assert list(table(text)) == [["1", "INVITE"], ["2", None]]


def test_a_repeated_heading_is_no_row() -> None:
    assert len(list(table(FORMS["mysql"] * 2))) == 4


def test_a_value_with_the_separator_is_told_by_the_ruled_line() -> None:
    text = FORMS["mysql"].replace("|  1 | INVITE |", "|  1 | IN|ITE |")
    assert next(iter(table(text))) == ["1", "IN|ITE"]


def test_a_row_that_is_not_drawn_in_its_columns_is_broken_and_costs_no_other() -> None:
    text = FORMS["mysql"].replace("|  1 | INVITE |", "| 1 | IN|VITE |")
    broken, whole = table(text)
    assert isinstance(broken, Broken)
    assert "the heading has 2 columns" in broken.reason
    assert whole == ["2", None]


def test_the_number_is_the_line_of_the_row() -> None:
    rows = table(FORMS["mysql"])
    assert [rows.number for _ in rows] == [4, 5]


def test_an_empty_stream_has_no_columns_and_no_rows() -> None:
    rows = table("")
    assert (rows.columns, list(rows)) == ([], [])
