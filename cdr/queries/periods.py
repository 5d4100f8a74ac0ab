"""Time ranges by name: presets such as today and this month, and spans that count back from now, such as ``5m``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext


class TimeRange(NamedTuple):
    """A range in UTC from ``since`` (inclusive) to ``until`` (exclusive); ``None`` is open."""

    since: datetime | None = None
    until: datetime | None = None


_UNITS: Mapping[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SPAN = re.compile("(?P<count>[1-9][0-9]{0,3})(?P<unit>[mhdw])")
SPAN_PATTERN = f"^{_SPAN.pattern.replace('?P<count>', '').replace('?P<unit>', '')}$"
LABELS: Mapping[str, str | Promise] = {
    "all": _("All time"),
    "1h": _("Last hour"),
    "24h": _("24 hours"),
    "7d": _("7 days"),
    "30d": _("30 days"),
    "today": _("Today"),
    "yesterday": _("Yesterday"),
    "last_week": _("Previous week"),
    "this_month": _("This month"),
    "last_month": _("Last month"),
}


def span(period: str) -> timedelta | None:
    """Return the length of a period that ends now, such as ``5m``, ``2h``, ``3d`` or ``2w``; ``None`` for others."""
    matched = _SPAN.fullmatch(period)
    return int(matched["count"]) * _UNITS[matched["unit"]] if matched else None


def label(period: str) -> str | Promise:
    """Return the label of a period. Raise ``KeyError`` for an unknown one."""
    matched = _SPAN.fullmatch(period)
    if period in LABELS or not matched:
        return LABELS[period]
    count = int(matched["count"])
    text = {
        "m": ngettext("Last minute", "Last {count} minutes", count),
        "h": ngettext("Last hour", "Last {count} hours", count),
        "d": ngettext("Last day", "Last {count} days", count),
        "w": ngettext("Last week", "Last {count} weeks", count),
    }[matched["unit"]]
    return text.format(count=count)


def range_of(period: str, now: datetime, zone: tzinfo) -> TimeRange:
    """Return the range of a period; days and months are those of ``zone``. Raise ``KeyError`` for an unknown one."""
    if period == "all":
        return TimeRange()
    if back := span(period):
        return TimeRange(now - back)
    today = now.astimezone(zone).date()
    first = today.replace(day=1)
    day = timedelta(days=1)
    monday = today - today.weekday() * day
    since, until = {
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "last_week": (monday - 7 * day, monday),
        "this_month": (first, (first + 31 * day).replace(day=1)),
        "last_month": ((first - day).replace(day=1), first),
    }[period]
    return TimeRange(_beginning(since, zone), _beginning(until, zone))


def _beginning(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
