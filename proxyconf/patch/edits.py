"""Edits of a configuration's text, which add, replace or remove single lines and preserve all others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from proxyconf.vocabulary.messages import message as _

_REST = re.compile(r"[ \t]*(?:(?:#|//)[^\n]*|/\*(?:(?!\*/)[^\n])*\*/[ \t\r]*)?\r?(?:\n|\Z)")
_INDENT = re.compile(r"[ \t]*")


class Edit(NamedTuple):
    """Replaces the text from ``start`` to ``end``. ``after``: the edit belongs to the text before ``start``."""

    start: int
    end: int
    text: str
    after: bool = False


class PlacedStatement(Protocol):
    """A statement with its place in the text."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class Editor:
    """Collects the edits of a text. ``problems`` describes changes that could not be placed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.problems: list[str] = []
        self._edits: list[Edit] = []

    def edits(self) -> list[Edit]:
        """Return the edits in the order of the text; of two that overlap, only the first one requested."""
        kept: list[Edit] = []
        for edit in self._edits:
            if any(_overlap(edit, other) for other in kept):
                self.problems.append(
                    _("two changes meet in the same place; this one is left out: {change}", change=edit.text.strip())
                )
            else:
                kept.append(edit)
        return sorted(kept, key=lambda edit: (edit.start, edit.end))

    def result(self) -> str:
        """Return the text with all edits applied."""
        return apply_edits(self.text, self.edits())

    def replace(self, start: int, end: int, text: str) -> None:
        self._edits.append(Edit(start, end, text, after=start == end))

    def remove(self, statement: PlacedStatement) -> None:
        """Remove a statement, with its lines if they contain nothing else but a comment."""
        line_start = self._line_start(statement.start)
        rest = _REST.match(self.text, statement.end)
        if rest and not self.text[line_start : statement.start].strip():
            self._edits.append(Edit(line_start, rest.end(), ""))
        else:
            self._edits.append(Edit(statement.start, statement.end, ""))

    def add_line_after(self, statement: PlacedStatement, line: str) -> None:
        """Add a line after the one in which a statement ends, with the indentation of the line in which it begins."""
        rest = _REST.match(self.text, statement.end)
        if rest is None:
            self._edits.append(Edit(statement.end, statement.end, f" {line}", after=True))
            return
        indented = f"{self._indent(statement.start)}{line}"
        ended = rest[0].endswith("\n")
        text = f"{indented}{self.newline}" if ended else f"{self.newline}{indented}"
        self._edits.append(Edit(rest.end(), rest.end(), text, after=True))

    def add_line_before(self, statement: PlacedStatement, line: str) -> None:
        """Add a line before the one in which a statement begins."""
        start = self._line_start(statement.start)
        if self.text[start : statement.start].strip():
            self._edits.append(Edit(statement.start, statement.start, f"{line} "))
        else:
            self._edits.append(Edit(start, start, f"{self._indent(statement.start)}{line}{self.newline}"))

    def add_in_block(self, opening: int, lines: Iterable[str]) -> None:
        """Add lines after an opening brace."""
        rest = _REST.match(self.text, opening)
        indent = self._indent(opening) + "    "
        if rest and rest[0].endswith("\n"):
            text = "".join(f"{indent}{line}{self.newline}" for line in lines)
            self._edits.append(Edit(rest.end(), rest.end(), text, after=True))
        else:
            self._edits.append(Edit(opening, opening, "".join(f" {line}" for line in lines), after=True))

    def stands_in_text(self, statement: PlacedStatement, word: str) -> bool:
        """Return whether a statement is in the text itself instead of a ``#!define``."""
        return self.text.startswith(word, statement.start)

    def _line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1

    def _indent(self, position: int) -> str:
        match = _INDENT.match(self.text, self._line_start(position))
        return match[0] if match else ""


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply sorted edits that do not overlap."""
    parts, cursor = [], 0
    for edit in edits:
        parts += [text[cursor : edit.start], edit.text]
        cursor = edit.end
    return "".join([*parts, text[cursor:]])


def _overlap(one: Edit, other: Edit) -> bool:
    return (one.start < other.end and other.start < one.end) or (one[:2] == other[:2] and one.start < one.end)
