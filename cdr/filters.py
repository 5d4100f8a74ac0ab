"""What one may ask of calls: shared by page, API and export.

Every condition is a parameter of the URL. A value that makes no sense is an error by name, never "no condition":
who asks for the calls of one state must not get all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from cdr import wording
from cdr.correlation.record import Flag
from cdr.events import call_key
from cdr.models import Call, Settlement
from cdr.wording import Text

PERIODS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
"""Presets of the time range, counted back from now."""
PERIOD_LABELS: Mapping[str, Text] = {
    "all": _("All time"),
    "1h": _("Last hour"),
    "24h": _("24 hours"),
    "7d": _("7 days"),
}
LONGEST_TEXT = 1000


class MomentInput(forms.DateTimeInput):
    """The browser's own control for a date and time, in the current zone, whatever form the URL gave it in."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        try:
            moment = parse_moment(str(value)) if value else None
        except ValueError:
            return None
        if moment is None:
            return None
        local = timezone.localtime(moment).replace(tzinfo=None)
        return local.isoformat(timespec="auto" if moment.second else "minutes")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if (context["widget"]["value"] or "").count(":") > 1:
            context["widget"]["attrs"]["step"] = "any"  # else the browser would not take the seconds
        return context


def parse_moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Read an ISO 8601 date or date and time; without a zone it is in the current one. Return UTC.

    A date alone is its beginning, or its end if ``end_of_day``. Raise ``ValueError`` for anything else.
    """
    day = parse_date(text)
    if day is not None:
        moment: datetime | None = datetime.combine(_next(day) if end_of_day else day, time.min)
    else:
        moment = parse_datetime(text)
    if moment is None:
        raise ValueError(text)
    try:
        return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _next(day: date) -> date:
    return day + timedelta(days=1)


class MomentField(forms.CharField):
    """A moment as a person or a script writes it; cleaned to UTC."""

    widget = MomentInput

    def __init__(self, *, end_of_day: bool = False, **kwargs: Any) -> None:
        self.end_of_day = end_of_day
        super().__init__(max_length=64, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_moment(text, end_of_day=self.end_of_day)
        except (ValueError, OverflowError):
            raise ValidationError(
                _("%(text)r is no date and time; write it like 2026-05-31, 2026-05-31T14:30 or 2026-05-31T14:30:00Z"),
                code="invalid",
                params={"text": text},
            ) from None


class MomentFilter(django_filters.Filter):
    field_class = MomentField


class Condition(NamedTuple):
    """One condition that is set: its parameter and value in the URL, and how it reads."""

    parameter: str
    value: str
    label: Text
    text: Text


class CallFilter(django_filters.FilterSet):
    """The conditions on calls. ``now`` is what presets of the time range count back from.

    ``since`` (inclusive) and ``until`` (exclusive; a date includes that day) are about the start of the call and win
    over ``period``. Values of one parameter are alternatives; parameters narrow each other. ``caller`` and ``callee``
    match any part, or the whole with ``*`` for the parts that do not matter; ``call_id`` matches the whole Call-ID
    unless it has a ``*``. ``settled`` is about calls that lack their STOP. Calls that were superseded are left
    out unless asked for.
    """

    period = django_filters.ChoiceFilter(
        label=_("Time"), choices=list(PERIOD_LABELS.items()), method="keep", empty_label=None
    )
    since = MomentFilter(label=_("From"), field_name="started_at", lookup_expr="gte")
    until = MomentFilter(label=_("Until"), field_name="started_at", lookup_expr="lt", end_of_day=True)
    state = django_filters.MultipleChoiceFilter(
        label=_("State"), choices=[(s.value, w.label) for s, w in wording.STATES.items()], distinct=False
    )
    outcome = django_filters.MultipleChoiceFilter(
        label=_("Outcome"),
        choices=[(o.value, w.label) for o, w in wording.OUTCOMES.items()],
        distinct=False,
        widget=forms.CheckboxSelectMultiple,
    )
    caller = django_filters.CharFilter(label=_("Caller"), method="filter_party", max_length=LONGEST_TEXT)
    callee = django_filters.CharFilter(label=_("Callee"), method="filter_party", max_length=LONGEST_TEXT)
    call_id = django_filters.CharFilter(label=_("Call-ID"), method="filter_call_id", max_length=20 * LONGEST_TEXT)
    flag = django_filters.MultipleChoiceFilter(
        label=_("Flags"),
        choices=[(f.value, w.label) for f, w in wording.FLAGS.items()],
        method="filter_flags",
        distinct=False,
        widget=forms.CheckboxSelectMultiple,
    )
    proxy = django_filters.CharFilter(label=_("Proxy"), method="filter_proxy", max_length=64)
    settled = django_filters.ChoiceFilter(
        label=_("End settled by hand"), choices=[("1", _("yes")), ("0", _("no"))], method="filter_settled"
    )
    superseded = django_filters.ChoiceFilter(
        label=_("Superseded calls"), choices=[("0", _("left out")), ("1", _("shown"))], method="keep"
    )

    class Meta:
        model = Call
        fields: list[str] = []

    def __init__(
        self,
        data: QueryDict | Mapping[str, Any] | None = None,
        queryset: QuerySet[Call] | None = None,
        *,
        now: datetime | None = None,
        **kwargs: Any,
    ) -> None:
        self.now = now or timezone.now()
        super().__init__({} if data is None else data, Call.objects.all() if queryset is None else queryset, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Call]) -> QuerySet[Call]:
        """Return the calls that meet every condition; none while one of them makes no sense (see ``errors``)."""
        if self.form.errors:
            return queryset.none()
        asked = self.form.cleaned_data
        calls: QuerySet[Call] = super().filter_queryset(queryset)
        if self.chosen_period in PERIODS:
            calls = calls.filter(started_at__gte=self.now - PERIODS[self.chosen_period])
        if asked["superseded"] != "1" and Flag.SUPERSEDED not in asked["flag"]:
            calls = calls.filter(superseded=False)
        return calls

    @property
    def chosen_period(self) -> str:
        """The preset that counts, or ``custom`` where a range is given, or ``all``."""
        if not self.form.is_valid():
            return "custom" if self.data.get("since") or self.data.get("until") else "all"
        asked = self.form.cleaned_data
        return "custom" if asked["since"] or asked["until"] else asked["period"] or "all"

    def conditions(self) -> Iterator[Condition]:
        """Return what is asked for, one condition per value, in the order of the parameters; defaults are none."""
        for name, field in self.form.fields.items():
            if name in self.form.errors or (name == "period" and self.chosen_period not in PERIODS):
                continue
            value = self.form.cleaned_data.get(name)
            if isinstance(value, list):
                labels = dict(field.choices)
                yield from (Condition(name, one, field.label, labels[one]) for one in value)
            elif value and (name, value) != ("superseded", "0"):
                yield Condition(name, _in_url(value), field.label, self._reading(name, value))

    def _reading(self, name: str, value: Any) -> Text:
        if name == "period":
            return PERIOD_LABELS[value]
        if isinstance(value, datetime):
            local = timezone.localtime(value)
            return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
        return str(dict(self.form.fields[name].choices)[value]) if name in ("superseded", "settled") else str(value)

    def keep(self, queryset: QuerySet[Call], name: str, value: Any) -> QuerySet[Call]:
        """Leave a parameter to ``filter_queryset``, which sees it together with others."""
        return queryset

    def filter_party(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return queryset.filter(_like(name, value if "*" in value else f"*{value}*", ignore_case="i"))

    def filter_call_id(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        if "*" in value:
            return queryset.filter(_like(name, value))
        return queryset.filter(call_key=call_key(value), call_id=value)

    def filter_flags(self, queryset: QuerySet[Call], name: str, value: list[str]) -> QuerySet[Call]:
        return queryset.filter(_any_word("flags", value)) if value else queryset

    def filter_proxy(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return queryset.filter(_any_word("proxies", [value]))

    def filter_settled(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        settled = Q(pk__in=Settlement.objects.filter(revoked_at=None).values("call"))
        return queryset.filter(settled if value == "1" else ~settled, state=Call.State.STOP_MISSING)


def unknown_parameters(data: QueryDict, *others: str) -> list[str]:
    """Return the parameters that are neither a condition nor one of ``others``: most likely a slip of the pen."""
    return sorted(set(data) - set(CallFilter.base_filters) - set(others))


def _any_word(field: str, words: list[str]) -> Q:
    """Match a ``WordsField`` that holds one of ``words``."""
    query = Q()
    for word in words:
        query |= Q(**{f"{field}__contains": f" {word} "})
    return query


def _like(field: str, pattern: str, ignore_case: str = "") -> Q:
    """Match text by its known parts, with ``*`` between them: its beginning, its end, and what it contains."""
    first, *middle, last = pattern.split("*")
    known = Q(**{f"{field}__{ignore_case}startswith": first}) if first else Q(**{f"{field}__isnull": False})
    for part in filter(None, middle):
        known &= Q(**{f"{field}__{ignore_case}contains": part})
    return known & Q(**{f"{field}__{ignore_case}endswith": last}) if last else known


def _in_url(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
