"""Count the busiest callers, callees and source addresses among the newest ``LIMIT`` calls of a filter."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Value, When

from cdr.correlation.record import Outcome
from cdr.queries.filters import CallFilter
from cdr.queries.grouping import largest

LIMIT = 100_000
MOST = 8


@dataclass(frozen=True, slots=True)
class Party:
    """A caller, callee or source address (``None``: not logged), with its numbers of calls and of answered calls."""

    value: str | None
    calls: int
    answered: int


@dataclass(frozen=True, slots=True)
class Busiest:
    """The busiest parties, most calls first, of ``counted`` calls; ``capped``: there may be older calls."""

    callers: list[Party]
    callees: list[Party]
    gateways: list[Party]
    counted: int
    capped: bool


def busiest(call_filter: CallFilter, *, most: int = MOST) -> Busiest:
    """Return the ``most`` busiest callers, callees and source addresses of the matching calls."""
    calls = call_filter.qs.annotate(
        answered=Case(When(outcome=Outcome.ANSWERED.value, then=Value(1)), default=Value(0))
    )
    counted, groups = largest(calls, LIMIT, ("caller", "callee", "source_ip"), "answered", most=most)
    callers, callees, gateways = (
        [Party(value, count, int(answered)) for value, count, answered in rows] for rows in groups.values()
    )
    return Busiest(callers, callees, gateways, counted, capped=counted >= LIMIT)
