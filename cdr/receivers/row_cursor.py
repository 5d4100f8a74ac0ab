"""A cursor for a growing table in which rows may be committed late, with a smaller id than rows read before.

Pure. An id is taken from the table's sequence when a row is inserted, but the row becomes visible when its transaction
commits, so a reader that remembers only the greatest id loses rows. This cursor also remembers the missing ids below
it, and searches for them again for a while. Most never appear, because a transaction that fails uses up its ids.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self


class IdGap(NamedTuple):
    """The ids from ``first`` to ``last`` were missing at ``since`` (epoch seconds), while greater ids existed."""

    first: int
    last: int
    since: int

    def without(self, ids: Sequence[int]) -> Iterator[IdGap]:
        """Yield what is left of the gap after the rows with ``ids`` (in order) have appeared."""
        first = self.first
        for row_id in ids[bisect_left(ids, self.first) : bisect_right(ids, self.last)]:
            if row_id > first:
                yield IdGap(first, row_id - 1, self.since)
            first = row_id + 1
        if first <= self.last:
            yield IdGap(first, self.last, self.since)


@dataclass(frozen=True, slots=True)
class RowCursor:
    """``high`` is the greatest id read so far; ``gaps`` are the ids below it that have not been seen, in order."""

    high: int = 0
    gaps: tuple[IdGap, ...] = ()

    def moved(self, ids: Iterable[int], read_at: int) -> RowCursor:
        """Return the cursor after the rows with ``ids`` were read at ``read_at`` (seconds since the epoch)."""
        seen = sorted(ids)
        new = seen[bisect_right(seen, self.high) :]
        gaps = [rest for gap in self.gaps for rest in gap.without(seen)]
        before = self.high
        for row_id in new:
            if row_id > before + 1:
                gaps.append(IdGap(before + 1, row_id - 1, read_at))
            before = row_id
        return RowCursor(before, tuple(gaps))

    def without_older(self, since: int, most: int) -> RowCursor:
        """Return the cursor with the newest ``most`` of the gaps that were first seen at ``since`` or later."""
        recent = [gap for gap in self.gaps if gap.since >= since]
        return RowCursor(self.high, tuple(recent[-most:]))

    def to_json(self) -> dict[str, Any]:
        """Return JSON data for ``from_json``."""
        return {"high": self.high, "gaps": [list(gap) for gap in self.gaps]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read data of ``to_json``; an empty mapping gives a cursor before the first row."""
        return cls(data.get("high", 0), tuple(IdGap(*gap) for gap in data.get("gaps", ())))
