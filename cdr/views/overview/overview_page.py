"""The start page: figures of a range, calls that need review, and the first steps of a new installation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, Q, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import TemplateView

from accweb.web import lockout
from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.correlation.record import CallState, DurationKind
from cdr.display.clocks import clock
from cdr.display.histogram import OUTCOMES, Group, Step
from cdr.display.markup import minutes, number
from cdr.display.wording import STATES, Text
from cdr.models import Call, Event, Source
from cdr.monitoring.problems import collection_problems
from cdr.queries import needs_review
from cdr.queries.filters import CallFilter, Condition
from cdr.queries.periods import LABELS, span
from cdr.queries.statistics import Figures, figures
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ZONE, ListAddress, list_address, report_address
from cdr.views.calls import filter_bar
from cdr.views.calls.filter_bar import ConditionLink
from cdr.views.calls.histogram import chart, of_outcomes, percent
from cdr.views.calls.searching import READ_IN, sent
from cdr.views.calls.totals import Earlier, EarlierValue
from cdr.views.overview.rankings import code_bars
from cdr.views.reader_zone import InZoneMixin, zone_choices
from proxyconf.models import Proxy
from proxyconf.models.reach import proxies_named

WALL = "wall"
"""Parameter that shows the page on a screen on the wall: large, without controls."""
SEGMENTS = ("1h", "24h", "7d", "30d", "all")
_MOST_SOURCES = 50
_OF_RANGE = ("period", "since", "until", "proxy")
_DELIVERED = OUTCOMES[Group.ANSWERED] | OUTCOMES[Group.NOT_ANSWERED]
_BY = {"hour": Step.HOUR, "day": Step.DAY}


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its definition, and the address of the list of its calls (``None``: there are none)."""

    name: str
    label: Text
    value: str
    definition: Text
    address: ListAddress | None
    note: str = ""
    earlier: Sequence[EarlierValue] = ()


