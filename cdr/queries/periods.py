"""Presets of a time range by name: the last hours, today, this month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class TimeRange(NamedTuple):
    """A range in UTC from ``since`` (inclusive) to ``until`` (exclusive); ``None`` is open."""

    since: datetime | None = None
    until: datetime | None = None


BACK: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""Periods that count back from now."""
LABELS: Mapping[str, str | Promise] = {
    "all": _("All time"),
    "1h": _("Last hour"),
    "24h": _("24 hours"),
    "7d": _("7 days"),
    "30d": _("30 days"),
    "today": _("Today"),
    "yesterday": _("Yesterday"),
    "this_month": _("This month"),
    "last_month": _("Last month"),
}


def range_of(period: str, now: datetime, zone: tzinfo) -> TimeRange:
    """Return the range of one of ``LABELS``; days and months are those of ``zone``. Raise ``KeyError`` for another."""
    if period == "all":
        return TimeRange()
    if period in BACK:
        return TimeRange(now - BACK[period])
    today = now.astimezone(zone).date()
    first = today.replace(day=1)
    day = timedelta(days=1)
    since, until = {
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "this_month": (first, (first + 31 * day).replace(day=1)),
        "last_month": ((first - day).replace(day=1), first),
    }[period]
    return TimeRange(_beginning(since, zone), _beginning(until, zone))


def _beginning(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
