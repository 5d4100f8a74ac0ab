"""A report as a file: CSV, XLSX, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from cdr.display.wording import Text
from cdr.export.text import safe_cell
from cdr.export.xlsx import TextSheet
from cdr.queries.reports.labels import figure_value, group_texts, heading_names, problem_text
from cdr.queries.reports.slots import Per
from cdr.queries.reports.table import GroupRow, ReportTable
from cdr.queries.visibility import Visibility

_RATES = ("asr", "ner", "share", "share_of_minutes")
_MINUTES = ("minutes", "minutes_at_least", "minutes_at_most")
_LONGEST_CELL = 32_767


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report with what a file says of it: the reader's visibility, the filter in words, a title."""

    table: ReportTable
    visibility: Visibility
    conditions: str
    title: str = "report"

    @property
    def columns(self) -> list[str]:
        return [*heading_names(self.table.report), *(figure.name for figure in self.table.report.figures)]

    def values(self, row: GroupRow) -> list[Any]:
        """Return the values of a row: text for its group, then numbers."""
        figures = [figure_value(self.table, row, figure.name) for figure in self.table.report.figures]
        return [*group_texts(self.table, row, self.visibility), *figures]

    @property
    def total(self) -> list[Any]:
        """The values of the row with the totals."""
        row = GroupRow((), None, self.table.total)
        empty = [""] * (len(heading_names(self.table.report)) - 1)
        figures = [figure_value(self.table, row, figure.name) for figure in self.table.report.figures]
        return ["total", *empty, *figures]

    @property
    def about(self) -> list[tuple[str, str]]:
        notes = {
            "time zone": str(self.table.zone),
            "filter": self.conditions,
            "note": problem_text(self.table),
        }
        if self.table.cut:
            notes["cut"] = f"only the {len(self.table.rows)} groups with the most calls; the total is of all"
        if self.table.overlapping:
            notes["overlap"] = "a call may be in several groups: the rows may add up to more than the total"
        return [(name, text) for name, text in notes.items() if text]


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """A format of a report's file: its name, how people call it, its media type, what writes it."""

    name: str
    label: Text
    media_type: str
    write: Callable[[ReportFile], bytes]


def _csv(file: ReportFile) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in [file.columns, *map(file.values, file.table.rows), file.total]:
        writer.writerow([safe_cell(value) for value in row])
    return text.getvalue().encode()


def report_record(file: ReportFile) -> dict[str, Any]:
    """Return a report as JSON has it; what a row is grouped by is in ``group``, by name."""
    table, names = file.table, [figure.name for figure in file.table.report.figures]
    return {
        "zone": str(table.zone),
        "group": [one.name for one in table.report.dimensions],
        "per": table.report.per,
        "cut": table.cut,
        "overlapping": table.overlapping,
        "total": dict(zip(names, file.total[-len(names) :], strict=True)),
        "results": [_row_record(file, row, names) for row in table.rows],
    }


def _row_record(file: ReportFile, row: GroupRow, names: list[str]) -> dict[str, Any]:
    dimensions = file.table.report.dimensions
    keys = {
        one.name: None if key is None else one.shown(key, file.visibility)
        for one, key in zip(dimensions, row.keys, strict=True)
    }
    figures = {name: figure_value(file.table, row, name) for name in names}
    return {"group": keys, "time": _time_record(file.table, row), "figures": figures}


def _time_record(table: ReportTable, row: GroupRow) -> dict[str, Any] | None:
    if table.slots is None or row.slot is None:
        return None
    slot = table.slots.slots[row.slot]
    return {
        "since": _utc(slot.since),
        "until": _utc(slot.until),
        "weekday": slot.number + 1 if table.slots.per is Per.WEEKDAY else None,
        "hour_of_day": slot.number if table.slots.per is Per.HOUR_OF_DAY else None,
    }


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(file: ReportFile) -> bytes:
    return json.dumps(report_record(file), ensure_ascii=False, indent=1).encode() + b"\n"


def _xlsx(file: ReportFile) -> bytes:
    output = io.BytesIO()
    book = Workbook(output, {"in_memory": True})
    bold, text = book.add_format({"bold": True, "num_format": "@"}), book.add_format({"num_format": "@"})
    rate, decimal = book.add_format({"num_format": "0.0%"}), book.add_format({"num_format": "#,##0.00"})
    formats = dict.fromkeys(_RATES, rate) | dict.fromkeys(_MINUTES, decimal)
    sheet: Worksheet = book.add_worksheet("Report", worksheet_class=TextSheet)
    sheet.freeze_panes(1, 0)
    groups = len(heading_names(file.table.report))
    for place, name in enumerate(file.columns):
        sheet.set_column(place, place, 24 if place < groups else 14)
        sheet.write_string(0, place, name, bold)
    for line, row in enumerate([*map(file.values, file.table.rows), file.total], start=1):
        for place, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, place, value[:_LONGEST_CELL], text)
            elif value is not None:
                sheet.write_number(line, place, value, formats.get(file.columns[place]))
    sheet.autofilter(0, 0, len(file.table.rows), len(file.columns) - 1)
    about: Worksheet = book.add_worksheet("About", worksheet_class=TextSheet)
    about.set_column(0, 0, 24)
    about.set_column(1, 1, 80)
    for line, (name, value) in enumerate([("report", file.title), *file.about]):
        about.write_string(line, 0, name, bold)
        about.write_string(line, 1, value, text)
    book.close()
    return output.getvalue()


REPORT_FORMATS: Mapping[str, ReportFormat] = {
    one.name: one
    for one in (
        ReportFormat("csv", "CSV", "text/csv", _csv),
        ReportFormat("xlsx", "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
        ReportFormat("json", "JSON", "application/json", _json),
    )
}
