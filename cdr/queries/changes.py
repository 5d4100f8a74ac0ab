"""Calls in the order in which they changed, for who follows changes and must not miss one.

``updated_at`` is taken just before a transaction commits (``cdr.calls.publish``), so a change may become visible after
another one that bears a later time: what lies behind a reader's place must no longer change when he passes it. Changes
are therefore told only up to a *horizon*, before which nothing can come any more:

* the present, or the beginning of the oldest transaction that is about to change calls and is not committed, if that
  is earlier. PostgreSQL says which there are; SQLite has one writer at a time, whose changes become visible in order.
* ``MARGIN`` less, for clocks of several machines that differ, or one that is stepped back.

Transactions of another database role than ours cannot be seen: all parts of accweb use one role.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from cdr.models import Call
from cdr.queries.keyset import Cursor

MARGIN = timedelta(seconds=10)
"""How far the clocks of the machines that write calls may lie apart; every change is told so much later."""

# A writer takes the time of its changes after it has written something, which gives its transaction an id
# (backend_xid), and after it has read the calls, which it holds a lock on from then.
_OLDEST_WRITER = """
    SELECT least(clock_timestamp(), min(xact_start)) FROM pg_stat_activity AS writer
    WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND EXISTS (
        SELECT FROM pg_locks WHERE pg_locks.pid = writer.pid AND relation = 'cdr_call'::regclass
    )
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """Some calls by the time of their last change; ``place`` is where to go on, ``more``: there is more already."""

    rows: list[Call]
    place: Cursor
    more: bool


def changes(calls: QuerySet[Call], after: Cursor, size: int) -> Changes:
    """Return the first ``size`` of ``calls`` that changed after the place ``after``."""
    until = horizon()  # looked for before the calls are: a transaction that ends in between is seen whole
    later = calls.filter(updated_at__gte=after.at, updated_at__lt=until).exclude(updated_at=after.at, pk__lte=after.pk)
    rows = list(later.order_by("updated_at", "id")[: size + 1])
    page = rows[:size]
    place = Cursor(page[-1].updated_at, page[-1].pk) if page else after
    return Changes(page, place, more=len(rows) > size)


def since(moment: datetime) -> Cursor:
    """Return the place before every change at ``moment`` or later."""
    return Cursor(moment, 0)


def horizon() -> datetime:
    """Return the time before which no change can come any more."""
    if connection.vendor != "postgresql":
        return timezone.now() - MARGIN
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_WRITER)
        (oldest,) = cursor.fetchone()
    found: datetime = oldest
    return min(found, timezone.now()) - MARGIN
