"""Comparison with earlier times: the previous period, and the same weekday a week earlier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.queries.filters import CallFilter
from cdr.queries.moments import EARLIEST
from cdr.queries.periods import TimeRange

_DAY = timedelta(days=1)
_LONGEST_DAY = timedelta(hours=25)
_TWO_MONTHS = timedelta(days=62)
_TIME = ("period", "since", "until")
_LABELS: dict[str, tuple[Text, Text]] = {
    "previous": (_("Previous period"), _("before")),
    "last_week": (_("Same weekday last week"), _("last week")),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """An earlier range, and the filter with the same other conditions. ``short`` is a short label."""

    name: str
    label: Text
    short: Text
    range: TimeRange
    call_filter: CallFilter


def comparisons(call_filter: CallFilter) -> list[Comparison]:
    """Return the comparisons of a filter; none for a range without a beginning."""
    zone = timezone.get_current_timezone()
    return [
        Comparison(name, *_LABELS[name], earlier, _at(call_filter, earlier))
        for name, earlier in _earlier(call_filter, zone)
    ]


def _earlier(call_filter: CallFilter, zone: tzinfo) -> Iterator[tuple[str, TimeRange]]:
    since, until = call_filter.time_range
    if call_filter.form.errors or since is None or since >= call_filter.now:
        return
    until = min(until or call_filter.now, call_filter.now)
    if since - EARLIEST < (until - since) + _TWO_MONTHS:
        return  # no call is dated as early as that
    yield "previous", _previous(call_filter.chosen_period, since, until, zone)
    if until - since <= _LONGEST_DAY:
        week = TimeRange(_days_before(since, 7, zone), _days_before(until, 7, zone))
        yield "last_week", week


def _previous(period: str, since: datetime, until: datetime, zone: tzinfo) -> TimeRange:
    """Return the previous period: the previous month, as many days, or a range of the same length."""
    if period in ("this_month", "last_month"):
        first = _days_before(since, 1, zone).astimezone(zone).replace(day=1)
        elapsed = _days_between(since, until, zone)
        end = datetime.combine(first.date() + elapsed * _DAY, until.astimezone(zone).time(), zone)
        return TimeRange(first.astimezone(UTC), min(since, end.astimezone(UTC)))
    if period == "today":
        return TimeRange(_days_before(since, 1, zone), _days_before(until, 1, zone))
    if _is_whole_days(since, until, zone):
        days = _days_between(since, until, zone)
        return TimeRange(_days_before(since, days, zone), _days_before(until, days, zone))
    return TimeRange(since - (until - since), since)


def _is_whole_days(since: datetime, until: datetime, zone: tzinfo) -> bool:
    first, last = since.astimezone(zone), until.astimezone(zone)
    return first.time() == last.time() and first.date() < last.date()


def _days_between(since: datetime, until: datetime, zone: tzinfo) -> int:
    return (until.astimezone(zone).date() - since.astimezone(zone).date()).days


def _days_before(moment: datetime, days: int, zone: tzinfo) -> datetime:
    """Return the same local time ``days`` days earlier."""
    local = moment.astimezone(zone)
    return datetime.combine(local.date() - days * _DAY, local.time(), zone).astimezone(UTC)


def _at(call_filter: CallFilter, earlier: TimeRange) -> CallFilter:
    conditions = QueryDict(mutable=True)
    data = call_filter.data
    for name in data:
        if name not in _TIME:
            conditions.setlist(name, data.getlist(name) if isinstance(data, QueryDict) else [data[name]])
    for name, moment in zip(("since", "until"), earlier, strict=True):
        if moment is not None:
            conditions[name] = moment.isoformat().replace("+00:00", "Z")
    return CallFilter(conditions, call_filter.visibility, now=call_filter.now)
