"""The conditions on calls, shared by pages, API and exports.

Every condition is a parameter of the URL; ``not_`` before its name asks for the calls that do not meet it, and
``extra.LABEL`` is about an extra field. A value that makes no sense is an error by name, never "no condition": who asks
for the calls of one state must not get all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import Flag
from cdr.display import wording
from cdr.display.wording import Text
from cdr.models import Call, Settlement
from cdr.queries import patterns
from cdr.queries.conditions import (
    ANY_PART,
    APPROXIMATE,
    LONGEST_CALL_ID,
    WHOLE,
    Alternatives,
    AttemptCondition,
    Choices,
    ExtraFilter,
    any_extra_condition,
    attempt_code_condition,
    between_condition,
    call_id_condition,
    code_condition,
    duration_kind_condition,
    either,
    equal,
    read_code,
    read_id,
    read_network,
    read_pair,
    read_pattern,
    text_condition,
    with_attempt,
    with_current_names,
    word_condition,
)
from cdr.queries.conditions_form import PARTIES, ConditionsForm, is_extra
from cdr.queries.moments import MomentFilter, PeriodFilter
from cdr.queries.names import EXTRA, NOT, current_parameter
from cdr.queries.periods import LABELS as PERIOD_LABELS
from cdr.queries.periods import TimeRange, range_of
from cdr.queries.periods import label as period_label
from cdr.queries.roles import AccountFilter, GatewayFilter
from cdr.queries.search import PAIR
from cdr.queries.visibility import Visibility
from proxyconf.vocabulary.layout import BACKEND_NAMES

_DURATION_KINDS = [
    *((kind.value, word.label) for kind, word in wording.DURATIONS.items()),
    (APPROXIMATE, _("approximate (≈)")),
]


class SecondsFilter(django_filters.Filter):
    """A bound of the duration, in seconds."""

    field_class = forms.FloatField

    def __init__(self, lookup_expr: str, **kwargs: Any) -> None:
        super().__init__("duration", lookup_expr, min_value=0, max_value=1e9, **kwargs)

    def filter(self, calls: QuerySet[Call], seconds: float | None) -> QuerySet[Call]:
        return calls if seconds is None else super().filter(calls, timedelta(seconds=seconds))


class Condition(NamedTuple):
    """A condition that is set: its parameter and value in the URL, and its words (``negated``: after a "not")."""

    parameter: str
    value: str
    label: Text
    text: Text
    negated: bool = False


class CallFilter(django_filters.FilterSet):
    """The conditions on the calls that ``visibility`` allows. ``now`` is what presets of the time range count from.

    ``since`` (inclusive) and ``until`` (exclusive; a date includes that day) are about the start of the call and win
    over ``period``. Values of one parameter are alternatives; parameters narrow each other; ``not_NAME`` asks for the
    calls that meet none of its values. ``caller``, ``callee``, ``number``, ``user_agent`` and ``sip_reason`` match any
    part, or the whole with ``*`` for the parts that do not matter; ``call_id``, ``tag``, ``account``, ``gateway``,
    ``attempt_gateway`` and ``extra.LABEL`` match the whole unless there is a ``*``. After ``=`` a text is meant exactly
    as it stands. Who sees numbers masked can ask for whole numbers and whole values of extra fields only.
    ``attempt_code`` and ``attempt_gateway`` are about one and the same failed attempt. ``settled`` is about calls that
    lack their STOP.
    Calls that were superseded are left out unless asked for.
    """

    period = PeriodFilter(
        label=_("Time"),
        choices=list(PERIOD_LABELS.items()),
        method="keep",
        empty_label=None,
        help_text=_(
            "Start of the call: a period before now, such as 5m, 2h, 3d or 2w, or a day or month in your time zone."
        ),
    )
    since = MomentFilter(
        label=_("From"),
        field_name="started_at",
        lookup_expr="gte",
        help_text=_("Calls that started at or after this time."),
    )
    until = MomentFilter(
        label=_("Until"),
        field_name="started_at",
        lookup_expr="lt",
        end_of_day=True,
        help_text=_("Calls that started before this time; a date includes that day."),
    )
    state = Choices(equal("state"), label=_("State"), choices=[(s.value, w.label) for s, w in wording.STATES.items()])
    outcome = Choices(
        equal("outcome"),
        label=_("Outcome"),
        choices=[(o.value, w.label) for o, w in wording.OUTCOMES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    sip_code = Alternatives(
        code_condition,
        label=_("SIP response"),
        read=read_code,
        help_text=_("A SIP response code, or a class such as 4xx."),
    )
    sip_reason = Alternatives(
        text_condition("sip_reason", part=True), label=_("SIP reason"), read=read_pattern, help_text=ANY_PART
    )
    number = Alternatives(
        either(text_condition("caller", part=True), text_condition("callee", part=True)),
        label=_("Number"),
        read=read_pattern,
        help_text=_("Caller or callee: any part of the number. Use * as a wildcard, or = for the complete number."),
    )
    between = Alternatives(
        between_condition(part=True),
        label=_("Between"),
        read=read_pair,
        help_text=_("Two numbers separated by a comma: calls from one to the other, in either direction."),
    )
    caller = Alternatives(text_condition("caller", part=True), label=_("Caller"), read=read_pattern, help_text=ANY_PART)
    callee = Alternatives(text_condition("callee", part=True), label=_("Callee"), read=read_pattern, help_text=ANY_PART)
    call_id = Alternatives(
        call_id_condition, label=_("Call-ID"), read=read_pattern, longest=LONGEST_CALL_ID, help_text=WHOLE
    )
    id = Alternatives(
        lambda value: Q(pk=read_id(value)),
        label=_("Call"),
        read=read_id,
        help_text=_("The number of a call, as in the address of its page."),
    )
    tag = Alternatives(
        either(
            text_condition("from_tag", part=False, ignore_case=False),
            text_condition("to_tag", part=False, ignore_case=False),
        ),
        label=_("Tag"),
        read=read_pattern,
        help_text=_("From tag or To tag: the complete tag, or parts with * as a wildcard."),
    )
    any_extra = Alternatives(
        any_extra_condition,
        label=_("Any extra field"),
        help_text=_("The complete value of an extra field, whatever its label. Needs a time range of at most 31 days."),
    )
    attempt_code = AttemptCondition(
        attempt_code_condition,
        label=_("Attempt response"),
        read=read_code,
        help_text=_("SIP response of a failed attempt, or a class such as 5xx."),
    )
    attempt_gateway = AttemptCondition(
        text_condition("gateway", part=False, ignore_case=False),
        label=_("Attempt gateway"),
        read=read_pattern,
        help_text=_("Gateway of a failed attempt, of the same one if its response is given, too."),
    )
    account = AccountFilter(label=_("Account"), help_text=_("The complete account, or parts with * as a wildcard."))
    gateway = GatewayFilter(
        label=_("Gateway"),
        help_text=_("Calls that were answered at this gateway, or had a failed attempt there."),
    )
    source_ip = Alternatives(
        lambda value: patterns.address("source_ip", patterns.read_network(value)),
        label=_("Source IP"),
        read=read_network,
        help_text=_("An IP address, or a network such as 192.0.2.0/24 or 2001:db8::/32."),
    )
    user_agent = Alternatives(
        text_condition("user_agent", part=True), label=_("User agent"), read=read_pattern, help_text=ANY_PART
    )
    min_duration = SecondsFilter("gte", label=_("Minimum duration"), help_text=_("Seconds."))
    max_duration = SecondsFilter("lte", label=_("Maximum duration"), help_text=_("Seconds."))
    duration_kind = Choices(
        duration_kind_condition,
        label=_("Duration kind"),
        choices=_DURATION_KINDS,
        help_text=_("How the duration is known. Approximate: measured, but a flag makes it uncertain."),
    )
    released_by = Choices(
        equal("released_by"),
        label=_("Released by"),
        choices=[(who.value, word.label) for who, word in wording.RELEASED.items()],
    )
    flag = Choices(
        word_condition("flags"),
        label=_("Flags"),
        choices=[(f.value, w.label) for f, w in wording.FLAGS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    proxy = Alternatives(
        word_condition("proxies"), label=_("Proxy"), longest=64, help_text=_("Calls that this proxy reported.")
    )
    backend = Choices(
        word_condition("backends"),
        label=_("Accounting output"),
        choices=[(backend.value, name) for backend, name in BACKEND_NAMES.items()],
        help_text=_("Calls that were reported through this accounting output."),
    )
    settled = django_filters.ChoiceFilter(
        label=_("End set manually"), choices=[("1", _("yes")), ("0", _("no"))], method="filter_settled"
    )
    superseded = django_filters.ChoiceFilter(
        label=_("Merged calls"), choices=[("0", _("hidden")), ("1", _("shown"))], method="keep"
    )

    filters: dict[str, Any]

    class Meta:
        model = Call
        form = ConditionsForm
        fields: list[str] = []

    def __init__(
        self, data: QueryDict | Mapping[str, Any] | None, visibility: Visibility, *, now: datetime | None = None
    ) -> None:
        self.now = now or timezone.now()
        self.visibility = visibility
        super().__init__({} if data is None else with_current_names(data), visibility.calls())
        self.filters = {
            name: one for name, one in self.filters.items() if not name.startswith(NOT) or name in self.data
        }
        if not visibility.numbers:
            for name in self.filters:
                if name.removeprefix(NOT) in PARTIES:
                    self.filters[name].matching = _WHOLE_PARTIES[name.removeprefix(NOT)]
        extras = [name for name in self.data if is_extra(name)]
        for place, name in enumerate(extras):
            label = name.removeprefix(NOT).removeprefix(EXTRA)
            self.filters[name] = ExtraFilter(label, place=place, negated=name.startswith(NOT))
            self.filters[name].parent = self

    @classmethod
    def get_filters(cls) -> dict[str, django_filters.Filter]:
        """Return the declared conditions, and a negation of each one with alternatives."""
        filters = super().get_filters()
        negations = {NOT + name: one.negation() for name, one in filters.items() if isinstance(one, Alternatives)}
        return {**filters, **negations}

    @property
    def form(self) -> ConditionsForm:
        form: ConditionsForm = super().form
        form.visibility = self.visibility
        return form

    def filter_queryset(self, queryset: QuerySet[Call]) -> QuerySet[Call]:
        """Return the calls that meet all conditions; none if one is invalid (see ``errors``)."""
        if self.form.errors:
            return queryset.none()
        asked = self.form.cleaned_data
        calls: QuerySet[Call] = super().filter_queryset(queryset)
        if self.chosen_period not in ("all", "custom"):
            since, until = self.time_range
            calls = calls.filter(started_at__gte=since) if since else calls
            calls = calls.filter(started_at__lt=until) if until else calls
        calls = self._with_attempts(calls)
        if asked["superseded"] != "1" and Flag.SUPERSEDED not in asked["flag"]:
            calls = calls.filter(superseded=False)
        return calls

    def _with_attempts(self, calls: QuerySet[Call]) -> QuerySet[Call]:
        """Limit to calls with one attempt that meets all conditions on attempts, and without an excluded one."""
        wanted: list[Q] = []
        for name, condition in self.filters.items():
            values = self.form.cleaned_data.get(name)
            if not isinstance(condition, AttemptCondition) or not values:
                continue
            if condition.negated:
                calls = calls.exclude(with_attempt([condition.of_attempt(values)]))
            else:
                wanted.append(condition.of_attempt(values))
        return calls.filter(with_attempt(wanted)) if wanted else calls

    @property
    def chosen_period(self) -> str:
        """The preset in effect, ``custom`` for a range, or ``all``."""
        if not self.form.is_valid():
            return "custom" if self.data.get("since") or self.data.get("until") else "all"
        asked = self.form.cleaned_data
        return "custom" if asked["since"] or asked["until"] else asked["period"] or "all"

    @property
    def time_range(self) -> TimeRange:
        """The range of the start times of the calls."""
        period = self.chosen_period
        if period != "custom":
            return range_of(period, self.now, timezone.get_current_timezone())
        asked = self.form.cleaned_data
        return TimeRange(asked.get("since"), asked.get("until"))

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions that are set, one for each value, in the order of the parameters; without defaults."""
        for name, field in self.form.fields.items():
            if name in self.form.errors or (name == "period" and self.chosen_period in ("all", "custom")):
                continue
            value = self.form.cleaned_data.get(name)
            if isinstance(value, list):
                labels = self._choices(name)
                yield from (
                    Condition(
                        name, one, field.label or name, labels.get(one) or _readable(name, one), name.startswith(NOT)
                    )
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
        return period_label(value) if name == "period" else self._choices(name)[value]

    def _choices(self, name: str) -> dict[str, Text]:
        return dict(getattr(self.form.fields[name], "choices", ()))

    def keep(self, queryset: QuerySet[Call], name: str, value: Any) -> QuerySet[Call]:
        """Leave a parameter to ``filter_queryset``, which combines it with others."""
        return queryset

    def filter_settled(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        settled = Q(pk__in=Settlement.objects.filter(revoked_at=None).values("call"))
        return queryset.filter(settled if value == "1" else ~settled, state=Call.State.STOP_MISSING)


_WHOLE_PARTIES = {
    "caller": text_condition("caller", part=False),
    "callee": text_condition("callee", part=False),
    "number": either(text_condition("caller", part=False), text_condition("callee", part=False)),
    "between": between_condition(part=False),
}


def unknown_parameters(data: Iterable[str], *others: str) -> list[str]:
    """Return the parameters that are neither a condition nor one of ``others``: most likely misspelt."""
    names = {name for name in data if current_parameter(name) not in CallFilter.base_filters}
    return sorted(name for name in names - set(others) if not is_extra(name))


def _readable(name: str, value: str) -> str:
    return value.replace(PAIR, " ↔ ", 1) if name.removeprefix(NOT) == "between" else value


def _in_url(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
