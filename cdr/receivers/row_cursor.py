"""How far a growing table was read, when rows may be committed late with a smaller id than others read before.

Pure: an id is taken from the table's sequence when a row is inserted and seen when its transaction commits, so a reader
that remembers the greatest id alone loses rows. This one also remembers the ids that it has not seen below it, and
looks for them again for a while. Most never come: a transaction that fails takes its ids with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self


class IdGap(NamedTuple):
    """The ids from ``first`` to ``last`` were not there at ``since`` (seconds since the epoch), others above were."""

    first: int
    last: int
    since: int

    def without(self, ids: Sequence[int]) -> Iterator[IdGap]:
        """Yield what is left of the gap once ``ids`` (in order) are there."""
        first = self.first
        for found in ids[bisect_left(ids, self.first) : bisect_right(ids, self.last)]:
            if found > first:
                yield IdGap(first, found - 1, self.since)
            first = found + 1
        if first <= self.last:
            yield IdGap(first, self.last, self.since)


@dataclass(frozen=True, slots=True)
class RowCursor:
    """``high`` is the greatest id read so far; ``gaps`` are the ids below it that have not been seen, in order."""

    high: int = 0
    gaps: tuple[IdGap, ...] = ()

    def moved(self, ids: Iterable[int], at: int) -> RowCursor:
        """Return the cursor after the rows with ``ids`` were read at ``at`` (seconds since the epoch)."""
        seen = sorted(ids)
        new = seen[bisect_right(seen, self.high) :]
        gaps = [rest for gap in self.gaps for rest in gap.without(seen)]
        before = self.high
        for found in new:
            if found > before + 1:
                gaps.append(IdGap(before + 1, found - 1, at))
            before = found
        return RowCursor(before, tuple(gaps))

    def without_older(self, since: int, most: int) -> RowCursor:
        """Return the cursor without the gaps known from before ``since``, and of the others the newest ``most``."""
        kept = [gap for gap in self.gaps if gap.since >= since]
        return RowCursor(self.high, tuple(kept[-most:]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data that ``from_json`` reads back."""
        return {"high": self.high, "gaps": [list(gap) for gap in self.gaps]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote; nothing gives a cursor before the first row."""
        return cls(data.get("high", 0), tuple(IdGap(*gap) for gap in data.get("gaps", ())))
