"""Whatever a proxy sent comes out of every file as the harmless text that it is, read back by other programs."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from pyarrow import parquet

from cdr.export import FIELDS, Record, record_of
from cdr.export import xlsx as workbooks
from cdr.export.columns import COLUMNS, FileShape
from cdr.export.formats import FORMATS
from cdr.models import Attempt, Call, Leg
from tests.factories import NOON

BERLIN = ZoneInfo("Europe/Berlin")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", "=cmd|' /C calc'!A0"]
HOSTILE = [
    *FORMULAS,
    "{=1+1}",
    "<r><t>rich</t></r>",
    "<r></t></is></c><c r='A9'><f>1+1</f></c><c><is><t></r>",
    "<script>alert(1)</script>",
    "https://example.net/",
    "mailto:alice@example.net",
    "internal:Sheet2!A1",
    "_x0041_",
    "_x005F_x0041_",
    "'quoted'",
    'a,"b"\r\nc;d',
    "abc\u202egpj.exe\u2066\u200b",
    "".join(map(chr, range(1, 0x20))) + "\x7f\x85\u2028\ufffe\uffff",
    "\\xff\\xfe",  # bytes that are no UTF-8, as they are stored
    "Z" * 10_000,
    "\U0001f600" * 16_000,
    "y" * 32_767,
    "z" * 32_768,
    "\U0001f600" * 20_000,
    " blanks ",
    "00123",
    "1e5",
    "TRUE",
    "#REF!",
    "",
]
NAMED = {text[:20]: text for text in reversed(HOSTILE)}  # what fails is told by a short name
TEXTS = st.sampled_from(sorted(NAMED)).map(NAMED.__getitem__) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
)


def call_of(text: str, **fields: Any) -> Record:
    """The record of a call whose every text is ``text``."""
    call = Call(
        pk=7,
        call_id=text,
        from_tag=text,
        to_tag=text,
        caller=text,
        callee=text,
        source_ip=text,
        user_agent=text,
        state="completed",
        outcome="answered",
        started_at=NOON + timedelta(microseconds=250_001),
        answered_at=NOON,
        duration=timedelta(seconds=2, milliseconds=250),
        duration_kind="measured",
        sip_code=200,
        sip_reason=text,
        extra={text: text, "ua": text},
        flags=["late_stop"],
        proxies=["kam1"],
        backends=["syslog"],
        events=2,
        updated_at=NOON,
    )
    for name, value in fields.items():
        setattr(call, name, value)
    leg = Leg(source=text, destination=text, type=text, values={text: text})
    attempt = Attempt(code=486, reason=text, to_tag=text, time=NOON)
    return record_of(call, [leg], [attempt])


def written(format: str, found: Iterable[Record], shape: FileShape | None = None) -> bytes:
    sink = io.BytesIO()
    FORMATS[format].write(found, sink, shape or FileShape())
    return sink.getvalue()


def sheets(file: bytes) -> dict[str, list[list[Any]]]:
    """The values of a workbook by sheet and row; a text's escapes are read as Excel reads them."""
    book = openpyxl.load_workbook(io.BytesIO(file))
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in ("inlineStr", "s", "n", "d"), f"{cell.coordinate} is no plain value"
                assert cell.hyperlink is None
    return {
        sheet.title: [[unescape(value) if isinstance(value, str) else value for value in row] for row in sheet.values]
        for sheet in book
    }


def rows(file: bytes, sheet: str = "Calls") -> list[dict[str, Any]]:
    heading, *found = sheets(file)[sheet]
    return [dict(zip(heading, row, strict=True)) for row in found]


def whole(file: bytes, row: dict[str, Any], column: str) -> str:
    """The text of a cell, put together from its parts where it was too long for one."""
    text = row[column] or ""
    if found := re.fullmatch(r'\(\d+ characters: see sheet "Long values", row (\d+)\)', text):
        parts = sheets(file)["Long values"][int(found[1]) - 1]
        assert parts[:3] == ["Calls", 2, column]
        return "".join(part or "" for part in parts[3:])
    return text


