"""Correct the time of OpenSIPS events that were written with the time of an earlier event of their transaction.

OpenSIPS 3.2 and newer take the time of a request once, at its first accounting event: with ``early_media`` the 200 is
written with the time of the 183. ``setuptime`` is computed for each event: the seconds from ``created`` to now. Without
the flag ``cdr``, ``created`` is 0 and ``setuptime`` the seconds since 1970. Source: ``acc_log_request``,
``acc_db_request``, ``acc_aaa_request`` and ``acc_evi_request`` in ``acc.c`` of OpenSIPS.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cdr.events import EventKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 10  # of 32 bits
_NO_DELAY = timedelta(0)
_LONGEST_RINGING = timedelta(minutes=15)
"""A longer difference means a wrong clock or zone (zones differ by at least 15 minutes)."""

FINAL_REPLIES = frozenset({EventKind.ANSWERED, EventKind.FAILED, EventKind.MISSED})
"""Events of an INVITE that are written when its response comes. A BYE ends the call when it arrives itself."""


def delayed_time(time: datetime, created_at: datetime | None, setuptime: str) -> datetime:
    """Return the true time of a final response written with ``time``; ignore a ``setuptime`` that is not a number."""
    if not (setuptime.isdecimal() and setuptime.isascii() and len(setuptime) <= _MOST_DIGITS):
        return time
    delay = (created_at or _EPOCH) - time + timedelta(seconds=int(setuptime))
    if not _NO_DELAY < delay < _LONGEST_RINGING:
        return time
    try:
        return time + delay
    except OverflowError:
        return time
