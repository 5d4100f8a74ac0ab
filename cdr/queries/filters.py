"""What one may ask of calls: shared by page, API and export.

Every condition is a parameter of the URL; ``not_`` before its name asks for the calls that do not meet it, and
``extra.LABEL`` is about an extra field. A value that makes no sense is an error by name, never "no condition": who asks
for the calls of one state must not get all of them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import DurationKind, Flag
from cdr.display import wording
from cdr.display.wording import Text
from cdr.events import call_key
from cdr.models import Call, Settlement
from cdr.queries import patterns
from cdr.queries.periods import LABELS as PERIOD_LABELS
from cdr.queries.periods import TimeRange, range_of
from cdr.queries.visibility import Sight
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend

LONGEST_TEXT = 1000
LONGEST_CALL_ID = 20 * LONGEST_TEXT
MOST_VALUES, MOST_EXTRAS, MOST_STARS = 50, 20, 10
"""Bounds of what one question may hold: alternatives of a condition, extra fields, ``*`` in a pattern."""
NOT, EXTRA = "not_", "extra."
_ANY_PART = _("Any part of it; with * for the parts that do not matter, or after =, the whole.")
_WHOLE = _("The whole, or parts with * between them; after = everything counts, * too.")
_PARTIES = ("caller", "callee", "number")
_MAY_HOLD_NUMBERS = ("user_agent", "reason")


class MomentInput(forms.DateTimeInput):
    """The browser's own control for a date and time, in the current zone, whatever form the URL gave it in."""

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
            return local.isoformat(timespec="milliseconds")  # browsers know no more
        return local.isoformat(timespec="seconds" if moment.second else "minutes")

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
                _("%(text)r is no date and time; write it like 2026-05-31, 2026-05-31T14:30 or 2026-05-31T14:30:00Z"),
                code="invalid",
                params={"text": text},
            ) from None


