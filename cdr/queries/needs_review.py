"""Find what is not final yet: pending events, ongoing calls whose STOP is due, and ends set manually."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from cdr.correlation.record import CallState
from cdr.models import Call, Event, Pending, Settlement
from cdr.queries.visibility import Visibility

LIMIT = 10_000
_MARKS = 500
SOON = timedelta(hours=1)
FEW = 5


@dataclass(frozen=True, slots=True)
class PendingCorrelation:
    """The number of Call-IDs with pending events (a lower bound if it is ``LIMIT``), and since when the oldest wait."""

    call_ids: int
    since: datetime | None


def waiting() -> PendingCorrelation:
    """Return the pending correlation. ``since`` is looked up only for the next few hundred Call-IDs."""
    call_ids = Pending.objects.all()[:LIMIT].count()
    if not call_ids:
        return PendingCorrelation(0, None)
    marks = list(Pending.objects.order_by("call_key").values_list("call_key", flat=True)[:_MARKS])
    marked = Event.objects.filter(call_key__in=marks).order_by().values("call_key").annotate(at=Max("received_at"))
    return PendingCorrelation(call_ids, min((row["at"] for row in marked), default=None))


@dataclass(frozen=True, slots=True)
class Ongoing:
    """The number of ongoing calls (a lower bound if it is ``LIMIT``), and those whose STOP is due ``SOON``."""

    calls: int
    due: Sequence[Call]


def ongoing(visibility: Visibility, now: datetime) -> Ongoing:
    ongoing_calls: QuerySet[Call] = visibility.calls().filter(state=CallState.ONGOING.value, superseded=False)
    due = ongoing_calls.filter(stop_due_at__lt=now + SOON).order_by("stop_due_at")[:FEW]
    return Ongoing(ongoing_calls.order_by()[:LIMIT].count(), visibility.shown(due))


def recent_settlements(visibility: Visibility) -> list[Settlement]:
    """Return the newest current settlements, each with its call as the user may see it."""
    in_force = Settlement.objects.filter(
        revoked_at=None, call__state=CallState.STOP_MISSING.value, call__superseded=False
    )
    newest = in_force.filter(visibility.of_proxies("call__proxies")).order_by("-at", "-id")
    settlements = list(newest.select_related("call", "by")[:FEW])
    visibility.shown([settlement.call for settlement in settlements])
    return settlements
