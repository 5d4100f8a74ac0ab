"""Read the proxies' SQL tables from files written by a database client or ``db_flatstore``.

The first lines reveal the form: a heading and cells with separators (``delimited``), a table drawn for people
(``aligned``), a line per cell (``vertical``), or no heading at all (``flatstore``). Dumps are in ``sql_dump``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Protocol

from cdr.events import Unparsable, text_of
from cdr.formats import aligned, flatstore, vertical
from cdr.formats.aligned import AlignedTable
from cdr.formats.delimited import Broken, Cells, DelimitedTable, TableLines, names_in
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import AccTable, RowReader
from cdr.formats.vertical import VerticalTable

_FIRST_LINES = 20


class TextTable(Protocol):
    """A table with named columns; ``number`` is the line of the last row returned."""

    number: int
    columns: list[str]

    def __iter__(self) -> Iterator[Cells | Broken]: ...


def read_acc(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read the table ``acc``; an empty file yields nothing.

    Lines that are not rows are rejected one by one. Raise ``Unparsable`` if the first line lacks a mandatory column.
    """
    return _read(stream, AccTable.ACC, reading)


def read_missed_calls(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read the table ``missed_calls`` as ``read_acc`` does."""
    return _read(stream, AccTable.MISSED_CALLS, reading)


def read_acc_cdrs(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read Kamailio's table ``acc_cdrs`` as ``read_acc`` does."""
    return _read(stream, AccTable.ACC_CDRS, reading)


def column_names(first_lines: Sequence[str]) -> list[str]:
    """Return the names of the columns in the first lines of a file, whatever the form of the table."""
    return (
        vertical.columns_of(first_lines)
        or aligned.columns_of(first_lines)
        or names_in(next((line for line in first_lines if line.strip()), ""))
    )


def _read(stream: BinaryIO, table: AccTable, reading: Reading) -> Iterator[Parsed]:
    lines = TableLines(stream)
    raw_first = list(islice(lines, _FIRST_LINES))
    lines.push_back(raw_first)
    first = [text_of(line).rstrip("\r\n") for line in raw_first]
    if first and flatstore.is_row(first[0], table):
        yield from flatstore.read(lines, table, reading)
        return
    rows = _opened(lines, first)
    if not rows.columns:
        return
    try:
        reader = RowReader(rows.columns, table, reading)
    except Unparsable as error:
        raise Unparsable(f"line {rows.number}, the heading of {table}: {error}") from error
    for row in rows:
        parsed = Rejection(row.line, row.reason) if isinstance(row, Broken) else reader.event_of(row)
        yield _located(rows.number, parsed) if isinstance(parsed, Rejection) else parsed


def _opened(lines: TableLines, first: Sequence[str]) -> TextTable:
    if vertical.is_vertical(first):
        return VerticalTable(lines)
    return AlignedTable(lines) if aligned.is_aligned(first) else DelimitedTable(lines)


def _located(number: int, rejection: Rejection) -> Rejection:
    return rejection._replace(reason=f"line {number}: {rejection.reason}")
