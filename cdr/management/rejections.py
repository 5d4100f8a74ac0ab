"""Print the reasons of rejections, grouped, each with an example."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from cdr.events import text_of
from cdr.formats.reading import Parsed, Rejection

_MOST_GROUPS = 20
_SHOWN = 200
_VARIABLE = re.compile(r"\"[^\"]*\"|'[^']*'|\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Reasons:
    """Counts rejections by reason, ignoring values and line numbers in the reasons."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, Rejection] = {}

    def add(self, rejection: Rejection) -> None:
        group = _VARIABLE.sub("…", rejection.reason)
        if group not in self._examples and len(self._examples) >= _MOST_GROUPS:
            group = "other reasons"
        self._counts[group] += 1
        self._examples.setdefault(group, rejection)

    def counted(self, parsed: Iterable[Parsed]) -> Iterator[Parsed]:
        """Yield the records, and count the rejections among them."""
        for record in parsed:
            if isinstance(record, Rejection):
                self.add(record)
            yield record

    def lines(self) -> Iterator[str]:
        """Yield two lines per group, largest group first: number and reason, and the input of an example."""
        for group, count in self._counts.most_common():
            example = self._examples[group]
            yield f"{count} rejected: {printable(example.reason)}"
            yield f"    for example: {printable(text_of(example.raw[: 4 * _SHOWN]))[:_SHOWN]}"


def printable(text: str) -> str:
    """Return text for a terminal, with control characters escaped."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
