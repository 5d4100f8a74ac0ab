"""Pages of calls by cursor, and counts that stop at a limit: nothing here issues an OFFSET or an uncapped COUNT."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet

from cdr.models import Call
from cdr.queries.keyset import OLDEST, Cursor

QUICK_COUNT_MS = 200


@dataclass(frozen=True, slots=True)
class PagedCalls:
    """A page of calls, newest first. ``newer`` and ``older`` are its first and last row if the list continues there."""

    rows: list[Call]
    newer: Cursor | None
    older: Cursor | None


def call_page(
    calls: QuerySet[Call], size: int, *, after: Cursor | None = None, before: Cursor | None = None
) -> PagedCalls:
    """Return ``size`` calls: those after the cursor ``after`` (older) or before ``before`` (newer), or the newest.

    With ``before=OLDEST`` these are the oldest calls.
    """
    if before is not None:
        return _page_before(calls, size, before)
    older = calls.order_by("-started_at", "-id")
    if after is not None:
        older = older.filter(started_at__lte=after.at).exclude(started_at=after.at, pk__gte=after.pk)
    rows = list(older[: size + 1])
    return PagedCalls(
        rows[:size],
        newer=_cursor(rows[0]) if after and rows else None,
        older=_cursor(rows[size - 1]) if len(rows) > size else None,
    )


def _page_before(calls: QuerySet[Call], size: int, before: Cursor) -> PagedCalls:
    rows = list(newer_than(calls, before).order_by("started_at", "id")[: size + 1])
    if len(rows) <= size:  # this is the first page: fill it
        return call_page(calls, size)
    rows = rows[:size][::-1]
    return PagedCalls(rows, newer=_cursor(rows[0]), older=None if before == OLDEST else _cursor(rows[-1]))


def newer_than(calls: QuerySet[Call], cursor: Cursor) -> QuerySet[Call]:
    """Return the calls before the cursor in a list ordered newest first."""
    return calls.filter(started_at__gte=cursor.at).exclude(started_at=cursor.at, pk__lte=cursor.pk)


def capped_count(calls: QuerySet[Call], limit: int) -> int:
    """Return the number of calls, or ``limit + 1`` if there are more than ``limit``."""
    return calls.order_by()[: limit + 1].count()


def quick_count(calls: QuerySet[Call], limit: int) -> int | None:
    """Return ``capped_count``, or ``None`` where PostgreSQL would need longer than ``QUICK_COUNT_MS``."""
    connection = connections[calls.db]
    if connection.vendor != "postgresql":
        return capped_count(calls, limit)
    try:
        with transaction.atomic(using=calls.db), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [QUICK_COUNT_MS])
            return capped_count(calls, limit)
    except OperationalError:
        return None


@dataclass(frozen=True, slots=True)
class Matches:
    """The number of matching calls: exactly ``count``, about ``count`` (``estimated``), or more (``at_least``)."""

    count: int
    estimated: bool = False
    at_least: bool = False


def matches(calls: QuerySet[Call], limit: int) -> Matches:
    """Count exactly up to ``limit``; beyond it, return the planner's estimate if the database has one."""
    count = capped_count(calls, limit)
    if count <= limit:
        return Matches(count)
    estimate = _planned_rows(calls)
    return Matches(estimate, estimated=True) if estimate and estimate > limit else Matches(limit, at_least=True)


def _planned_rows(calls: QuerySet[Call]) -> int | None:
    """Return the number of rows that PostgreSQL's planner expects from its statistics."""
    if connections[calls.db].vendor != "postgresql":
        return None
    try:
        plan = json.loads(calls.order_by().values("pk").explain(format="json"))
    except EmptyResultSet:
        return 0
    return int(plan[0]["Plan"]["Plan Rows"])


def position(calls: QuerySet[Call], page: PagedCalls, limit: int) -> int | None:
    """Return the position of the page's first row, from 1; ``None`` for an empty page, and beyond ``limit``."""
    if not page.rows:
        return None
    if page.newer is None:
        return 1
    newer = capped_count(newer_than(calls, page.newer), limit)
    return newer + 1 if newer <= limit else None


def _cursor(call: Call) -> Cursor:
    return Cursor(call.started_at, call.pk)
