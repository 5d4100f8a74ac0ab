r"""Parse tables with separators between the cells, whose first line names the columns.

If the first line contains a tab, cells are separated by tabs, with escapes (``mysql --batch``). Otherwise the separator
is the most frequent one of ``,``, ``;`` and ``|``, with quotes (RFC 4180, PostgreSQL's ``COPY … CSV HEADER``,
``sqlite3 -header``, ``psql -A``).
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, Self, TypeAlias

from cdr.events import Unparsable, text_of

Cells: TypeAlias = Sequence[str | None]
"""A row as text, with None for NULL. In a comma-separated table NULL is the empty text."""

LONGEST = 1 << 20
"""Maximum size of a line or record in bytes; a SIP message over UDP has at most 64 KiB."""

KEPT_OF_BROKEN = 4096
"""Bytes that a rejection keeps of a line that is not a row."""

_SEPARATORS = ",;|"
_FOOTER = re.compile(rb"\(\d+ rows?\)\s*")  # psql


class Broken(NamedTuple):
    """A line that is not a row: its start, and the reason."""

    line: bytes
    reason: str


class DelimitedTable:
    """Iterates over the rows of a stream below its header, in constant memory.

    ``columns`` are empty for an empty stream. ``number`` is the first line of the last row returned. A quoted cell may
    span lines. Blank lines are skipped. Of a broken record only the first line is lost: the lines that an unpaired
    quote would include are read again. A line has at most ``LONGEST`` bytes, a quoted cell 128 KiB (the default limit
    of Python's ``csv``).
    """

    def __init__(self, lines: TableLines) -> None:
        self._lines = lines
        header = text_of(next(lines, b""))
        self.number = lines.number
        self._separator = separator_of(header)
        self._cells_of = self._cells_between_tabs if self._separator == "\t" else self._quoted_cells
        self.columns = names_in(header)
        self._width = len(self.columns)

    def __iter__(self) -> Iterator[Cells | Broken]:
        for line in self._lines:
            self.number = self._lines.number
            if self._separator == "|" and _FOOTER.fullmatch(line):
                continue
            try:
                cells = self._cells_of(line)
            except Unparsable as error:
                yield Broken(line[:KEPT_OF_BROKEN], str(error))
            else:
                yield cells

    def _quoted_cells(self, line: bytes) -> Cells:
        check_line(line)
        if b'"' not in line:
            return self._checked_width(text_of(line).rstrip("\r\n").split(self._separator))
        cells = _cells(text_of(line), self._separator)
        return self._spanning(line) if cells is None else self._checked_width(cells)

    def _spanning(self, line: bytes) -> Cells:
        """Return the cells of a record whose quotes do not end in ``line``."""
        record_lines = [line]
        size, quotes = len(line), line.count(b'"')
        while quotes % 2 and size <= LONGEST and (more := next(self._lines, None)):
            record_lines.append(more)
            size += len(more)
            quotes += more.count(b'"')
        record = b"".join(record_lines)
        cells = None if quotes % 2 or b"\0" in record else _cells(text_of(record), self._separator)
        if cells is None or len(cells) != self._width:
            self._lines.push_back(record_lines[1:])
            raise Unparsable("unbalanced quotes: the whole cell must be quoted, and quotes inside it doubled")
        return cells

    def _cells_between_tabs(self, line: bytes) -> Cells:
        check_line(line)
        texts = self._checked_width(text_of(line).rstrip("\r\n").split("\t"))
        cells = [None if text in ("NULL", "\\N") else text for text in texts]
        return [cell and unescaped(cell) for cell in cells] if b"\\" in line else cells

    def _checked_width(self, cells: list[str]) -> list[str]:
        if len(cells) != self._width:
            raise Unparsable(f"{len(cells)} cells under a header of {self._width} columns")
        return cells


def check_line(line: bytes) -> None:
    """Raise ``Unparsable`` for a line that cannot be part of a text table."""
    if b"\0" in line:
        raise Unparsable("NUL bytes in the line: the file is damaged here")
    if len(line) >= LONGEST:
        raise Unparsable(f"the line has {LONGEST} bytes or more, which is too long for a row")


class TableLines:
    """Iterates over the non-blank lines of a stream, truncated after ``LONGEST`` bytes, without a byte order mark.

    ``number`` is the number of the last line returned, counted from one.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pushed_back: deque[bytes] = deque()
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._pushed_back:
            self.number += 1
            return self._pushed_back.popleft()
        while line := self._stream.readline(LONGEST):
            self.number += 1
            if len(line) == LONGEST:
                self._skip_rest(line)
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line and not line.isspace():
                return line
        raise StopIteration

    def _skip_rest(self, part: bytes) -> None:
        while part and not part.endswith(b"\n"):
            part = self._stream.readline(LONGEST)

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Return ``lines`` again, starting with the first."""
        self._pushed_back.extendleft(reversed(lines))
        self.number -= len(lines)


def separator_of(header: str) -> str:
    """Return the separator of the names in the first line of a table."""
    return "\t" if "\t" in header else max(_SEPARATORS, key=header.count)


def names_in(header: str) -> list[str]:
    """Return the names of the columns in the first line of a table; empty for an empty line."""
    if not header:
        return []
    separator = separator_of(header)
    return header.rstrip("\r\n").split("\t") if separator == "\t" else _cells(header, separator) or [header]


def _cells(record: str, separator: str) -> list[str] | None:
    """Return the cells of a complete record; None if its quotes do not match."""
    try:
        return next(csv.reader((record,), delimiter=separator, strict=True), None)
    except csv.Error:
        return None


_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CHARACTERS = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "0": "\\x00",
}  # NUL as text_of shows it


def unescaped(cell: str) -> str:
    """Return a cell without the backslash escapes of ``mysql --batch`` and PostgreSQL's ``COPY``."""
    return _ESCAPED.sub(lambda match: _CHARACTERS.get(match[1], match[1]), cell)
