"""Splitting ``;label=value;label=value`` where values may hold anything, ``;`` and ``=`` included.

The proxies neither quote nor escape, so only known labels in their configured order tell where a value ends. The first
place where the next label stands ends a value; an unknown ``;x=`` is part of the value. A hostile value can then only
spoil what is configured after it, never what stands before: core fields come first, and whoever configures a proxy
protects a field by placing it before those that a caller fills (User-Agent, display names). Taking the last place
instead would let the last field forge all the others, and would swallow repeated leg labels.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from itertools import cycle, pairwise
from typing import NamedTuple, TypeAlias

from cdr.events import Pairs, text_of

Values: TypeAlias = list[tuple[bytes, bytes]]
"""Label and value, in the order of the text."""

_name = re.compile(rb";([^;=]*)=")


class Split(NamedTuple):
    """``before``: the text before the first label found. ``cut``: the last labels asked for are not there."""

    before: bytes
    values: Values
    cut: bool


def split(text: bytes, labels: Sequence[bytes], separator: bytes = b";") -> Split:
    """Split ``text`` at ``labels``, searched in their order, each after the one before; a label may be absent."""
    places: list[tuple[int, int, bytes]] = []
    start = 0
    cut = False
    for label in labels:
        mark = separator + label + b"="
        place = text.find(mark, start)
        cut = place < 0
        if not cut:
            start = place + len(mark)
            places.append((place, start, label))
    ends = [place for place, _, _ in places] + [len(text)]
    values = [(label, text[start:end]) for (_, start, label), end in zip(places, ends[1:], strict=True)]
    return Split(text[: ends[0]], values, cut)


class Legs(NamedTuple):
    """Sets of leg values as received. ``cut``: the last set was incomplete; its last value is left out."""

    sets: list[Values]
    cut: bool


def split_legs(text: bytes, labels: Sequence[bytes]) -> Legs:
    """Split what follows the first ``;<first leg label>=``: the whole set of labels is repeated for each leg."""
    values: Values = []
    start = 0
    for label, following in pairwise(cycle(labels)):
        mark = b";" + following + b"="
        end = text.find(mark, start)
        if end < 0:
            break
        values.append((label, text[start:end]))
        start = end + len(mark)
    size = len(labels)
    cut = (len(values) + 1) % size != 0
    if not cut:
        values.append((labels[-1], text[start:]))
    return Legs([values[at : at + size] for at in range(0, len(values), size)], cut)


def holds_separator(values: Iterable[bytes], labels: Container[bytes]) -> bool:
    """Tell whether a value holds what looks like the beginning of a field with one of ``labels``."""
    return any(name.strip() in labels for value in values if b";" in value for name in _name.findall(value))


def pairs(values: Values) -> Pairs:
    """Return labels and values as text."""
    return tuple((text_of(label), text_of(value)) for label, value in values)
