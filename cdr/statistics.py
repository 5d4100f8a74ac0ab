"""How many calls became what."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from cdr.correlation.record import Outcome, State
from cdr.models import Call


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls counted by state and by outcome. ``capped``: there are more, so each number is a lower bound."""

    total: int
    counts: dict[State | Outcome, int]
    capped: bool


def tally(calls: QuerySet[Call], limit: int) -> Tally:
    """Count ``calls``, the newest ``limit`` of them at most: one pass over an index, whatever the table holds."""
    words: dict[str, State | Outcome] = {f"state_{s}": s for s in State} | {f"outcome_{o}": o for o in Outcome}
    newest = calls.order_by("-started_at", "-id")[: limit + 1]
    counts = newest.aggregate(
        total=Count("id"),
        **{name: Count("id", filter=Q(**{name.split("_")[0]: word.value})) for name, word in words.items()},
    )
    total = counts.pop("total")
    return Tally(min(total, limit), {words[name]: count for name, count in counts.items()}, capped=total > limit)
