"""Calls in the order in which they changed, for who follows changes and must not miss one.

Changes are delivered up to the newest one before which none can appear any more (``cdr.storage.change_order``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from cdr.models import Call
from cdr.queries.keyset import Cursor
from cdr.storage.change_order import last_settled_change


@dataclass(frozen=True, slots=True)
class Changes:
    """Some calls by the time of their last change; ``place`` is where to go on, ``more``: there is more already."""

    rows: list[Call]
    place: Cursor
    more: bool


def changes(calls: QuerySet[Call], after: Cursor, size: int) -> Changes:
    """Return the first ``size`` of ``calls`` that changed after the place ``after``."""
    settled = last_settled_change()  # before the calls are read: a transaction that ends in between is seen whole
    if settled is None:
        return Changes([], after, more=False)
    later = calls.filter(updated_at__gte=after.at, updated_at__lte=settled)
    later = later.exclude(updated_at=after.at, pk__lte=after.pk)
    rows = list(later.order_by("updated_at", "id")[: size + 1])
    page = rows[:size]
    place = Cursor(page[-1].updated_at, page[-1].pk) if page else after
    return Changes(page, place, more=len(rows) > size)


def since(moment: datetime) -> Cursor:
    """Return the place before every change at ``moment`` or later."""
    return Cursor(moment, 0)
