"""Who calls, is called and sends calls most: from the newest calls of a filter, ``LIMIT`` at most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cdr.correlation.record import Outcome
from cdr.filters import CallFilter

LIMIT = 100_000
MOST = 8


@dataclass(frozen=True, slots=True)
class Party:
    """A caller, callee or source address (``None``: not logged) with how many calls, and how many of them answered."""

    value: str | None
    calls: int
    answered: int


@dataclass(frozen=True, slots=True)
class Busiest:
    """The parties with most calls first. ``counted`` calls were looked at; ``capped``: there may be older ones."""

    callers: list[Party]
    callees: list[Party]
    gateways: list[Party]
    counted: int
    capped: bool


def busiest(asked: CallFilter, *, most: int = MOST) -> Busiest:
    """Return the busiest ``most`` callers, callees and source addresses of the calls that ``asked`` gives."""
    newest = asked.qs.order_by("-started_at", "-id")[:LIMIT]
    calls: tuple[Counter[str | None], ...] = (Counter(), Counter(), Counter())
    answered: tuple[Counter[str | None], ...] = (Counter(), Counter(), Counter())
    counted = 0
    for outcome, *parties in newest.values_list("outcome", "caller", "callee", "source_ip").iterator():
        counted += 1
        for place, party in enumerate(parties):
            calls[place][party] += 1
            if outcome == Outcome.ANSWERED:
                answered[place][party] += 1
    callers, callees, gateways = (
        [Party(value, count, took[value]) for value, count in of.most_common(most)]
        for of, took in zip(calls, answered, strict=True)
    )
    return Busiest(callers, callees, gateways, counted, capped=counted >= LIMIT)
