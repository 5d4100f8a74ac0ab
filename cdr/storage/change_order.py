"""The order in which calls change, for readers who follow changes: ``updated_at``, whatever the clocks of hosts do.

A transaction that changes calls takes the time of its changes from ``next_change_time``: the clock, but later than
every committed change, so that a clock that is set back cannot put a change before one that was delivered. Two
transactions that run at once may commit in either order; ``last_settled_change`` is the newest change before which
none can appear any more.

PostgreSQL: before a writer chooses its time, it takes an advisory lock that names the newest change committed then, and
holds it until its transaction ends. A reader first takes the newest committed change, then looks at these locks:

* a writer whose lock it sees chooses a time after the change that the lock names;
* a writer that takes its lock later chooses a time after the newest change that the reader took;
* the lock of a writer that has committed is released after its changes became visible.

Neither clocks nor database roles matter for this. SQLite has one writer at a time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Max

from cdr.models import Call

_STEP = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE_BITS = 48  # milliseconds since 1970 fit in these until the year 10889
_NAMESPACE = 0x6163 << _NAMESPACE_BITS
_LOCK = "SELECT pg_advisory_xact_lock_shared(%s)"
# The key's upper half is classid, the lower objid; another writer of this session's own transaction is no other.
_OLDEST_LOCK = """
    SELECT min((classid::bigint << 32 | objid::bigint) - %s) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = %s AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def next_change_time(now: datetime) -> datetime:
    """Return the time of this transaction's changes: ``now``, or just after the newest committed change."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [_NAMESPACE + _milliseconds(_newest_change())])
    newest = _newest_change()
    return now if newest is None else max(now, newest + _STEP)


def last_settled_change() -> datetime | None:
    """Return a time at or before which no change can appear any more; ``None`` if no change is settled.

    Changes read by later statements are complete up to this time.
    """
    newest = _newest_change()
    if newest is None or connection.vendor != "postgresql":
        return newest
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_LOCK, [_NAMESPACE, _NAMESPACE >> _NAMESPACE_BITS])
        (milliseconds,) = cursor.fetchone()
    return newest if milliseconds is None else min(newest, _EPOCH + timedelta(milliseconds=milliseconds))


def _newest_change() -> datetime | None:
    newest: datetime | None = Call.objects.aggregate(newest=Max("updated_at"))["newest"]
    return newest


def _milliseconds(time: datetime | None) -> int:
    return 0 if time is None else max(0, (time - _EPOCH) // timedelta(milliseconds=1))
