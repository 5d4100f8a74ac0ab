"""Pages of calls by cursor, and counts that stop at a limit: nothing here issues an OFFSET or an uncapped COUNT."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet

from cdr.models import Call
from cdr.queries.keyset import OLDEST, Cursor
from cdr.queries.ordering import NEWEST_FIRST, Order

QUICK_COUNT_MS = 200


@dataclass(frozen=True, slots=True)
class PagedCalls:
    """A page of calls. ``newer`` and ``older`` are its first and last row if the list continues there; the names are
    those of a list ordered newest first.
    """

    rows: list[Call]
    newer: Cursor | None
    older: Cursor | None


def call_page(
    calls: QuerySet[Call],
    size: int,
    *,
    after: Cursor | None = None,
    before: Cursor | None = None,
    order: Order = NEWEST_FIRST,
) -> PagedCalls:
    """Return ``size`` calls: those after the cursor ``after`` or before ``before``, or the first of the list.

    With ``before=OLDEST`` these are the last calls of the list.
    """
    if before is not None:
        return _page_before(calls, size, before, order)
    following = order.sorted(calls if after is None else order.following(calls, after))
    rows = list(following[: size + 1])
    return PagedCalls(
        rows[:size],
        newer=order.cursor(rows[0]) if after and rows else None,
        older=order.cursor(rows[size - 1]) if len(rows) > size else None,
    )


def _page_before(calls: QuerySet[Call], size: int, before: Cursor, order: Order) -> PagedCalls:
    rows = list(order.opposite.sorted(order.preceding(calls, before))[: size + 1])
    if len(rows) <= size:  # this is the first page: fill it
        return call_page(calls, size, order=order)
    rows = rows[:size][::-1]
    return PagedCalls(rows, order.cursor(rows[0]), None if before == OLDEST else order.cursor(rows[-1]))


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


def position(calls: QuerySet[Call], page: PagedCalls, limit: int, order: Order = NEWEST_FIRST) -> int | None:
    """Return the position of the page's first row, from 1; ``None`` for an empty page, and beyond ``limit``."""
    if not page.rows:
        return None
    if page.newer is None:
        return 1
    preceding = capped_count(order.preceding(calls, page.newer), limit)
    return preceding + 1 if preceding <= limit else None
