"""The export formats, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.export.columns import FileShape
from cdr.export.record import FIELDS, Record
from cdr.export.sink import Sink
from cdr.export.text import csv_lines, json_lines

Write = Callable[[Iterable[Record], Sink, FileShape], None]


@dataclass(frozen=True, slots=True)
class Format:
    """An export format: its label, its use, its media type and its writer.

    ``binary`` files cannot be printed on a terminal. ``shaped`` ones have selectable columns, ``zoned`` ones a time
    zone.
    """

    name: str
    label: Text
    use: Text
    media_type: str
    write: Write
    binary: bool = False
    shaped: bool = True
    zoned: bool = True


def _write_jsonl(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    for line in json_lines(records):
        sink.write(line.encode())


def _write_csv(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    for line in csv_lines(records, shape.columns, shape.zone, spreadsheet_safe=shape.spreadsheet_safe):
        sink.write(line.encode())


def _write_xlsx(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    from cdr.export.xlsx import write_xlsx

    write_xlsx(records, sink, shape)


def _write_parquet(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    from cdr.export.parquet import write_parquet  # its library takes a tenth of a second and 50 MB to load

    write_parquet(records, sink, shape)


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format(
            "jsonl",
            "JSON Lines",
            _("One JSON object per line with every field; for programs."),
            "application/jsonl",
            _write_jsonl,
            shaped=False,
            zoned=False,
        ),
        Format("csv", "CSV", _("One line per call; for spreadsheets and most programs."), "text/csv", _write_csv),
        Format(
            "xlsx",
            "XLSX",
            _("Excel workbook with real dates and numbers."),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            _write_xlsx,
            binary=True,
        ),
        Format(
            "parquet",
            "Parquet",
            _("Typed, compressed columns; for pandas, DuckDB and other data tools."),
            "application/vnd.apache.parquet",
            _write_parquet,
            binary=True,
            zoned=False,
        ),
    )
}
CONTRACT = FileShape(columns=FIELDS)
"""The columns of the command's CSV, on which scripts rely."""
