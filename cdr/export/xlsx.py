"""Write Excel workbooks (Office Open XML) with constant memory: rows go to temporary files.

Text is always text, never a formula or a link, even when the cell is edited. Nothing is truncated: rows continue on
further sheets, and values that are too long for a cell (Excel's limit is 32,767 UTF-16 units) go to the sheet "Long
values". Cells have no time zone: times are in the zone of the file, which the sheet "About" names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from cdr.export.columns import MOMENTS, SECONDS, WHOLE_NUMBERS, FileShape, local, row_of
from cdr.export.record import Record
from cdr.export.sink import Sink, whole_or_not

ROWS_PER_SHEET = 1_048_576
LONGEST_CELL = 32_767
LONG_VALUES = "Long values"
_PART = LONGEST_CELL // 2  # number of characters that always fits, each one or two units
_FIRST_YEAR = 1900
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # not allowed in XML 1.0
_LIKE_AN_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = {"id": 9, "call_id": 36, "extra": 40, "legs": 40, "attempts": 40, "user_agent": 30, "sip_code": 9}


def write_xlsx(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    """Write the calls as a workbook."""
    with TemporaryDirectory() as folder, whole_or_not(sink) as output:
        book = Workbook(output, {"constant_memory": True, "tmpdir": folder, "use_zip64": True})
        _Book(book, shape).write(records)
        try:
            book.close()
        except FileCreateError as error:  # the library wraps what the sink raised
            raise error.args[0] from None


class TextSheet(Worksheet):
    """A sheet with plain text only: the library takes text between ``<r>`` and ``</r>`` for its own markup."""

    def _xml_rich_inline_string(self, string: str, attributes: Any = ()) -> None:
        self._xml_inline_string(string, True, attributes)

    @staticmethod
    def _escape_control_characters(data: str) -> str:
        """Escape characters that XML lacks, and text like escapes, as ``_xHHHH_`` (ECMA-376-1, 22.9.2.19)."""
        return _UNWRITABLE.sub(lambda records: f"_x{ord(records[0]):04X}_", _LIKE_AN_ESCAPE.sub("_x005F_", data))


class _Book:
    """Writes a workbook."""

    def __init__(self, book: Workbook, shape: FileShape) -> None:
        self._book = book
        self._shape = shape
        self._text = book.add_format({"num_format": "@"})
        self._heading = book.add_format({"num_format": "@", "bold": True})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._calls = 0
        self._sheets = 0
        self._row = 0
        self._sheet: Worksheet = None
        self._long: Worksheet = None
        self._long_row = 0

    def write(self, records: Iterable[Record]) -> None:
        values_of = row_of(self._shape.columns)
        self._next_sheet()
        for record in records:
            if self._row == ROWS_PER_SHEET:
                self._finish_sheet()
                self._next_sheet()
            for place, value in enumerate(values_of(record)):
                if value is not None:
                    self._write(place, self._shape.columns[place], value)
            self._row += 1
            self._calls += 1
        self._finish_sheet()
        self._write_about()

    def _write(self, place: int, column: str, value: Any) -> None:
        if column in MOMENTS:
            self._write_moment(place, local(value, self._shape.zone))
        elif column in SECONDS or column in WHOLE_NUMBERS:
            self._sheet.write_number(self._row, place, value)
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if len(text) > _PART and _units(text) > LONGEST_CELL:
                text = self._write_long_value(column, text)
            self._sheet.write_string(self._row, place, text, self._text)

    def _write_moment(self, place: int, moment: datetime) -> None:
        if moment.year > _FIRST_YEAR:
            self._sheet.write_datetime(self._row, place, moment.replace(tzinfo=None), self._time)
        else:  # before the start of the spreadsheet's calendar
            self._sheet.write_string(self._row, place, moment.isoformat(), self._text)

    def _write_long_value(self, column: str, text: str) -> str:
        """Write text that is too long for a cell to another sheet, in parts; return a reference to it."""
        if self._long is None:
            self._long = self._add_sheet(LONG_VALUES)
            self._head(self._long, ["sheet", "row", "column", "parts, to be read one after the other"])
            self._long_row = 1
        self._long.write_string(self._long_row, 0, self._sheet.name, self._text)
        self._long.write_number(self._long_row, 1, self._row + 1)
        self._long.write_string(self._long_row, 2, column, self._text)
        for number, start in enumerate(range(0, len(text), _PART)):
            self._long.write_string(self._long_row, 3 + number, text[start : start + _PART], self._text)
        self._long_row += 1
        return f'({len(text)} characters: see sheet "{LONG_VALUES}", row {self._long_row})'

    def _next_sheet(self) -> None:
        self._sheets += 1
        self._sheet = self._add_sheet("Calls" if self._sheets == 1 else f"Calls {self._sheets}")
        for place, column in enumerate(self._shape.columns):
            self._sheet.set_column(place, place, 23 if column in MOMENTS else _WIDTHS.get(column, 16))
        self._head(self._sheet, self._shape.columns)
        self._row = 1

    def _finish_sheet(self) -> None:
        if self._shape.columns:
            self._sheet.autofilter(0, 0, self._row - 1, len(self._shape.columns) - 1)

    def _add_sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(name, worksheet_class=TextSheet)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # telephone numbers are text
        return sheet

    def _head(self, sheet: Worksheet, names: Iterable[str]) -> None:
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(names):
            sheet.write_string(0, place, name, self._heading)

    def _write_about(self) -> None:
        sheet = self._add_sheet("About")
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 80)
        facts = [("time zone of all times", str(self._shape.zone)), ("calls", str(self._calls)), *self._shape.about]
        for row, (word, value) in enumerate(facts):
            sheet.write_string(row, 0, word, self._heading)
            sheet.write_string(row, 1, value, self._text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
