"""The selection of calls of an export: its filter as a query string, in words, and as a queryset."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext

from cdr.models import Call
from cdr.queries.filters import CallFilter

_TIME = ("period", "since", "until")


def conditions_of(call_filter: CallFilter) -> str:
    """Return the query string of a filter with fixed times: *today* stays the day of the request."""
    conditions = QueryDict(mutable=True)
    for name, moment in zip(("since", "until"), call_filter.time_range, strict=True):
        if moment is not None:
            conditions[name] = moment.isoformat().replace("+00:00", "Z")
    for condition in call_filter.conditions():
        if condition.parameter not in _TIME:
            conditions.appendlist(condition.parameter, condition.value)
    return conditions.urlencode()


def in_words(call_filter: CallFilter) -> str:
    """Describe the filter as plain text, with times in the current zone."""
    texts = [
        f"{gettext('not')} {one.label}: {one.text}" if one.negated else f"{one.label}: {one.text}"
        for one in call_filter.conditions()
    ]
    return "; ".join(texts) or gettext("all calls")


def oldest_first(call_filter: CallFilter) -> QuerySet[Call]:
    """Return the matching calls in the order of export files."""
    calls: QuerySet[Call] = call_filter.qs
    return calls.order_by("started_at", "id")
