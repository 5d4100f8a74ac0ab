r"""Parse tables with a line per cell: ``mysql``'s ``\G`` and ``psql``'s ``\x``.

::

    *************************** 1. row ***************************        -[ RECORD 1 ]---
           id: 1                                                            id     | 1
       method: INVITE                                                       method | INVITE
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from cdr.events import text_of
from cdr.formats.delimited import KEPT_OF_BROKEN, LONGEST, Broken, Cells, TableLines

_BEGIN = re.compile(r"\s*(?:\*{3,} \d+\. row \*{3,}|-\[ RECORD \d+ \][-+]*)\s*")
_CELL = re.compile(r"\s*(\w+)(?:: ?| *\| ?)(.*)")
_FOOTER = re.compile(r"(?:\d+ rows? in set.*|\(\d+ rows?\)|mysql> .*|MariaDB \[.*)")


def is_vertical(lines: Sequence[str]) -> bool:
    """Tell whether a record starts in the first lines of a file."""
    return any(_BEGIN.fullmatch(line) for line in lines)


def columns_of(lines: Sequence[str]) -> list[str]:
    """Return the names in the first record, as far as the first lines of a file contain it."""
    start = next((index for index, line in enumerate(lines) if _BEGIN.fullmatch(line)), len(lines))
    names = []
    for line in lines[start + 1 :]:
        match = _CELL.fullmatch(line)
        if match is None:
            break
        names.append(match[1])
    return names


_Record: TypeAlias = list[tuple[str, str]]


class VerticalTable:
    """Iterates over the records; ``columns`` are those of the first one, ``number`` is the first line of a record."""

    def __init__(self, lines: TableLines) -> None:
        self._records = _records(lines)
        self._first = next(self._records, (0, []))
        self.number = self._first[0]
        self.columns = list(dict(self._first[1]))

    def __iter__(self) -> Iterator[Cells | Broken]:
        for number, record in chain([self._first], self._records):
            self.number = number
            values = dict(record)
            if len(values) == len(record) == len(self.columns) and values.keys() == set(self.columns):
                yield [None if values[name] == "NULL" else values[name] for name in self.columns]
            elif record:
                text = "\n".join(f"{name}: {value}" for name, value in record)
                yield Broken(text.encode()[:KEPT_OF_BROKEN], "its columns are not those of the first record")


def _records(lines: TableLines) -> Iterator[tuple[int, _Record]]:
    """Yield each record with the number of its first line, in constant memory."""
    number, size = 0, 0
    record: _Record = []
    for raw in lines:
        line = text_of(raw).rstrip("\r\n")
        size += len(line)
        if _BEGIN.fullmatch(line):
            if record:
                yield number, record
            number, size, record = lines.number, 0, []
        elif number and size <= LONGEST and not _FOOTER.fullmatch(line):
            _add_line(record, line)
    if record:
        yield number, record


def _add_line(record: _Record, line: str) -> None:
    """Add a cell, or another line of the last cell."""
    match = _CELL.fullmatch(line)
    if match:
        record.append((match[1], match[2]))
    elif record:
        name, value = record[-1]
        record[-1] = name, f"{value}\n{line}"
