"""The cursor of a page in an ordered list.

A cursor contains the sort key of a row, so page 10,000 is as fast as page 1, and new rows do not shift the pages.
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
        """Parse the text of a cursor; raise ``ValueError`` that quotes an invalid one."""
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
"""The cursor after the last row, for the last page of the list."""
