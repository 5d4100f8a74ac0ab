r"""Parse files of ``db_flatstore`` (Kamailio and OpenSIPS): a line per row, no heading, a configurable separator.

::

    INVITE|2dae|5486|dd0c@192.0.2.1|200|OK|1436454408|*prepaid|1001

The cells are in the order in which the ``acc`` module inserts them: the core columns, ``time_attr`` and
``time_exten`` (Kamailio's ``time_mode``), the extras and the fields of a leg in configured order, and in OpenSIPS
``setuptime``, ``created``, ``duration`` and ``ms_duration``. OpenSIPS writes only the core for a transaction without an
accounting context, and no durations into ``missed_calls``, so the number of cells varies. ``acc_cdrs`` has start, end,
duration and the extras. Times are seconds since 1970.

If the layout does not define the extras, they are named ``extra_1``, ``extra_2``… by position. OpenSIPS escapes
unprintable characters, the separator and the backslash as ``\x7C``; Kamailio puts a backslash before the separator.

``raw`` of an event is the list of its cells as JSON, so that a layout entered later can name them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from cdr.events import AccEvent, Unparsable, text_of
from cdr.formats.delimited import KEPT_OF_BROKEN, TableLines, check_line
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import CORE_COLUMNS, AccTable, RowReader
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product

_ROW = re.compile(r'([A-Z]{3,10})([^\w"\s@.-]|\t)(?:[^\r\n]*?\2){3}\d{0,3}\2[^\r\n]*?\2\d{9,11}(?:\2|\s*\Z)')
"""A line of ``acc``: a method, the separator, and more cells, of which the fifth is a code and the seventh a time."""
_DIALOG_ROW = re.compile(r"\d{9,11}(?:\.\d+)?([^\w\s.])\d{9,11}(?:\.\d+)?\1-?\d+(?:\.\d+)?(?:\1|\s*\Z)")
_CONTEXT_COLUMNS = ("setuptime", "created", "duration", "ms_duration")
_MOST_CELLS = 512
_COUNT = re.compile(r"\d{1,11}")
_HEXADECIMAL = re.compile(rb"\\x([0-9A-F]{2})")


def is_row(line: str, table: AccTable) -> bool:
    """Tell whether a line is a row of ``table`` without a heading."""
    return (_DIALOG_ROW if table is AccTable.ACC_CDRS else _ROW).match(line) is not None


def read(lines: TableLines, table: AccTable, reading: Reading) -> Iterator[Parsed]:
    """Read a file to its end; only lines that are not rows are rejected."""
    rows = FlatRows(table, reading)
    for line in lines:
        cells: Sequence[str] | None = None
        try:
            check_line(line)
            cells = _cells(line)
            parsed = rows.event_of(cells)
        except Unparsable as error:
            parsed = Rejection(line[:KEPT_OF_BROKEN] if cells is None else _cells_as_json(cells), str(error))
        if isinstance(parsed, Rejection):
            parsed = parsed._replace(reason=f"line {lines.number}: {parsed.reason}")
        yield parsed


def _cells(line: bytes) -> list[str]:
    """Return the cells of a line; the separator is the character after its first word or number."""
    body = line.rstrip(b"\r\n")
    match = re.match(rb"[\w.]+(\W)", body)
    if match is None:
        raise Unparsable("no separator after the first cell, so the line is not a row")
    separator = match[1]
    if b"\\" not in body:
        return [text_of(cell) for cell in body.split(separator)]
    parts = re.split(rb"(?<!\\)" + re.escape(separator), body)
    return [text_of(_unescaped(cell).replace(b"\\" + separator, separator)) for cell in parts]


def _unescaped(cell: bytes) -> bytes:
    return _HEXADECIMAL.sub(lambda match: bytes.fromhex(match[1].decode()), cell)


class FlatRows:
    """Parses rows of different widths without a heading."""

    def __init__(self, table: AccTable, reading: Reading) -> None:
        self._table, self._reading = table, reading
        self._readers: dict[tuple[str, ...], RowReader] = {}

    def event_of(self, cells: Sequence[str]) -> AccEvent | Rejection:
        """Return the event of a row. Raise ``Unparsable`` if the layout does not explain its width."""
        if len(cells) > _MOST_CELLS:
            raise Unparsable(f"the row has {len(cells)} cells, more than a proxy writes")
        columns = self._columns(cells)
        if columns not in self._readers:
            self._readers[columns] = RowReader(columns, self._table, self._reading)
        parsed = self._readers[columns].event_of(cells)
        return parsed._replace(raw=_cells_as_json(cells))

    def _columns(self, cells: Sequence[str]) -> tuple[str, ...]:
        layout = self._reading.layout
        fixed: tuple[str, ...]
        if self._table is AccTable.ACC_CDRS:
            fixed = (layout.cdr.start, layout.cdr.end, layout.cdr.duration)
            return fixed + _extras(cells, len(fixed), layout.cdr.extras, ())
        fixed = tuple(layout.columns.get(name, name) for name in CORE_COLUMNS) + _time_columns(layout)
        if len(cells) == len(CORE_COLUMNS):
            return fixed[: len(cells)]
        context = self._context_columns(cells, len(fixed))
        labels = None
        if Backend.SQL in layout.extras or Backend.SQL in layout.legs:
            labels = layout.extras.get(Backend.SQL, ()) + layout.legs.get(Backend.SQL, ())
        return fixed + _extras(cells, len(fixed), labels, context) + context

    def _context_columns(self, cells: Sequence[str], fixed: int) -> tuple[str, ...]:
        """Return OpenSIPS' own columns at the end of a row; all are numbers, and ``created`` is an epoch or 0."""
        if self._reading.product is not Product.OPENSIPS:
            return ()
        for size in (2,) if self._table is AccTable.MISSED_CALLS else (4, 3, 2):
            values = cells[len(cells) - size :]
            is_epoch = len(values[1]) >= 9 or values[1] == "0"
            if len(cells) - size >= fixed and is_epoch and all(map(_COUNT.fullmatch, values)):
                return _CONTEXT_COLUMNS[:size]
        return ()


def _time_columns(layout: FieldLayout) -> tuple[str, ...]:
    match layout.time.mode:
        case 0:
            return ()
        case 1:
            return layout.time.attr, layout.time.exten
    return (layout.time.attr,)


def _extras(cells: Sequence[str], fixed: int, labels: Sequence[str] | None, context: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the cells between the fixed columns and OpenSIPS' own columns."""
    count = len(cells) - fixed - len(context)
    if labels is None:
        return tuple(f"extra_{number}" for number in range(1, count + 1))
    if count != len(labels):
        raise Unparsable(
            f"the row has {len(cells)} cells, {len(cells) - count} of them standard; the layout has {len(labels)} "
            "fields for the others. Enter the fields of the proxy at the time of the file in its layout, or insert a "
            "first line with the names of the columns"
        )
    return tuple(labels)


def _cells_as_json(cells: Sequence[str]) -> bytes:
    return json.dumps(list(cells), ensure_ascii=False, separators=(",", ":")).encode()


def stored_cells(raw: bytes) -> list[str] | None:
    """Return the cells of a row stored as ``raw`` of an event or a rejection; None if ``raw`` is not such a list."""
    try:
        cells = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return cells if isinstance(cells, list) and all(isinstance(cell, str) for cell in cells) else None


def replay(cells: Sequence[str], table: AccTable, reading: Reading) -> AccEvent | Rejection:
    """Return the event of a stored row, parsed with the present layout."""
    try:
        return FlatRows(table, reading).event_of(cells)
    except Unparsable as error:
        return Rejection(_cells_as_json(cells), str(error))
