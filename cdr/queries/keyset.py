"""The page cursor of a list.

A cursor names a row by what the list is ordered by, so page 10 000 costs what page 1 costs, and rows that arrive
meanwhile shift nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,19})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST_KEY = 2**63 - 1


class Cursor(NamedTuple):
    """A row of a list ordered by time and key. ``at`` is aware."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what ``str()`` of a cursor wrote; raise ``ValueError`` naming what was read."""
        match = _CURSOR.fullmatch(text)
        try:
            if match is None or int(match[2]) > _LARGEST_KEY:
                raise ValueError
            return cls(EPOCH + int(match[1]) * _MICROSECOND, int(match[2]))
        except (ValueError, OverflowError):
            raise ValueError(
                f"{text[:80]!r} is not a valid position in the list; start again from its first page"
            ) from None

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // _MICROSECOND}.{self.pk}"


OLDEST = Cursor(datetime.min.replace(tzinfo=UTC), 0)
"""The place after the last row: what precedes it is the end of the list."""
