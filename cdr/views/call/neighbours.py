"""The calls before and after a call in the list that one came from."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from cdr.models import Call
from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.ordering import order_named
from cdr.queries.visibility import Visibility
from cdr.views.addresses import LIST, SHOWN_AS, SORT, ZONE, ListAddress


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The addresses of the list, and of the calls beside the one that is shown; empty at an end of the list."""

    list: str
    before: str
    after: str


def neighbours(call: Call, query: str, visibility: Visibility) -> Neighbours | None:
    """Return the neighbours of ``call`` in the list with the conditions ``query``; ``None`` where it is no list."""
    conditions = QueryDict(query)
    order = order_named(conditions.get(SORT, ""))
    call_filter = CallFilter(conditions, visibility)
    if not query or order is None or unknown_parameters(conditions, *SHOWN_AS) or not call_filter.form.is_valid():
        return None
    if order.by_duration and not call_filter.form.is_short_range():
        return None
    place = order.cursor(call)
    before = order.opposite.sorted(order.preceding(call_filter.qs, place))
    after = order.sorted(order.following(call_filter.qs, place))
    return Neighbours(
        str(ListAddress(reverse("cdr:call-list"), conditions)), _first(before, conditions), _first(after, conditions)
    )


def _first(calls: QuerySet[Call], conditions: QueryDict) -> str:
    pk = next(iter(calls.values_list("pk", flat=True)[:1]), None)
    return "" if pk is None else call_address(pk, conditions)


def call_address(pk: int, conditions: QueryDict) -> str:
    """Return the address of a call's page that knows the list it was opened from, in the zone of that list."""
    query = {name: value for name in (ZONE,) if (value := conditions.get(name))}
    return reverse("cdr:call", args=[pk], query=query | {LIST: conditions.urlencode()})