class StartPage(InZoneMixin, ShellMixin, TemplateView):
    """Figures, calls over time and rankings of a range. The URL has the parameters of the list.

    Without a range in the URL, the page shows the shortest one that has calls.
    """

    permission_required = "cdr.view_call"
    template_name = "cdr/start.html"
    title = _("Overview")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if READ_IN in request.GET:  # sent by the form: redirect to the short address
            return redirect(str(sent(request.path, request.GET)))
        return super().get(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        return ["cdr/wall.html"] if self.request.GET.get(WALL) else super().get_template_names()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visibility, now = Visibility.of(self.request.user), timezone.now()
        newest = visibility.calls().filter(superseded=False).order_by("-started_at", "-id").first()
        conditions = _with_range(self.request.GET, newest, now)
        call_filter = CallFilter(conditions, visibility, now=now)
        own, calls = ListAddress(self.request.path, conditions), list_address(conditions)
        sums = figures(call_filter)
        visible = list(proxies_named(visibility.proxies).order_by("name"))
        return super().get_context_data(
            call_filter=call_filter,
            errors=[*filter_bar.errors(call_filter), *filter(None, [self.zone_error])],
            segments=[_period(name, call_filter, own) for name in SEGMENTS],
            periods=[_period(name, call_filter, own) for name in LABELS if name not in SEGMENTS],
            chips=[
                (one, own.without(one.parameter, one.value)) for one in call_filter.conditions() if not _of_range(one)
            ],
            carried=[(one.parameter, one.value) for one in call_filter.conditions() if not _of_range(one)],
            proxies=[(proxy.name, proxy.name in conditions.getlist("proxy")) for proxy in visible],
            cards=_with_earlier(call_filter, sums, calls),
            capped=sums.capped,
            all_calls=calls,
            chart=(drawn := chart(call_filter, calls, _BY.get(conditions.get("by", "")))),
            steps=_steps(call_filter, own, drawn.step),
            codes=code_bars(sums, calls),
            failures=sum(sums.failures.values()),
            report=report_address(conditions),
            wall=own.setting(**{WALL: "1"}),
            trends_address=ListAddress(reverse("cdr:trends"), conditions),
            busiest_address=ListAddress(reverse("cdr:busiest"), conditions),
            newest=newest,
            locked_logins=self.request.user.has_perm("auth.change_user") and bool(lockout.locks()),
            zone=timezone.get_current_timezone_name(),
            zones=zone_choices(self.readers_zone, timezone.get_current_timezone_name(), visible),
            health=_health_address(),
            **self._collection(visibility, visible, now),
            **kwargs,
        )

    def _collection(self, visibility: Visibility, visible: list[Proxy], now: datetime) -> dict[str, Any]:
        """Return the context of the sources, of calls to review, and of the first steps."""
        ongoing, settled = needs_review.ongoing(visibility, now), needs_review.recent_settlements(visibility)
        if visibility.numbers:
            record(self.request, Action.VIEWED, "overview", conditions=self.request.GET.urlencode())
        return {
            "sources": _worst_first(visible),
            "problems": collection_problems(visibility.proxies),
            "waiting": needs_review.waiting() if visibility.proxies is None else None,
            "ongoing": ongoing,
            "setup": figures(CallFilter(QueryDict("period=24h&state=setup"), visibility, now=now)).calls,
            "settled": settled,
            "limit": needs_review.LIMIT,
            "list_of": {
                "setup": self._list_of("period=24h&state=setup"),
                "ongoing": self._list_of("state=ongoing"),
                "settled": self._list_of("settled=1"),
            },
            "about": {state.value: word.meaning for state, word in STATES.items()},
            "any_proxy": Proxy.objects.exists(),
            "any_event": Event.objects.filter(proxy__in=visible).exists(),
            "first_proxy": min(visible, key=lambda proxy: proxy.pk).name if visible else "edge-1",
        }

    def _list_of(self, conditions: str) -> ListAddress:
        return list_address(QueryDict(conditions)).setting(**{ZONE: self.zone_chosen or None})


def _worst_first(proxies: list[Proxy]) -> list[Source]:
    """Return sources with an error first, then those with rejected input, then the others by name."""
    trouble = Case(
        When(~Q(error=""), enabled=True, then=Value(0)),
        When(rejected__gt=0, enabled=True, then=Value(1)),
        default=Value(2),
    )
    sources = Source.objects.filter(proxy__in=proxies).select_related("proxy")
    return list(sources.order_by(trouble, "proxy__name", "name")[:_MOST_SOURCES])


def _with_range(query: QueryDict, newest: Call | None, now: datetime) -> QueryDict:
    """Return the conditions with a range: by default the shortest preset that includes the newest call."""
    conditions = query.copy()
    if not any(query.get(name) for name in ("period", "since", "until")):
        age = now - newest.started_at if newest else None
        fitting = (name for name in ("24h", "7d", "30d") if age is not None and (back := span(name)) and age < back)
        conditions["period"] = next(fitting, "all")
    return conditions


def _of_range(condition: Condition) -> bool:
    return condition.parameter in _OF_RANGE


def _period(name: str, call_filter: CallFilter, own: ListAddress) -> ConditionLink:
    return ConditionLink(
        LABELS[name], own.setting(period=name, since=None, until=None), call_filter.chosen_period == name
    )


def _steps(call_filter: CallFilter, own: ListAddress, drawn: Step) -> list[ConditionLink]:
    """Return the choice between hours and days, for ranges that suit both."""
    since, until = call_filter.time_range
    if since is None or not 2 <= ((until or call_filter.now) - since).days <= 31:
        return []
    return [
        ConditionLink(label, own.setting(by=step.value), drawn is step)
        for label, step in ((_("hourly"), Step.HOUR), (_("daily"), Step.DAY))
    ]


def _with_earlier(call_filter: CallFilter, sums: Figures, calls: ListAddress) -> list[Card]:
    earlier = Earlier(call_filter, sums)
    return [replace(card, earlier=earlier.of(card.name)) for card in _cards(call_filter, sums, calls)]


def _cards(call_filter: CallFilter, sums: Figures, calls: ListAddress) -> Iterator[Card]:
    """Yield the figures, each with the list of exactly the calls that it, or the numerator of its rate, counts."""
    at_least = "≥ " if sums.capped else ""
    answered = of_outcomes(call_filter, calls, OUTCOMES[Group.ANSWERED])
    measured = answered and answered.setting(duration_kind=DurationKind.MEASURED.value)
    yield Card(
        "calls",
        _("Calls"),
        at_least + number(sums.calls),
        _("All calls in the range, regardless of their outcome."),
        calls,
    )
    yield Card(
        "answered",
        _("Answered"),
        at_least + number(sums.answered),
        _("Calls whose INVITE got a 2xx response, with or without a STOP."),
        answered if sums.answered else None,
    )
    yield Card(
        "asr",
        _("ASR"),
        _rate(sums.asr),
        _("Answer-seizure ratio (ITU-T E.425): answered calls as a share of all calls."),
        answered if sums.answered else None,
    )
    yield Card(
        "ner",
        _("NER"),
        _rate(sums.ner),
        _(
            "Network effectiveness ratio (ITU-T E.425): the share of calls that the network delivered: answered, "
            "busy, no answer (cancelled calls included) and declined."
        ),
        of_outcomes(call_filter, calls, _DELIVERED) if sums.delivered else None,
    )
    yield Card(
        "acd",
        _("ACD"),
        "–" if sums.acd is None else clock(sums.acd),
        _(
            "Average call duration: the mean of all measured durations, from answer to STOP. Calls without a "
            "measured duration are not included."
        ),
        measured if sums.measured else None,
    )
    yield Card(
        "minutes",
        _("Minutes"),
        at_least + minutes(sums.minutes),
        _("Sum of the measured durations of answered calls, exact to the second."),
        measured if sums.measured else None,
    )
    without_stop = max(0, sums.without_stop - sums.settled)
    yield Card(
        "stop_missing",
        _("No STOP"),
        at_least + number(without_stop),
        STATES[CallState.STOP_MISSING].meaning,
        calls.setting(state=CallState.STOP_MISSING.value, settled="0") if without_stop else None,
        _settled_note(sums),
    )


def _rate(rate: float | None) -> str:
    return "–" if rate is None else percent(rate)


def _settled_note(sums: Figures) -> str:
    if not sums.settled:
        return ""
    text = ngettext("{number} set manually", "{number} set manually", sums.settled)
    return text.format(number=number(sums.settled))


def _health_address() -> str:
    try:
        return reverse("cdr:health")
    except NoReverseMatch:
        return ""
