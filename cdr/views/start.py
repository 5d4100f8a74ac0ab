"""The start page: what happened lately, what needs a look, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.shell import ShellMixin
from cdr import wording
from cdr.correlation.record import Outcome, State
from cdr.filters import CallFilter
from cdr.models import Call, Event, Source
from cdr.periods import LABELS as PERIOD_LABELS
from cdr.sight import Sight
from cdr.statistics import Tally, tally
from cdr.views.addresses import Address
from cdr.wording import Text
from proxyconf.models import Proxy

PERIODS = ("24h", "7d", "all")
COUNT_LIMIT = 100_000
LATEST = 8
_MOST_SOURCES = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of calls in a period (``at_least``: counting stopped at the limit), and the list of just these."""

    count: int
    address: Address
    at_least: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table of figures: one kind of calls, one figure for each period."""

    label: Text
    meaning: Text
    name: str
    figures: list[Figure]
    indented: bool = False


class StartPage(ShellMixin, TemplateView):
    permission_required = "cdr.view_call"
    template_name = "cdr/start.html"
    title = _("Start")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = timezone.now()
        tallies = {period: tally(_calls(period, now), COUNT_LIMIT) for period in PERIODS}
        without_stop = Call.objects.filter(state=State.STOP_MISSING, superseded=False)
        return super().get_context_data(
            periods=[PERIOD_LABELS[period] for period in PERIODS],
            lines=_lines(tallies),
            total=tallies["all"].total,
            recent=tallies["7d"].total,
            newest=Call.objects.filter(superseded=False).order_by("-started_at", "-id").first(),
            without_stop=without_stop.order_by("-started_at", "-id")[:LATEST],
            sources=Source.objects.select_related("proxy")[:_MOST_SOURCES],
            proxies=Proxy.objects.exists(),
            events=Event.objects.exists(),
            first_proxy=Proxy.objects.order_by("id").values_list("name", flat=True).first() or "edge-1",
            zone=timezone.get_current_timezone_name(),
            calls_without_stop=_address(state=State.STOP_MISSING.value),
            **kwargs,
        )


def _calls(period: str, now: datetime) -> Any:
    """The calls that the list gives for the period: the same filter answers."""
    return CallFilter(QueryDict(f"period={period}"), Sight(), now=now).qs


def _address(**conditions: object) -> Address:
    return Address(reverse("cdr:call-list"), QueryDict()).setting(**conditions)


def _lines(tallies: dict[str, Tally]) -> list[Line]:
    """All calls, then the answered ones by state, then the others by outcome."""

    def line(label: Text, meaning: Text, name: str, word: State | Outcome | None, *, indented: bool = True) -> Line:
        return Line(label, meaning, name, [_figure(tallies[p], p, word) for p in PERIODS], indented)

    states = {state: wording.STATES[state] for state in (State.COMPLETED, State.ONGOING)}
    stop_missing, start_missing = wording.STATES[State.STOP_MISSING], wording.STATES[State.START_MISSING]
    lines = [
        line(_("Calls"), _("Every call, whatever became of it."), "all", None, indented=False),
        line(_("answered"), wording.OUTCOMES[Outcome.ANSWERED].meaning, "answered", Outcome.ANSWERED, indented=False),
        *(line(word.label, word.meaning, state, state) for state, word in states.items()),
        line(_("without STOP"), stop_missing.meaning, State.STOP_MISSING, State.STOP_MISSING),
        line(_("without START"), start_missing.meaning, State.START_MISSING, State.START_MISSING),
        line(_("unanswered"), wording.STATES[State.UNANSWERED].meaning, "unanswered", State.UNANSWERED, indented=False),
        *(
            line(word.label, word.meaning, outcome, outcome)
            for outcome, word in wording.OUTCOMES.items()
            if outcome is not Outcome.ANSWERED
        ),
    ]
    return [
        one for one in lines if not one.indented or one.name == State.STOP_MISSING or any(f.count for f in one.figures)
    ]


def _figure(counted: Tally, period: str, word: State | Outcome | None) -> Figure:
    conditions: dict[str, object] = {"period": None if period == "all" else period}
    if isinstance(word, State):
        conditions["state"] = word.value
    elif isinstance(word, Outcome):
        conditions["outcome"] = word.value
    return Figure(
        counted.total if word is None else counted.counts[word], _address(**conditions), at_least=counted.capped
    )
