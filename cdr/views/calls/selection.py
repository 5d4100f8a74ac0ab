"""Actions on calls selected in the list: comparing two, setting the end of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.calls.correlate import explain
from cdr.calls.settlement import NotSettled, attach_settlements, settle
from cdr.display.wording import Text
from cdr.models import Call
from cdr.queries.columns import COLUMNS, PREFETCHED, Column, extra_column
from cdr.queries.conditions import MOST_VALUES
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ListAddress
from cdr.views.call.call_details import inside
from cdr.views.call.call_forms import SettlementForm
from cdr.views.call.ladder import ladder_of
from cdr.views.reader_zone import InZoneMixin

_SHOWN_TOGETHER = frozenset({"who", "seen", "legs", "attempts"})
"""Columns that repeat others, or of what the comparison shows whole."""


class SelectedCalls(InZoneMixin, ShellMixin, TemplateView):
    """A page about the calls with the ``id`` values in the address, as far as they are visible."""

    permission_required: str | tuple[str, ...] = "cdr.view_call"

    @cached_property
    def visibility(self) -> Visibility:
        return Visibility.of(self.request.user)

    def selected(self) -> list[Call]:
        """Return the calls, oldest first, as they are stored."""
        given = self.request.GET.getlist("id")[:MOST_VALUES]
        keys = {int(text) for text in given if text.isascii() and text.isdigit() and len(text) <= 18}
        related = PREFETCHED.values()
        calls = list(
            self.visibility.calls().filter(pk__in=keys).prefetch_related(*related).order_by("started_at", "id")
        )
        attach_settlements(calls)
        return calls


class Line(NamedTuple):
    """A value of both calls side by side."""

    label: Text
    values: list[SafeString | str]

    @property
    def differs(self) -> bool:
        return len({strip_tags(str(value)) for value in self.values}) > 1


@dataclass(frozen=True, slots=True)
class ComparedCall:
    """A call of the comparison: its ladder, and its legs, attempts and events."""

    call: Call
    ladder: SafeString | str
    parts: dict[str, Any]


class CompareCalls(SelectedCalls):
    """Two calls side by side: their values, parties, legs, attempts, events and ladders."""

    template_name = "cdr/compare.html"
    title = _("Compare calls")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        calls = self.selected()
        if len(calls) != 2:
            return super().get_context_data(found=len(calls), **kwargs)
        if self.visibility.numbers:
            for call in calls:
                record(self.request, Action.VIEWED, f"call {call.pk}", call_id=call.call_id)
        compared = [self._compared(call) for call in calls]
        shown = self.visibility.shown(calls)
        return super().get_context_data(found=2, compared=compared, lines=_lines(shown), **kwargs)

    def _compared(self, call: Call) -> ComparedCall:
        explained = explain(call)
        within = [one for one in explained if self.visibility.reaches(one.event.proxy.name)]
        legs = list(call.legs.all())
        ladder = "" if call.superseded else ladder_of(call, within, legs, self.visibility, linked=False)
        return ComparedCall(call, ladder, inside(call, explained, self.visibility))


def _lines(calls: list[Call]) -> list[Line]:
    labels = sorted({label for call in calls for label in call.extra})
    columns: list[Column] = [
        *(column for column in COLUMNS if column.name not in _SHOWN_TOGETHER),
        *map(extra_column, labels),
    ]
    return [Line(column.heading, [column.cell(call) for call in calls]) for column in columns]


class SetEnds(SelectedCalls):
    """Sets the end of several calls without STOP, with one reason; each call separately."""

    permission_required = ("cdr.view_call", "cdr.add_settlement")
    template_name = "cdr/set_ends.html"
    title = _("Set end of calls")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        calls = self.selected()
        open_calls = [call for call in calls if call.lacks_stop and call.settlement is None]
        return super().get_context_data(
            **{"form": SettlementForm(), **kwargs},
            calls=self.visibility.shown(open_calls),
            others=len(calls) - len(open_calls),
            zone=timezone.get_current_timezone_name(),
            query=self.request.GET.urlencode(),
        )

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        form = SettlementForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        calls = [call for call in self.selected() if call.lacks_stop and call.settlement is None]
        if not calls:
            raise Http404
        refused = [problem for call in calls if (problem := self._settle(call, **form.cleaned_data))]
        done = len(calls) - len(refused)
        if done:
            text = ngettext("The end of {count} call was set.", "The end of {count} calls was set.", done)
            messages.success(request, text.format(count=done))
        for problem in refused[:5]:
            messages.error(request, problem)
        query = QueryDict(mutable=True)
        query.setlist("id", [str(call.pk) for call in calls])
        return redirect(str(ListAddress(reverse("cdr:call-list"), query)))

    def _settle(self, call: Call, *, ended_at: Any, reason: str, **_unknown: Any) -> str:
        """Settle one call; return the error if it is refused."""
        who = cast(User, self.request.user)
        try:
            settle(call, ended_at=ended_at, reason=reason, by=who, now=timezone.now())
        except NotSettled as refused:
            return gettext("Call {number}: {why}").format(number=call.pk, why=refused.reason)
        ended = ended_at and ended_at.isoformat()
        record(self.request, Action.SETTLED, f"call {call.pk}", ended_at=ended, reason=reason)
        return ""
