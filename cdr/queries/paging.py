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
    """Some calls, newest first. ``newer`` and ``older`` are its first and last row where the list goes on there."""

    rows: list[Call]
    newer: Cursor | None
    older: Cursor | None


def call_page(
    calls: QuerySet[Call], size: int, *, after: Cursor | None = None, before: Cursor | None = None
) -> PagedCalls:
    """Return the ``size`` calls that follow ``after`` (older), or precede ``before`` (newer), or the newest ones.

    ``before`` the place ``OLDEST`` stand the oldest ones.
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
    if len(rows) <= size:  # the top is reached: fill the page from there
        return call_page(calls, size)
    rows = rows[:size][::-1]
    return PagedCalls(rows, newer=_cursor(rows[0]), older=None if before == OLDEST else _cursor(rows[-1]))


def newer_than(calls: QuerySet[Call], cursor: Cursor) -> QuerySet[Call]:
    """Return those of ``calls`` that stand before the cursor's row in a list read newest first."""
    return calls.filter(started_at__gte=cursor.at).exclude(started_at=cursor.at, pk__lte=cursor.pk)


def capped_count(calls: QuerySet[Call], limit: int) -> int:
    """Return how many calls there are, or ``limit + 1`` where there are more than ``limit``."""
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
    """How many calls match: ``count`` of them, or about so many (``estimated``), or more than that (``at_least``)."""

    count: int
    estimated: bool = False
    at_least: bool = False


def matches(calls: QuerySet[Call], limit: int) -> Matches:
    """Count exactly up to ``limit``; beyond it, take the planner's estimate where the database has one."""
    count = capped_count(calls, limit)
    if count <= limit:
        return Matches(count)
    guessed = _planned_rows(calls)
    return Matches(guessed, estimated=True) if guessed and guessed > limit else Matches(limit, at_least=True)


def _planned_rows(calls: QuerySet[Call]) -> int | None:
    """Return how many rows PostgreSQL's planner expects, from its statistics alone."""
    if connections[calls.db].vendor != "postgresql":
        return None
    try:
        plan = json.loads(calls.order_by().values("pk").explain(format="json"))
    except EmptyResultSet:
        return 0
    return int(plan[0]["Plan"]["Plan Rows"])


def position(calls: QuerySet[Call], page: PagedCalls, limit: int) -> int | None:
    """Return the place of the page's first row in the list, from 1; none for an empty page and beyond ``limit``."""
    if not page.rows:
        return None
    if page.newer is None:
        return 1
    newer = capped_count(newer_than(calls, page.newer), limit)
    return newer + 1 if newer <= limit else None


def _cursor(call: Call) -> Cursor:
    return Cursor(call.started_at, call.pk)
