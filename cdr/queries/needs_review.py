"""What is still to be settled: events that wait for correlation, calls whose end is not known yet, work by hand."""

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
class Waiting:
    """How many Call-IDs have events that no correlation has seen yet, and since when the one that waits longest does.

    Each number is a lower bound where it is ``LIMIT``.
    """

    call_ids: int
    since: datetime | None


def waiting() -> Waiting:
    """Return what waits for correlation. ``since`` is looked up for the next few hundred Call-IDs only."""
    call_ids = Pending.objects.all()[:LIMIT].count()
    if not call_ids:
        return Waiting(0, None)
    marks = list(Pending.objects.order_by("call_key").values_list("call_key", flat=True)[:_MARKS])
    marked = Event.objects.filter(call_key__in=marks).order_by().values("call_key").annotate(at=Max("received_at"))
    return Waiting(call_ids, min((one["at"] for one in marked), default=None))


@dataclass(frozen=True, slots=True)
class Ongoing:
    """How many calls go on (a lower bound where it is ``LIMIT``), and the next of those whose STOP is due ``SOON``."""

    calls: int
    due: Sequence[Call]


def ongoing(visibility: Visibility, now: datetime) -> Ongoing:
    going: QuerySet[Call] = visibility.calls().filter(state=CallState.ONGOING.value, superseded=False)
    due = going.filter(stop_due_at__lt=now + SOON).order_by("stop_due_at")[:FEW]
    return Ongoing(going.order_by()[:LIMIT].count(), visibility.shown(due))


def settled_lately(visibility: Visibility) -> list[Settlement]:
    """Return the newest settlements that are in force, each with its call as it may be shown."""
    in_force = Settlement.objects.filter(
        revoked_at=None, call__state=CallState.STOP_MISSING.value, call__superseded=False
    )
    newest = in_force.filter(visibility.of_proxies("call__proxies")).order_by("-at", "-id")
    found = list(newest.select_related("call", "by")[:FEW])
    visibility.shown([one.call for one in found])
    return found
