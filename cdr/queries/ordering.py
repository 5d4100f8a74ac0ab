"""The orders of a list of calls, and the cursors between its pages."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import F, Value
from django.db.models.expressions import Expression
from django.db.models.functions import Coalesce
from django.db.models.query import QuerySet

from cdr.models import Call
from cdr.queries.keyset import EPOCH, OLDEST, Cursor

_KEY = "order_key"


class Order(NamedTuple):
    """An order of calls; equal ones are ordered by primary key. Unknown durations sort as zero."""

    name: str
    by_duration: bool
    descending: bool

    @property
    def is_newest_first(self) -> bool:
        return self.descending and not self.by_duration

    @property
    def opposite(self) -> Order:
        """The opposite order."""
        return next(one for one in ORDERS if one.by_duration == self.by_duration and one != self)

    def sorted(self, calls: QuerySet[Call]) -> QuerySet[Call]:
        sign = "-" if self.descending else ""
        return self._keyed(calls).order_by(f"{sign}{_KEY}" if self.by_duration else f"{sign}started_at", f"{sign}id")

    def following(self, calls: QuerySet[Call], cursor: Cursor) -> QuerySet[Call]:
        """Return those of ``calls`` that follow the cursor's row."""
        return self._beyond(calls, cursor, descending=self.descending)

    def preceding(self, calls: QuerySet[Call], cursor: Cursor) -> QuerySet[Call]:
        """Return those of ``calls`` that precede the cursor's row; all calls precede ``OLDEST``."""
        return calls if cursor == OLDEST else self._beyond(calls, cursor, descending=not self.descending)

    def cursor(self, call: Call) -> Cursor:
        """Return the cursor of ``call``; a duration is represented by the time that long after the epoch."""
        return Cursor(EPOCH + (call.duration or timedelta()) if self.by_duration else call.started_at, call.pk)

    def _keyed(self, calls: QuerySet[Call]) -> QuerySet[Call]:
        key: Expression = Coalesce(F("duration"), Value(timedelta()))
        return calls.alias(**{_KEY: key}) if self.by_duration else calls

    def _beyond(self, calls: QuerySet[Call], cursor: Cursor, *, descending: bool) -> QuerySet[Call]:
        """Compare by the key alone first, which an index can look up."""
        key, at = (_KEY, cursor.at - EPOCH) if self.by_duration else ("started_at", cursor.at)
        side, beyond = ("lte", "gte") if descending else ("gte", "lte")
        bounded = self._keyed(calls).filter(**{f"{key}__{side}": at})
        return bounded.exclude(**{key: at, f"pk__{beyond}": cursor.pk})


NEWEST_FIRST = Order("-started_at", by_duration=False, descending=True)
ORDERS = (
    NEWEST_FIRST,
    Order("started_at", by_duration=False, descending=False),
    Order("-duration", by_duration=True, descending=True),
    Order("duration", by_duration=True, descending=False),
)


def order_named(name: str) -> Order | None:
    """Return the order with that name (``-`` in front: descending); newest first for the empty name."""
    return next((order for order in ORDERS if order.name == name), None) if name else NEWEST_FIRST
