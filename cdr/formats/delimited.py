r"""Tables as text: comma-separated with quotes (RFC 4180, PostgreSQL's ``COPY … CSV HEADER``) or tab-separated with
escapes (``mysql --batch``). The first line names the columns; tabs in it mean the latter form.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, Self, TypeAlias

from cdr.events import Unparsable, text_of

Cells: TypeAlias = Sequence[str | None]
"""A row as text, NULL as None. In a comma-separated table NULL and the empty text look alike: both are empty."""

LONGEST = 1 << 20
"""Bytes of the longest line or record; a SIP message over UDP has at most 64 KiB."""
_KEPT_OF_BROKEN = 4096


class Broken(NamedTuple):
    """A line that makes no row: its beginning, and why."""

    line: bytes
    reason: str


class DelimitedTable:
    """Iterates over the rows of a stream below its header, in constant memory.

    ``columns`` are empty for an empty stream. ``number`` is that of the line which the row last given began with. A
    row may span lines within quotes. Blank lines are skipped. A broken record costs its first line only: the lines that
    an unpaired quote would take in are read anew. A line has at most ``LONGEST`` bytes, a quoted cell 128 KiB (the
    default limit of Python's ``csv``).
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = _Lines(stream)
        header = next(self._lines, b"").removeprefix(b"\xef\xbb\xbf")
        self.number = self._lines.number
        self._cells_of = self._cells_between_tabs if b"\t" in header else self._cells_between_commas
        self.columns = _names(text_of(header)) if header else []
        self._width = len(self.columns)

    def __iter__(self) -> Iterator[Cells | Broken]:
        for line in self._lines:
            self.number = self._lines.number
            try:
                cells = self._cells_of(line)
            except Unparsable as error:
                yield Broken(line[:_KEPT_OF_BROKEN], str(error))
            else:
                yield cells

    def _cells_between_commas(self, line: bytes) -> Cells:
        _check(line)
        if b'"' not in line:
            return self._whole(text_of(line).rstrip("\r\n").split(","))
        cells = _comma_separated(text_of(line))
        return self._spanning(line) if cells is None else self._whole(cells)

    def _spanning(self, line: bytes) -> Cells:
        """Return the cells of a record whose quotes do not end in ``line``."""
        taken = [line]
        size, quotes = len(line), line.count(b'"')
        while quotes % 2 and size <= LONGEST and (more := next(self._lines, None)):
            taken.append(more)
            size += len(more)
            quotes += more.count(b'"')
        record = b"".join(taken)
        cells = None if quotes % 2 or b"\0" in record else _comma_separated(text_of(record))
        if cells is None or len(cells) != self._width:
            self._lines.push_back(taken[1:])
            raise Unparsable("its quotes do not match: a cell is quoted as a whole, quotes within it are doubled")
        return cells

    def _cells_between_tabs(self, line: bytes) -> Cells:
        _check(line)
        texts = self._whole(text_of(line).rstrip("\r\n").split("\t"))
        cells = [None if text in ("NULL", "\\N") else text for text in texts]
        return [cell and _unescaped(cell) for cell in cells] if b"\\" in line else cells

    def _whole(self, cells: list[str]) -> list[str]:
        if len(cells) != self._width:
            raise Unparsable(f"{len(cells)} cells under a header of {self._width} columns")
        return cells


def _check(line: bytes) -> None:
    if b"\0" in line:
        raise Unparsable("NUL bytes in the line: the file is damaged here")
    if len(line) >= LONGEST:
        raise Unparsable(f"a line of {LONGEST} bytes and more is no row")


class _Lines:
    """The lines of a stream that are not blank, cut after ``LONGEST`` bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._again: deque[bytes] = deque()
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._again:
            self.number += 1
            return self._again.popleft()
        while line := self._stream.readline(LONGEST):
            self.number += 1
            if len(line) == LONGEST:
                self._pass_over_rest(line)
            if not line.isspace():
                return line
        raise StopIteration

    def _pass_over_rest(self, part: bytes) -> None:
        while part and not part.endswith(b"\n"):
            part = self._stream.readline(LONGEST)

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Give lines again, the next first."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def _names(header: str) -> list[str]:
    if "\t" in header:
        return header.rstrip("\r\n").split("\t")
    return _comma_separated(header) or [header]


def _comma_separated(record: str) -> list[str] | None:
    """Return the cells of a whole record, nothing for one that is none."""
    try:
        return next(csv.reader((record,), strict=True), None)
    except csv.Error:
        return None


_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "0": "\\x00"}  # NUL as text_of shows it


def _unescaped(cell: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), cell)
