"""Parse, check and show dates and times in conditions."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from cdr.queries.periods import span

EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9998, 12, 30, tzinfo=UTC)
"""The range of times in conditions, with room before and after for any time zone and histogram bar.

No proxy writes an earlier time: MySQL's DATETIME starts with the year 1000.
"""


class MomentInput(forms.DateTimeInput):
    """The browser's own control for a date and time, in the current zone; the URL may have it in any form."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None, *, end_of_day: bool = False) -> None:
        self.end_of_day = end_of_day
        super().__init__(attrs)

    def format_value(self, value: Any) -> str | None:
        try:
            moment = parse_moment(str(value), end_of_day=self.end_of_day) if value else None
        except ValueError:
            return None
        if moment is None:
            return None
        local = timezone.localtime(moment).replace(tzinfo=None)
        if moment.microsecond:
            return local.isoformat(timespec="milliseconds")  # the precision of browsers
        return local.isoformat(timespec="seconds" if moment.second else "minutes")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if (context["widget"]["value"] or "").count(":") > 1:
            context["widget"]["attrs"]["step"] = "any"  # otherwise the browser does not accept seconds
        return context


def parse_moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Parse an ISO 8601 date or date and time, by default in the current zone; return UTC.

    A date means its start, or its end with ``end_of_day``. A time before ``EARLIEST`` or after ``LATEST`` becomes that
    bound, where no call can be. Raise ``ValueError`` for anything else.
    """
    day = parse_date(text)
    moment = datetime.combine(day, time.min) if day else parse_datetime(text)
    if moment is None:
        raise ValueError(text)
    if moment.year < EARLIEST.year:
        return EARLIEST
    if moment.replace(tzinfo=UTC) >= LATEST:
        return LATEST
    if day and end_of_day:
        moment += timedelta(days=1)
    return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).astimezone(UTC)


class MomentField(forms.CharField):
    """A date or time as written by a person or a script; cleaned to UTC."""

    def __init__(self, *, end_of_day: bool = False, **kwargs: Any) -> None:
        self.end_of_day = end_of_day
        kwargs.setdefault("widget", MomentInput(end_of_day=end_of_day))
        super().__init__(max_length=64, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_moment(text, end_of_day=self.end_of_day)
        except (ValueError, OverflowError):
            raise ValidationError(
                _(
                    "%(text)r is not a valid date or time; write it like 2026-05-31, 2026-05-31T14:30 or "
                    "2026-05-31T14:30:00Z"
                ),
                code="invalid",
                params={"text": text},
            ) from None


class MomentFilter(django_filters.Filter):
    field_class = MomentField


class PeriodField(django_filters.fields.ChoiceField):
    """The name of a preset, or a span that counts back from now."""

    def valid_value(self, value: str) -> bool:
        return span(value) is not None or super().valid_value(value)


class PeriodFilter(django_filters.ChoiceFilter):
    field_class = PeriodField