@given(TEXTS)
def test_json_lines_gives_back_every_character(text: str) -> None:
    line = written("jsonl", [call_of(text)])
    assert line.count(b"\n") == 1
    assert json.loads(line) == call_of(text)


@given(TEXTS)
def test_csv_gives_back_every_text_and_holds_no_formula(text: str) -> None:
    columns = ("caller", "user_agent", "flags", "extra", "extra.ua", f"extra.{text}")
    file = written("csv", [call_of(text)], FileShape(columns=columns))
    for row in csv.reader(io.StringIO(file.decode(), newline="")):
        assert not [cell for cell in row if cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))]
    (row,) = csv.DictReader(io.StringIO(file.decode(), newline=""))
    guard = "'" if text.startswith(tuple("=+-@\t\r\n＝＋－＠")) else ""
    assert row["caller"] == row["user_agent"] == row["extra.ua"] == row[f"extra.{text}"] == guard + text
    assert json.loads(row["extra"]) == {text: text, "ua": text}


@given(TEXTS)
def test_a_workbook_gives_back_every_text_as_text(text: str) -> None:
    file = written("xlsx", [call_of(text)], FileShape(columns=("caller", "user_agent", "extra", "extra.ua")))
    (row,) = rows(file)
    assert whole(file, row, "caller") == whole(file, row, "user_agent") == whole(file, row, "extra.ua") == text
    assert json.loads(whole(file, row, "extra")) == {text: text, "ua": text}


@given(TEXTS)
def test_parquet_gives_back_every_text(text: str) -> None:
    (row,) = parquet.read_table(io.BytesIO(written("parquet", [call_of(text)]))).to_pylist()
    assert row["caller"] == row["user_agent"] == row["sip_reason"] == text
    assert json.loads(row["extra"]) == {text: text, "ua": text}
    assert json.loads(row["legs"]) == call_of(text)["legs"]


@pytest.mark.parametrize("text", NAMED.values(), ids=map(ascii, NAMED))
def test_no_part_of_a_workbook_is_a_formula_or_a_link(text: str) -> None:
    file = written(
        "xlsx", [call_of(text)], FileShape(columns=(*COLUMNS, f"extra.{text[:100]}"), about=(("filter", text),))
    )
    parts = zipfile.ZipFile(io.BytesIO(file))
    for name in parts.namelist():
        kinds = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(parts.read(name)).iter()}
        assert not kinds & {"f", "hyperlink", "hyperlinks"}


def test_a_workbook_has_numbers_and_times_of_its_zone() -> None:
    (row,) = rows(written("xlsx", [call_of("x")], FileShape(columns=FIELDS, zone=BERLIN)))
    assert row["started_at"] == datetime(2026, 5, 31, 14, 0, 0, 250_000)  # the reader rounds to milliseconds
    assert (row["id"], row["sip_code"], row["duration"], row["ended_at"]) == (7, 200, 2.25, None)


def test_a_workbook_says_what_it_is() -> None:
    file = written("xlsx", [call_of("x")], FileShape(zone=BERLIN, about=(("filter", "State: completed"),)))
    assert sheets(file)["About"] == [
        ["time zone of all times", "Europe/Berlin"],
        ["calls", "1"],
        ["filter", "State: completed"],
    ]


def test_a_time_before_the_spreadsheets_calendar_is_text() -> None:
    (row,) = rows(written("xlsx", [call_of("x", started_at=datetime(1899, 12, 30, tzinfo=UTC))]))
    assert row["started_at"] == "1899-12-30T00:00:00+00:00"


def test_calls_that_have_no_room_on_a_sheet_go_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "ROWS_PER_SHEET", 3)
    found = sheets(written("xlsx", [call_of(f"c{number}") for number in range(5)], FileShape(columns=("caller",))))
    assert list(found) == ["Calls", "Calls 2", "Calls 3", "About"]
    assert [found[name] for name in list(found)[:3]] == [
        [["caller"], ["c0"], ["c1"]],
        [["caller"], ["c2"], ["c3"]],
        [["caller"], ["c4"]],
    ]


