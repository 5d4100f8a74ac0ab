"""The details of a call, shown under its row in the list: legs, attempts, events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.calls.correlate import Explained, explain
from cdr.display.badges import rule_word
from cdr.models import Call
from cdr.queries.columns import MOST_COLUMNS
from cdr.queries.visibility import Visibility
from cdr.views.reader_zone import InZoneMixin

MOST_EVENTS = 30


class CallInside(InZoneMixin, ShellMixin, TemplateView):
    """A table row, ``span`` columns wide, with a part of what ``cdr.views.call.call_page`` shows."""

    permission_required = "cdr.view_call"
    template_name = "cdr/_call_inside.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visibility = Visibility.of(self.request.user)
        call = get_object_or_404(visibility.calls(), pk=self.kwargs["pk"])
        if visibility.numbers:
            record(self.request, Action.VIEWED, f"call {call.pk}")
        parts = inside(call, explain(call), visibility)
        return super().get_context_data(call=call, span=_span(self.request.GET.get("span", "")), **parts, **kwargs)


def inside(call: Call, explained: Iterable[Explained], visibility: Visibility) -> dict[str, Any]:
    """Return legs, attempts and events of ``call`` (not masked yet) as they may be shown."""
    here = [one for one in explained if one.call == call and visibility.reaches(one.event.proxy.name)]
    visibility.events(call, [one.event for one in here])
    return {
        "legs": visibility.legs(call),
        "attempts": visibility.attempts(call),
        "events": [(one.event, rule_word(one.use.rule)) for one in here[:MOST_EVENTS]],
        "more_events": max(len(here) - MOST_EVENTS, 0),
    }


def _span(text: str) -> int:
    return min(int(text), MOST_COLUMNS + 1) if text.isascii() and text.isdigit() and len(text) < 4 else 1
