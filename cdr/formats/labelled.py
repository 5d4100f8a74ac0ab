"""Split ``;label=value;label=value``, where values may contain anything, including ``;`` and ``=``.

The proxies neither quote nor escape, so only the known labels in their configured order show where a value ends: at the
first occurrence of the next label. An unknown ``;x=`` is part of the value. A hostile value can therefore only corrupt
fields that are configured after it: core fields come first, and an administrator protects a field by placing it before
those that callers control (User-Agent, display names). With the last occurrence instead, the last field could forge all
others, and repeated leg labels would be lost.
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
    """``before`` is the text before the first label found; ``cut``: the last of the labels are missing."""

    before: bytes
    values: Values
    cut: bool


def split(text: bytes, labels: Sequence[bytes], separator: bytes = b";") -> Split:
    """Split ``text`` at ``labels``, which are searched in order, each after the previous one; labels may be missing."""
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
    """Sets of leg values as received. ``cut``: the last set is incomplete, and its last value is left out."""

    sets: list[Values]
    cut: bool


def split_legs(text: bytes, labels: Sequence[bytes]) -> Legs:
    """Split the text after the first ``;<first leg label>=``; the whole set of labels is repeated for each leg."""
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
    return Legs([values[start_of_set : start_of_set + size] for start_of_set in range(0, len(values), size)], cut)


def holds_separator(values: Iterable[bytes], labels: Container[bytes]) -> bool:
    """Tell whether a value contains what looks like the start of a field with one of ``labels``."""
    return any(name.strip() in labels for value in values if b";" in value for name in _name.findall(value))


def pairs(values: Values) -> Pairs:
    """Decode labels and values."""
    return tuple((text_of(label), text_of(value)) for label, value in values)