def test_long_values_of_several_calls_and_columns_keep_apart() -> None:
    columns = ("caller", "callee")
    found = [call_of("x", caller="a" * 40_000), call_of("x", callee="b" * 70_000, caller="c" * 33_000)]
    parts = sheets(written("xlsx", found, FileShape(columns=columns)))["Long values"][1:]
    told = [(row[0], row[1], row[2], "".join(part or "" for part in row[3:])) for row in parts]
    assert told == [
        ("Calls", 2, "caller", "a" * 40_000),
        ("Calls", 3, "caller", "c" * 33_000),
        ("Calls", 3, "callee", "b" * 70_000),
    ]


def test_parquet_has_a_type_for_each_column() -> None:
    schema = parquet.read_schema(io.BytesIO(written("parquet", [call_of("x")])))
    kinds = {name: str(schema.field(name).type) for name in ("id", "started_at", "duration", "flags", "extra")}
    assert kinds == {
        "id": "int64",
        "started_at": "timestamp[us, tz=UTC]",
        "duration": "double",
        "flags": "list<element: string>",
        "extra": "string",
    }
    assert schema.names == list(COLUMNS)


def test_parquet_holds_times_to_the_microsecond_and_what_is_unknown_as_null() -> None:
    (row,) = parquet.read_table(io.BytesIO(written("parquet", [call_of("x")]))).to_pylist()
    assert row["started_at"] == NOON + timedelta(microseconds=250_001)
    assert (row["ended_at"], row["settled_reason"], row["flags"]) == (None, None, ["late_stop"])


def test_parquet_is_written_by_the_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdr.export.parquet.ROWS_PER_GROUP", 2)
    file = parquet.ParquetFile(io.BytesIO(written("parquet", [call_of(f"c{number}") for number in range(5)])))
    assert file.num_row_groups == 3
    assert file.read(["caller"]).column("caller").to_pylist() == ["c0", "c1", "c2", "c3", "c4"]


def test_csv_has_times_of_its_zone_with_their_offset() -> None:
    shape = FileShape(columns=("started_at", "ended_at", "sip_code"), zone=BERLIN)
    assert written("csv", [call_of("x")], shape).decode().splitlines() == [
        "started_at,ended_at,sip_code",
        "2026-05-31T14:00:00.250001+02:00,,200",
    ]


def test_columns_come_in_the_order_asked_for() -> None:
    shape = FileShape(columns=("sip_code", "extra.ua", "caller", "extra.none"))
    for file in (written("xlsx", [call_of("x")], shape), written("parquet", [call_of("x")], shape)):
        found = rows(file) if file.startswith(b"PK") else parquet.read_table(io.BytesIO(file)).to_pylist()
        assert found == [{"sip_code": 200, "extra.ua": "x", "caller": "x", "extra.none": None}]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_no_calls_can_be_read(format: str) -> None:
    file = written(format, [])
    match format:
        case "xlsx":
            assert rows(file) == []
        case "parquet":
            assert parquet.read_table(io.BytesIO(file)).num_rows == 0
        case "csv":
            assert file.decode() == ",".join(COLUMNS) + "\r\n"
        case _:
            assert file == b""


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_file_never_looks_whole(format: str) -> None:
    def broken() -> Iterable[Record]:
        yield call_of("x")
        raise ConnectionError("the database is gone")

    sink = io.BytesIO()
    with pytest.raises(ConnectionError):
        FORMATS[format].write(broken(), sink, FileShape())
    if FORMATS[format].binary:
        assert sink.getvalue()[4:] == b""  # the bytes by which Parquet begins, at most


@pytest.mark.parametrize("format", FORMATS)
def test_what_the_sink_cannot_take_is_told_as_it_is(format: str) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        FORMATS[format].write([call_of("x")], Full(), FileShape())
