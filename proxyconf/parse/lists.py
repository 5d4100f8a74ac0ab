"""Parse the lists in parameter values: ``name=$pv;name=$pv`` and ``backend: tag->name;tag``."""

from __future__ import annotations

import re
from typing import NamedTuple

_OPENING, _CLOSING = "([{", ")]}"
_DECLARATION = re.compile(r"\s*([A-Za-z]+)\s*:(.*)", re.DOTALL)


class Pair(NamedTuple):
    """A ``name=value``. ``value`` is the source text, which need not be a valid variable."""

    name: str
    value: str


class Declared(NamedTuple):
    """A ``tag->name`` of OpenSIPS' ``extra_fields`` and ``leg_fields``; the name defaults to the tag."""

    tag: str
    name: str


def split_pairs(text: str) -> tuple[list[Pair], list[str]]:
    """Return the pairs of ``name=$pv;name=$pv``, and the parts that are not pairs.

    Semicolons inside brackets belong to the variable. An empty part (a semicolon at the end) is returned as ``";"``.
    """
    pairs: list[Pair] = []
    wrong: list[str] = []
    for part in split_outside_brackets(text):
        name, sign, value = part.partition("=")
        if not part.strip():
            wrong.append(";")
        elif not sign or not name.strip():
            wrong.append(part.strip())
        else:
            pairs.append(Pair(name.strip(), value.strip()))
    return pairs, wrong if text.strip() else []


def split_declaration(text: str) -> tuple[str, list[Declared]]:
    """Return the backend and the fields of ``backend: tag->name;tag``; raise ``ValueError`` for another syntax."""
    match = _DECLARATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not of the form backend: tag->name;tag")
    fields = []
    for part in match[2].split(";"):
        tag, arrow, name = map(str.strip, part.partition("->"))
        if tag:
            fields.append(Declared(tag, name if arrow and name else tag))
    return match[1], fields


def split_outside_brackets(text: str) -> list[str]:
    """Split at the semicolons outside of brackets."""
    parts, depth, begin = [], 0, 0
    for position, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth = max(depth - 1, 0)
        elif character == ";" and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return [*parts, text[begin:]]