class TextsField(forms.Field):
    """Alternatives for a text, each read by ``read``, which raises ``ValidationError`` or ``ValueError``."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, read: Callable[[str], Any] = str, longest: int = LONGEST_TEXT, **kwargs: Any) -> None:
        self.read, self.longest = read, longest
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:
        values = [value] if isinstance(value, str) else list(value or ())
        if len(values) > MOST_VALUES:
            raise ValidationError(
                _("%(number)d values are too many; give %(most)d at most"),
                params={"number": len(values), "most": MOST_VALUES},
            )
        return [self._clean_one(str(one)) for one in dict.fromkeys(values) if one]

    def _clean_one(self, value: str) -> str:
        if len(value) > self.longest:
            raise ValidationError(
                _("this is %(length)d characters long; give %(most)d at most"),
                params={"length": len(value), "most": self.longest},
            )
        if "\0" in value or not _is_text(value):
            raise ValidationError(_("this holds characters that no stored text has"))
        self.read(value)
        return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pattern(value: str) -> str:
    """Check text that may have ``*``."""
    if not value.startswith(patterns.EXACTLY):
        if value.count(patterns.ANY) > MOST_STARS:
            raise ValidationError(_("this has too many *; use %(most)d at most"), params={"most": MOST_STARS})
        if patterns.ANY in value and len(value) > LONGEST_TEXT:
            raise ValidationError(
                _("a pattern with * may have %(most)d characters at most"), params={"most": LONGEST_TEXT}
            )
    return value


def read_code(value: str) -> range:
    """Read a SIP code (``486``) or a class of them (``4xx``) as the codes meant."""
    if re.fullmatch("[1-6][0-9][0-9]", value):
        return range(int(value), int(value) + 1)
    if re.fullmatch("[1-6][xX][xX]", value):
        return range(int(value[0]) * 100, int(value[0]) * 100 + 100)
    raise ValidationError(
        _("%(value)r is no SIP code; write it like 486, or 4xx for all that begin with 4"), params={"value": value}
    )


def _read_network(value: str) -> patterns.Network:
    try:
        return patterns.read_network(value)
    except ValueError:
        raise ValidationError(
            _("%(value)r is no IP address and no network; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
            params={"value": value},
        ) from None


def _text(field: str, *, part: bool, ignore_case: bool = True) -> Callable[[str], Q]:
    return lambda value: patterns.text(field, value, part=part, ignore_case=ignore_case)


def _either(*conditions: Callable[[str], Q]) -> Callable[[str], Q]:
    return lambda value: reduce(or_, (one(value) for one in conditions))


def _call_id(value: str) -> Q:
    exactly = value.startswith(patterns.EXACTLY)
    if patterns.ANY in value and not exactly:
        return patterns.text("call_id", value, part=False)
    whole = value[1:] if exactly else value
    return Q(call_key=call_key(whole), call_id=whole)


def _code(value: str) -> Q:
    codes = read_code(value)
    return Q(sip_code__gte=codes.start, sip_code__lt=codes.stop, sip_code__isnull=False)


def _duration_kind(value: str) -> Q:
    """``approximate`` is what is measured, with a flag that puts it in doubt."""
    if value != APPROXIMATE:
        return Q(duration_kind=value)
    doubtful = reduce(or_, (patterns.word("flags", flag) for flag in sorted(wording.DOUBTFUL)))
    return Q(duration_kind=DurationKind.MEASURED) & doubtful


def _equal(field: str) -> Callable[[str], Q]:
    return lambda value: Q(**{field: value, f"{field}__isnull": False})


def _word(field: str) -> Callable[[str], Q]:
    return lambda value: patterns.word(field, value)


APPROXIMATE = "approximate"
_DURATION_KINDS = [
    *((kind.value, word.label) for kind, word in wording.DURATIONS.items()),
    (APPROXIMATE, _("in doubt (≈)")),
]


class Alternatives(django_filters.Filter):
    """Calls that meet ``matching`` for one of the values; ``negated``: for none of them."""

    field_class: type[forms.Field] = TextsField

    def __init__(self, matching: Callable[[str], Q], **kwargs: Any) -> None:
        self.matching = matching
        self.negated = False
        super().__init__(**kwargs)

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        if not values:
            return calls
        one_of = reduce(or_, map(self.matching, values))
        return calls.filter(~one_of if self.negated else one_of)

    def __deepcopy__(self, _memo: Any) -> Alternatives:
        """Return a filter of its own for one request; what it was made of never changes."""
        return copy.copy(self)

    def negation(self) -> Alternatives:
        """Return the filter that gives the other calls."""
        negated = copy.copy(self)
        negated.negated = True
        return negated


class ChoicesField(forms.MultipleChoiceField):
    """Some of the choices, each once."""

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys(super().to_python(value)))


class Choices(Alternatives):
    """Alternatives out of ``choices`` (value, label)."""

    field_class = ChoicesField


class ExtraFilter(Alternatives):
    """Calls by the value of an extra field."""

    def __init__(self, label: str, *, place: int, negated: bool = False) -> None:
        self.extra_label = label
        self.column = f"extra_value_{place}"
        super().__init__(_text(self.column, part=False, ignore_case=False), label=label, read=_pattern)
        self.negated = negated

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        logged = patterns.ExtraText("extra", Value(self.extra_label))
        return super().filter(calls.alias(**{self.column: logged}) if values else calls, values)


class MomentFilter(django_filters.Filter):
    field_class = MomentField


class SecondsFilter(django_filters.Filter):
    """A bound of the duration, in seconds."""

    field_class = forms.FloatField

    def __init__(self, lookup_expr: str, **kwargs: Any) -> None:
        super().__init__("duration", lookup_expr, min_value=0, max_value=1e9, **kwargs)

    def filter(self, calls: QuerySet[Call], seconds: float | None) -> QuerySet[Call]:
        return calls if seconds is None else super().filter(calls, timedelta(seconds=seconds))


class Condition(NamedTuple):
    """One condition that is set: its parameter and value in the URL, and how it reads (``negated``: after a "not")."""

    parameter: str
    value: str
    label: Text
    text: Text
    negated: bool = False


class ConditionsForm(forms.Form):
    """Checks what depends on who asks."""

    sight: Sight

    def clean(self) -> None:
        extras = [name for name in self.fields if is_extra(name)]
        for name in extras:
            if "\0" in name or not _is_text(name) or len(name) > LONGEST_TEXT:
                self.add_error(name, _("No extra field has such a label."))
        for name in extras[MOST_EXTRAS:]:
            self.add_error(
                name, ValidationError(_("Ask for %(most)d extra fields at most."), params={"most": MOST_EXTRAS})
            )
        for name, values in list(self.cleaned_data.items()):
            plain = name.removeprefix(NOT)
            if plain == "proxy":
                self._check_proxies(name, values)
            if not self.sight.numbers and about_numbers(name):
                self._check_whole(name, values)
            if not self.sight.numbers and plain in _MAY_HOLD_NUMBERS:
                self._check_no_digits(name, values)

    def _check_proxies(self, name: str, values: list[str]) -> None:
        if not values:
            return
        known = set(Proxy.objects.values_list("name", flat=True))
        if self.sight.proxies is not None:
            known &= self.sight.proxies
        for value in values:
            if value not in known:
                there_are = ", ".join(sorted(known)) or _("none")
                text = _("there is no proxy %(value)r; there are: %(known)s")
                self.add_error(name, ValidationError(text, params={"value": value, "known": there_are}))

    def _check_whole(self, name: str, values: list[str]) -> None:
        """Who sees numbers masked must not find one out digit by digit."""
        if any(patterns.ANY in value and not value.startswith(patterns.EXACTLY) for value in values):
            self.add_error(name, _("You may not see full numbers, so give a whole one, without *."))

    def _check_no_digits(self, name: str, values: list[str]) -> None:
        if any(re.search(r"\d", value) and not value.startswith(patterns.EXACTLY) for value in values):
            self.add_error(
                name, _("You may not see full numbers, so give the whole after =, or a part without digits.")
            )


class CallFilter(django_filters.FilterSet):
    """The conditions on the calls that ``sight`` lets one see. ``now`` is what presets of the time range count from.

    ``since`` (inclusive) and ``until`` (exclusive; a date includes that day) are about the start of the call and win
    over ``period``. Values of one parameter are alternatives; parameters narrow each other; ``not_NAME`` asks for the
    calls that meet none of its values. ``caller``, ``callee``, ``number``, ``user_agent`` and ``reason`` match any
    part, or the whole with ``*`` for the parts that do not matter; ``call_id``, ``tag`` and ``extra.LABEL`` match the
    whole unless there is a ``*``. After ``=`` a text is meant exactly as it stands. Who sees numbers masked can ask for
    whole numbers and whole values of extra fields only. ``settled`` is about calls that lack their STOP. Calls that
    were superseded are left out unless asked for.
    """

    period = django_filters.ChoiceFilter(
        label=_("Time"),
        choices=list(PERIOD_LABELS.items()),
        method="keep",
        empty_label=None,
        help_text=_("Start of the call: so long back from now, or a day or month of the reader's zone."),
    )
    since = MomentFilter(
        label=_("From"), field_name="started_at", lookup_expr="gte", help_text=_("Start of the call at or after.")
    )
    until = MomentFilter(
        label=_("Until"),
        field_name="started_at",
        lookup_expr="lt",
        end_of_day=True,
        help_text=_("Start of the call before; a date includes that day."),
    )
    state = Choices(_equal("state"), label=_("State"), choices=[(s.value, w.label) for s, w in wording.STATES.items()])
    outcome = Choices(
        _equal("outcome"),
        label=_("Outcome"),
        choices=[(o.value, w.label) for o, w in wording.OUTCOMES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    code = Alternatives(
        _code, label=_("SIP code"), read=read_code, help_text=_("A SIP code, or a class of them such as 4xx.")
    )
    reason = Alternatives(_text("sip_reason", part=True), label=_("SIP reason"), read=_pattern, help_text=_ANY_PART)
    number = Alternatives(
        _either(_text("caller", part=True), _text("callee", part=True)),
        label=_("Number"),
        read=_pattern,
        help_text=_("Caller or callee: any part of it; with * or after = the whole."),
    )
    caller = Alternatives(_text("caller", part=True), label=_("Caller"), read=_pattern, help_text=_ANY_PART)
    callee = Alternatives(_text("callee", part=True), label=_("Callee"), read=_pattern, help_text=_ANY_PART)
    call_id = Alternatives(_call_id, label=_("Call-ID"), read=_pattern, longest=LONGEST_CALL_ID, help_text=_WHOLE)
    tag = Alternatives(
        _either(_text("from_tag", part=False, ignore_case=False), _text("to_tag", part=False, ignore_case=False)),
        label=_("Tag"),
        read=_pattern,
        help_text=_("From tag or To tag: the whole, or parts with * between them."),
    )
    source = Alternatives(
        lambda value: patterns.address("source_ip", patterns.read_network(value)),
        label=_("Source IP"),
        read=_read_network,
        help_text=_("An IP address, or a network such as 192.0.2.0/24 or 2001:db8::/32."),
    )
    user_agent = Alternatives(_text("user_agent", part=True), label=_("User agent"), read=_pattern, help_text=_ANY_PART)
    min_duration = SecondsFilter("gte", label=_("Duration at least"), help_text=_("Seconds."))
    max_duration = SecondsFilter("lte", label=_("Duration at most"), help_text=_("Seconds."))
    duration_kind = Choices(
        _duration_kind,
        label=_("Duration is"),
        choices=_DURATION_KINDS,
        help_text=_("How the duration is known; approximate: measured, with a flag that puts it in doubt."),
    )
    released_by = Choices(
        _equal("released_by"),
        label=_("Hung up"),
        choices=[(who.value, word.label) for who, word in wording.RELEASED.items()],
    )
    flag = Choices(
        _word("flags"),
        label=_("Flags"),
        choices=[(f.value, w.label) for f, w in wording.FLAGS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    proxy = Alternatives(_word("proxies"), label=_("Proxy"), longest=64, help_text=_("Seen by this proxy."))
    backend = Choices(
        _word("backends"),
        label=_("Backend"),
        choices=[(backend.value, backend.value) for backend in Backend],
        help_text=_("Told through this backend of a proxy."),
    )
    settled = django_filters.ChoiceFilter(
        label=_("End settled by hand"), choices=[("1", _("yes")), ("0", _("no"))], method="filter_settled"
    )
    superseded = django_filters.ChoiceFilter(
        label=_("Superseded calls"), choices=[("0", _("left out")), ("1", _("shown"))], method="keep"
    )

    filters: dict[str, Any]

    class Meta:
        model = Call
        form = ConditionsForm
        fields: list[str] = []

    def __init__(
        self, data: QueryDict | Mapping[str, Any] | None, sight: Sight, *, now: datetime | None = None
    ) -> None:
        self.now = now or timezone.now()
        self.sight = sight
        super().__init__({} if data is None else data, sight.calls())
        self.filters = {
            name: one for name, one in self.filters.items() if not name.startswith(NOT) or name in self.data
        }
        if not sight.numbers:
            for name in self.filters:
                if name.removeprefix(NOT) in _PARTIES:
                    self.filters[name].matching = _WHOLE_PARTIES[name.removeprefix(NOT)]
        extras = [name for name in self.data if is_extra(name)]
        for place, name in enumerate(extras):
            label = name.removeprefix(NOT).removeprefix(EXTRA)
            self.filters[name] = ExtraFilter(label, place=place, negated=name.startswith(NOT))
            self.filters[name].parent = self

    @classmethod
    def get_filters(cls) -> dict[str, django_filters.Filter]:
        """Return the declared conditions, and the negation of each that has alternatives."""
        filters = super().get_filters()
        negations = {NOT + name: one.negation() for name, one in filters.items() if isinstance(one, Alternatives)}
        return {**filters, **negations}

    @property
    def form(self) -> ConditionsForm:
        form: ConditionsForm = super().form
        form.sight = self.sight
        return form

    def filter_queryset(self, queryset: QuerySet[Call]) -> QuerySet[Call]:
        """Return the calls that meet every condition; none while one of them makes no sense (see ``errors``)."""
        if self.form.errors:
            return queryset.none()
        asked = self.form.cleaned_data
        calls: QuerySet[Call] = super().filter_queryset(queryset)
        if self.chosen_period not in ("all", "custom"):
            since, until = self.time_range
            calls = calls.filter(started_at__gte=since) if since else calls
            calls = calls.filter(started_at__lt=until) if until else calls
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

    @property
    def time_range(self) -> TimeRange:
        """The range that the starts of the calls are asked to lie in."""
        period = self.chosen_period
        if period != "custom":
            return range_of(period, self.now, timezone.get_current_timezone())
        asked = self.form.cleaned_data
        return TimeRange(asked.get("since"), asked.get("until"))

    def conditions(self) -> Iterator[Condition]:
        """Return what is asked for, one condition per value, in the order of the parameters; defaults are none."""
        for name, field in self.form.fields.items():
            if name in self.form.errors or (name == "period" and self.chosen_period in ("all", "custom")):
                continue
            value = self.form.cleaned_data.get(name)
            if isinstance(value, list):
                labels = self._choices(name)
                yield from (
                    Condition(name, one, field.label or name, labels.get(one) or one, name.startswith(NOT))
                    for one in value
                )
            elif value not in (None, "") and (name, value) != ("superseded", "0"):
                yield Condition(name, _in_url(value), field.label or name, self._reading(name, value))

    def _reading(self, name: str, value: Any) -> Text:
        if isinstance(value, datetime):
            local = timezone.localtime(value)
            return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
        if isinstance(value, float):
            return f"{_in_url(value)} s"
        return self._choices(name)[value]

    def _choices(self, name: str) -> dict[str, Text]:
        return dict(getattr(self.form.fields[name], "choices", ()))

    def keep(self, queryset: QuerySet[Call], name: str, value: Any) -> QuerySet[Call]:
        """Leave a parameter to ``filter_queryset``, which sees it together with others."""
        return queryset

    def filter_settled(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        settled = Q(pk__in=Settlement.objects.filter(revoked_at=None).values("call"))
        return queryset.filter(settled if value == "1" else ~settled, state=Call.State.STOP_MISSING)


_WHOLE_PARTIES = {
    "caller": _text("caller", part=False),
    "callee": _text("callee", part=False),
    "number": _either(_text("caller", part=False), _text("callee", part=False)),
}


def about_numbers(name: str) -> bool:
    """Tell whether a parameter may ask in part for what is masked to who may not see numbers."""
    plain = name.removeprefix(NOT)
    return plain in _PARTIES or is_extra(plain)


def is_extra(name: str) -> bool:
    """Tell whether a parameter is about an extra field."""
    return len(name.removeprefix(NOT)) > len(EXTRA) and name.removeprefix(NOT).startswith(EXTRA)


def unknown_parameters(data: Iterable[str], *others: str) -> list[str]:
    """Return the parameters that are neither a condition nor one of ``others``: most likely a slip of the pen."""
    return sorted(name for name in set(data) - set(CallFilter.base_filters) - set(others) if not is_extra(name))


def _in_url(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
