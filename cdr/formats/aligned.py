"""Parse tables as database clients print them for people: ``mysql`` (also with ``-t``), ``psql``, and Markdown.

::

    +----+--------+          id | method          | id | method |
    | id | method |         ----+--------         |---|---|
    +----+--------+           1 | INVITE          | 1 | INVITE |
    |  1 | INVITE |         (1 row)
    +----+--------+

Text around the rows (a prompt, the number of rows) is skipped. Cells are separated at ``|``; if a value contains ``|``
itself, at the columns of the crossings in the ruled line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cdr.events import Unparsable, text_of
from cdr.formats.delimited import KEPT_OF_BROKEN, Broken, Cells, TableLines, check_line

_BORDER = re.compile(r"\+[-+]+\+")
_RULE = re.compile(r"-+(?:\+-+)+")
_MARKDOWN_RULE = re.compile(r"\|(?: *:?-+:? *\|)+")


def is_aligned(lines: Sequence[str]) -> bool:
    """Tell whether the first lines of a file contain the heading of such a table."""
    return _heading_at(lines) is not None


def columns_of(lines: Sequence[str]) -> list[str]:
    """Return the names of the columns in the first lines of a file; empty without a heading."""
    place = _heading_at(lines)
    return [] if place is None else [name.strip() for name in _inner(lines[place].strip()).split("|")]


def _heading_at(lines: Sequence[str]) -> int | None:
    """Return the index of the line with the names: below a border, above a rule, or the first one between pipes."""
    for index, line in enumerate(lines):
        text = line.strip()
        following = lines[index + 1].strip() if index + 1 < len(lines) else ""
        if _BORDER.fullmatch(text) and following.startswith("|"):
            return index + 1
        if "|" in text and _RULE.fullmatch(following) and text.count("|") == following.count("+"):
            return index
        if len(text) > 1 and text.startswith("|") and text.endswith("|"):
            return index
    return None


class AlignedTable:
    """Iterates over the rows below the first heading; ``number`` is the line of the last row returned."""

    def __init__(self, lines: TableLines) -> None:
        self._lines = lines
        self.number = 0
        self._rule = ""
        self._is_framed = True
        self.columns = self._read_heading()

    def _read_heading(self) -> list[str]:
        before: list[str] = []
        for raw in self._lines:
            before = [*before[-2:], text_of(raw).rstrip("\r\n")]
            place = _heading_at(before)
            if place is None:
                continue
            self.number = self._lines.number
            self._is_framed = before[place].strip().startswith("|")
            self._rule = next((line for line in before if _BORDER.fullmatch(line) or _RULE.fullmatch(line)), "")
            return columns_of(before)
        return []

    def __iter__(self) -> Iterator[Cells | Broken]:
        for raw in self._lines:
            self.number = self._lines.number
            line = text_of(raw).rstrip("\r\n")
            if not self._is_row(line):
                continue
            try:
                check_line(raw)
                cells = self._cells_of(line)
            except Unparsable as error:
                yield Broken(raw[:KEPT_OF_BROKEN], str(error))
                continue
            if [cell or "" for cell in cells] != self.columns:  # clients repeat the heading
                yield cells

    def _is_row(self, line: str) -> bool:
        text = line.strip()
        if self._is_framed:
            return text.startswith("|") and not _MARKDOWN_RULE.fullmatch(text)
        return "|" in text and not _RULE.fullmatch(text)

    def _cells_of(self, line: str) -> Cells:
        cells = _inner(line.strip() if self._is_framed else line).split("|")
        if len(cells) != len(self.columns):
            cells = self._cells_by_place(line)
        if len(cells) != len(self.columns):
            raise Unparsable(f"{len(cells)} cells under a heading of {len(self.columns)} columns")
        stripped = [cell.strip(" ") for cell in cells]
        return [None if cell == "NULL" else cell for cell in stripped]

    def _cells_by_place(self, line: str) -> list[str]:
        places = [place for place, sign in enumerate(self._rule) if sign == "+"]
        if not places or any(line[place : place + 1] != "|" for place in places):
            raise Unparsable(
                f'a value contains "|", or the row is incomplete: the heading has {len(self.columns)} columns'
            )
        edges = places if self._is_framed else [-1, *places, len(line)]
        return [line[start + 1 : end] for start, end in pairwise(edges)]


def _inner(line: str) -> str:
    return line[1:-1] if line.startswith("|") and line.endswith("|") and len(line) > 1 else line
