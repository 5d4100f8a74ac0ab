"""Change the lists in parameter values part by part: ``name=$pv;name=$pv`` and ``backend: tag->name;tag``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from proxyconf.parse.lists import split_outside_brackets
from proxyconf.parse.statements import Argument
from proxyconf.parse.tokens import Token
from proxyconf.patch.edits import Editor

_HEADING = re.compile(r"\s*[A-Za-z]+\s*:")


class Part(NamedTuple):
    """A part of a list, from ``start`` to ``end`` in the value."""

    text: str
    start: int
    end: int


def parts_of(value: str, *, declared: bool) -> list[Part]:
    """Return the parts of a list; ``declared``: it begins with a backend and a colon."""
    heading = _HEADING.match(value) if declared else None
    position = heading.end() if heading else 0
    parts = []
    for piece in split_outside_brackets(value[position:]):
        stripped = piece.strip()
        if stripped:
            start = position + piece.index(stripped)
            parts.append(Part(stripped, start, start + len(stripped)))
        position += len(piece) + 1
    return parts


def is_editable(editor: Editor, argument: Argument) -> bool:
    """Return whether the argument consists of strings without escapes and macros."""
    return bool(argument.strings) and all(
        not token.define and editor.text[token.start + 1 : token.end - 1] == token.value for token in argument.strings
    )


def change_list(editor: Editor, argument: Argument, wanted: Sequence[str], *, declared: bool) -> None:
    """Change the list in an editable argument to the ``wanted`` parts."""
    value = str(argument.value)
    parts = parts_of(value, declared=declared)
    changes: list[tuple[int, int, str]] = []
    if not parts:
        end = len(value)
        changes.append((end, end, ";".join(wanted)))
    else:
        matcher = difflib.SequenceMatcher(None, [_plain(one.text) for one in parts], list(map(_plain, wanted)), False)
        for tag, first, last, new_first, new_last in matcher.get_opcodes():
            if tag != "equal":
                changes.append(_change(parts, first, last, ";".join(wanted[new_first:new_last])))
    _write(editor, argument.strings, changes)


def _plain(text: str) -> str:
    """Return a part without insignificant white space, for comparison."""
    name, sign, value = text.partition("=")
    tag, arrow, label = text.partition("->")
    if arrow and not sign:
        return tag.strip() if tag.strip() == label.strip() or not label.strip() else f"{tag.strip()}->{label.strip()}"
    return f"{name.strip()}{sign}{value.strip()}"


def _change(parts: Sequence[Part], first: int, last: int, text: str) -> tuple[int, int, str]:
    """Return the replacement of the parts from ``first`` to ``last`` (exclusive): start, end, text."""
    count = len(parts)
    if first == last:
        if first < count:
            return parts[first].start, parts[first].start, f"{text};"
        return parts[-1].end, parts[-1].end, f";{text}"
    if text:
        return parts[first].start, parts[last - 1].end, text
    if last < count:
        return parts[first].start, parts[last].start, ""
    return parts[first - 1].end if first else parts[0].start, parts[last - 1].end, ""


def _write(editor: Editor, strings: Sequence[Token], changes: Iterable[tuple[int, int, str]]) -> None:
    """Apply changes of the value to the strings of which it consists; strings that become empty are removed."""
    lefts = [0]
    for token in strings:
        lefts.append(lefts[-1] + len(token.value))
    emptied = set()
    pending: list[tuple[int, int, int, str]] = []
    for start, end, text in changes:
        first = True
        for index, (left, right) in enumerate(pairwise(lefts)):
            begin, stop = max(start, left), min(end, right)
            is_place = begin < stop or (start == end and left <= start <= right)
            if not is_place or (start == end and not first):
                continue
            pending.append((index, begin - left, stop - left, text if first else ""))
            if stop - begin == right - left and not (first and text) and len(strings) > 1:
                emptied.add(index)
            first = False
    kept = next((index for index in range(len(strings)) if index not in emptied), len(strings) - 1)
    for index, begin, stop, text in pending:
        token = strings[index]
        if index in emptied and index > kept:
            editor.replace(strings[index - 1].end, token.end, "")
        elif index in emptied and index < kept:
            editor.replace(token.start, strings[index + 1].start, "")
        else:
            editor.replace(token.start + 1 + begin, token.start + 1 + stop, text)
