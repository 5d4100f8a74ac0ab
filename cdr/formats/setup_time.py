"""When an event of OpenSIPS happened, where its time is that of an earlier event of the same transaction.

OpenSIPS 3.2 and newer take the time of a request once, at its first accounting event: with ``early_media`` the 200 is
written with the time of the 183. ``setuptime`` is counted anew for each event: the seconds from ``created`` to now.
Without the flag ``cdr`` ``created`` is 0, and ``setuptime`` the seconds since 1970. Source: ``acc_log_request``,
``acc_db_request``, ``acc_aaa_request`` and ``acc_evi_request`` in ``acc.c`` of OpenSIPS.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cdr.events import EventKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 10  # of 32 bits
_NO_DELAY = timedelta(0)
_LONGEST_RINGING = timedelta(minutes=15)
"""A longer difference is no ringing but a wrong clock or zone (zones differ by at least so much)."""

FINAL_REPLIES = frozenset({EventKind.ANSWERED, EventKind.FAILED, EventKind.MISSED})
"""The events of an INVITE that are written when the reply comes. A BYE ends the call when it comes, not its reply."""


def delayed_time(time: datetime, created_at: datetime | None, setuptime: str) -> datetime:
    """Return the time of a final reply written with ``time``; a ``setuptime`` that is no number tells nothing."""
    if not (setuptime.isdecimal() and setuptime.isascii() and len(setuptime) <= _MOST_DIGITS):
        return time
    delay = (created_at or _EPOCH) - time + timedelta(seconds=int(setuptime))
    if not _NO_DELAY < delay < _LONGEST_RINGING:
        return time
    try:
        return time + delay
    except OverflowError:
        return time
