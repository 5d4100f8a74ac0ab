"""What somebody asked to have as a file: the filter as it was at that moment, in the URL and in words."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext

from cdr.models import Call
from cdr.queries.filters import CallFilter

_TIME = ("period", "since", "until")


def conditions_of(asked: CallFilter) -> str:
    """Return the query string of a filter with its moments resolved: what was *today* stays that day."""
    conditions = QueryDict(mutable=True)
    for name, moment in zip(("since", "until"), asked.time_range, strict=True):
        if moment is not None:
            conditions[name] = moment.isoformat().replace("+00:00", "Z")
    for one in asked.conditions():
        if one.parameter not in _TIME:
            conditions.appendlist(one.parameter, one.value)
    return conditions.urlencode()


def in_words(asked: CallFilter) -> str:
    """Return the filter for a place that holds no markup; its moments are in the current zone."""
    told = [
        f"{gettext('not')} {one.label}: {one.text}" if one.negated else f"{one.label}: {one.text}"
        for one in asked.conditions()
    ]
    return "; ".join(told) or gettext("all calls")


def oldest_first(asked: CallFilter) -> QuerySet[Call]:
    """Return the calls that a filter finds, in the order of files."""
    found: QuerySet[Call] = asked.qs
    return found.order_by("started_at", "id")
