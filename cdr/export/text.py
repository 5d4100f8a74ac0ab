"""Write JSON Lines and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Any

from cdr.export.columns import MOMENTS, local, row_of
from cdr.export.record import FIELDS, Record

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def json_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield one line of JSON per record."""
    return (json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def csv_lines(
    records: Iterable[Record], columns: Sequence[str] = FIELDS, zone: tzinfo = UTC, *, spreadsheet_safe: bool = True
) -> Iterator[str]:
    """Yield CSV (RFC 4180) with a heading and the same columns for every call.

    Nested values are JSON text, missing ones empty, times ISO 8601 with their offset. ``spreadsheet_safe``: no cell is
    a formula for a spreadsheet, because text that starts like one is prefixed with an apostrophe, also telephone
    numbers with ``+``.
    """
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    for row in _rows(records, columns, zone, safe_cell if spreadsheet_safe else _cell):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _rows(
    records: Iterable[Record], columns: Sequence[str], zone: tzinfo, cell: Callable[[Any], Any]
) -> Iterator[Iterable[Any]]:
    yield [cell(column) for column in columns]
    moments = [] if zone is UTC else [place for place, column in enumerate(columns) if column in MOMENTS]
    values_of = row_of(columns)
    for record in records:
        values = values_of(record)
        for place in moments:
            values[place] = values[place] and local(values[place], zone).isoformat()
        yield [cell(value) for value in values]


def safe_cell(value: Any) -> Any:
    """Return a value as a CSV cell; text that looks like a formula is prefixed with an apostrophe."""
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    return _cell(value)


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
