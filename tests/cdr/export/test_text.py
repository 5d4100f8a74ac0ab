"""JSON Lines and CSV: every value comes back, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.export.record import FIELDS, Record
from cdr.export.text import csv_lines, json_lines, safe_cell

FORMULAS = ["=1+1", "+4930123", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


def record(**members: Any) -> Record:
    """Return a record with these members; all others are unknown."""
    values: Any = {**dict.fromkeys(FIELDS), "extra": {}, **members}
    return values


def read_back(lines: list[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(lines), newline="")))


def test_each_record_is_one_line_of_json() -> None:
    lines = list(json_lines([record(caller="a\nb\u2028c"), record(caller="b")]))
    assert [line.count("\n") for line in lines] == [1, 1]
    assert [json.loads(line)["caller"] for line in lines] == ["a\nb\u2028c", "b"]


def test_json_has_letters_as_they_are() -> None:
    assert "Zoë" in next(json_lines([record(caller="Zoë")]))


def test_no_records_are_no_json() -> None:
    assert list(json_lines([])) == []


def test_records_are_written_one_by_one() -> None:
    def endless() -> Any:
        yield record(caller="first")
        raise AssertionError("the second record was read before it was needed")

    assert "first" in next(json_lines(endless()))
    lines = csv_lines(endless(), ["caller"])
    assert [next(lines), next(lines)] == ["caller\r\n", "first\r\n"]


def test_csv_has_a_heading_even_without_records() -> None:
    assert read_back(list(csv_lines([]))) == [list(FIELDS)]


def test_lines_of_csv_end_with_cr_and_lf() -> None:
    assert list(csv_lines([record(caller="a")], ["caller"])) == ["caller\r\n", "a\r\n"]


def test_a_missing_value_is_empty() -> None:
    assert read_back(list(csv_lines([record(callee="b")], ["caller", "callee", "sip_code"])))[1] == ["", "b", ""]


def test_a_nested_value_is_json() -> None:
    rows = read_back(list(csv_lines([record(flags=["é"], extra={"ua": "x,y"})], ["flags", "extra"])))
    assert rows[1] == ['["é"]', '{"ua": "x,y"}']


def test_an_extra_field_has_a_column_of_its_own() -> None:
    rows = read_back(list(csv_lines([record(extra={"ua": "phone"}), record()], ["extra.ua"])))
    assert rows == [["extra.ua"], ["phone"], [""]]


def test_times_are_in_the_zone_of_the_file() -> None:
    calls = [record(started_at="2026-05-31T12:00:00.250000+00:00"), record()]
    rows = read_back(list(csv_lines(calls, ["started_at", "ended_at"], ZoneInfo("Europe/Berlin"))))
    assert rows[1:] == [["2026-05-31T14:00:00.250000+02:00", ""], ["", ""]]


def test_times_in_utc_stay_as_the_record_has_them() -> None:
    rows = read_back(list(csv_lines([record(started_at="2026-05-31T12:00:00Z")], ["started_at"])))
    assert rows[1] == ["2026-05-31T12:00:00Z"]


def test_the_zone_changes_no_text_that_looks_like_a_time() -> None:
    rows = read_back(list(csv_lines([record(caller="2026-05-31T12:00:00Z")], ["caller"], ZoneInfo("Asia/Kolkata"))))
    assert rows[1] == ["2026-05-31T12:00:00Z"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_starts_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "4930123", "alice", "a=1", "1-1", "'=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("value", [-1, -0.5, 0, None, True])
def test_a_negative_number_is_no_formula(value: object) -> None:
    assert safe_cell(value) is value


def test_the_label_of_an_extra_field_is_no_formula_in_the_heading_either() -> None:
    assert safe_cell("=1+1") in read_back(list(csv_lines([], ["extra.x", "=1+1"])))[0]


@pytest.mark.parametrize("text", [text for text in FORMULAS if text.isprintable()])
def test_an_export_for_programs_has_text_without_apostrophes(text: str) -> None:
    rows = read_back(list(csv_lines([record(caller=text)], ["caller"], spreadsheet_safe=False)))
    assert rows[1] == [text]


@given(st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)))
def test_no_cell_is_a_formula(value: Any) -> None:
    cell = safe_cell(value)
    assert not isinstance(cell, (list, dict))
    assert not isinstance(cell, str) or not cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_every_text_comes_back_from_csv_for_programs(pairs: list[tuple[str, str]]) -> None:
    calls = [record(caller=caller, callee=callee) for caller, callee in pairs]
    rows = read_back(list(csv_lines(calls, ["caller", "callee"], spreadsheet_safe=False)))
    assert rows[1:] == [[caller, callee] for caller, callee in pairs]


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_every_value_comes_back_from_json(extra: dict[str, Any]) -> None:
    assert json.loads(next(json_lines([record(extra=extra)])))["extra"] == extra
