"""The list of calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.shell import ShellMixin
from cdr import wording
from cdr.columns import COLUMNS
from cdr.correlation.record import State
from cdr.filters import CallFilter, Condition
from cdr.keyset import Cursor
from cdr.markup import number
from cdr.models import Call
from cdr.paging import CallPage, call_page, capped_count, position
from cdr.periods import LABELS as PERIOD_LABELS
from cdr.settling import look_up
from cdr.sight import Sight
from cdr.views.addresses import AFTER, BEFORE, Address
from cdr.wording import Text

PAGE_SIZE = 50
COUNT_LIMIT = 1_000
_TIME = ("period", "since", "until")
_TABS: Mapping[State, Text] = {
    State.COMPLETED: _("Completed"),
    State.ONGOING: _("Ongoing"),
    State.STOP_MISSING: _("Without STOP"),
    State.START_MISSING: _("Without START"),
    State.UNANSWERED: _("Unanswered"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that sets a condition."""

    label: Text
    address: Address
    chosen: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition that is set, and the address without it."""

    condition: Condition
    removed: Address


class CallList(ShellMixin, TemplateView):
    """Calls, newest first. The URL holds everything that one asked for."""

    permission_required = "cdr.view_call"
    template_name = "cdr/call_list.html"
    partial_template_name = "cdr/_call_list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if self._is_partial():  # the address bar shows the conditions that are set, not every empty field of the form
            response["HX-Push-Url"] = str(self._own_address())
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        address = Address.of(self.request)
        asked = CallFilter(self.request.GET, Sight.of(self.request.user))
        states = asked.form.cleaned_data.get("state", []) if asked.form.is_valid() else []
        page, cursor_error = self._page(asked)
        look_up(page.rows)
        count = capped_count(asked.qs, COUNT_LIMIT)
        return super().get_context_data(
            title=_title(states),
            filter=asked,
            errors=_errors(asked) + cursor_error,
            chips=(chips := [Chip(one, address.without(one.parameter, one.value)) for one in asked.conditions()]),
            suggestions=_suggestions(chips, asked, address) if not page.rows else [],
            carried=_carried(asked),
            periods=_periods(asked, address),
            tabs=_tabs(states, address),
            columns=COLUMNS,
            rows=[_row(call) for call in page.rows],
            page=page,
            matches=_matches(count),
            shown=_shown(page, position(asked.qs, page, COUNT_LIMIT)),
            newer=page.newer and address.setting(before=page.newer),
            older=page.older and address.setting(after=page.older),
            address=address,
            cleared=Address(address.path, QueryDict()),
            zone=timezone.get_current_timezone_name(),
            about=wording.STATES[State(states[0])].meaning if len(states) == 1 else "",
            past_the_end=not page.rows and bool(self.request.GET.get(AFTER)),
            nothing_at_all=not page.rows and not Call.objects.exists(),
            **kwargs,
        )

    def _page(self, asked: CallFilter) -> tuple[CallPage, list[str]]:
        try:
            after, before = self._cursor(AFTER), self._cursor(BEFORE)
        except ValueError as error:
            return call_page(asked.qs, PAGE_SIZE), [str(error)]
        return call_page(asked.qs, PAGE_SIZE, after=after, before=before), []

    def _cursor(self, name: str) -> Cursor | None:
        text = self.request.GET.get(name)
        return Cursor.parse(text) if text else None

    def _own_address(self) -> Address:
        cursors = {name: self.request.GET[name] for name in (AFTER, BEFORE) if self.request.GET.get(name)}
        return Address.of(self.request).setting(**cursors)


def _errors(asked: CallFilter) -> list[str]:
    return [f"{asked.form.fields[name].label}: {one}" for name, said in asked.form.errors.items() for one in said]


def _row(call: Call) -> tuple[Call, list[tuple[str, SafeString]]]:
    return call, [(column.name, column.cell(call)) for column in COLUMNS]


def _title(states: list[str]) -> Text:
    return _("Calls without STOP") if states == [State.STOP_MISSING] else _("Calls")


def _suggestions(chips: list[Chip], asked: CallFilter, address: Address) -> list[Choice]:
    """What to try when no call matches."""
    suggestions = []
    if asked.chosen_period != "all":
        suggestions.append(Choice(_("Search all time"), address.setting(period=None, since=None, until=None), False))
    for chip in chips:
        name, value, label, text, _negated = chip.condition
        if name == "call_id" and "*" not in value:
            containing = gettext("Call-IDs that contain “{text}”").format(text=value[:60])
            suggestions.append(Choice(containing, address.setting(call_id=f"*{value}*"), False))
        if name not in _TIME and len(chips) > 1:
            without = gettext("Without the condition “{label}: {text}”").format(label=label, text=str(text)[:60])
            suggestions.append(Choice(without, chip.removed, False))
    return [*suggestions, Choice(_("All calls"), Address(address.path, QueryDict()), False)]


def _carried(asked: CallFilter) -> list[tuple[str, str]]:
    """The conditions that the form has no control for: they are kept when it is sent."""
    return [
        (one.parameter, one.value)
        for one in asked.conditions()
        if one.parameter in ("state", "period", "proxy", "settled")
    ]


def _periods(asked: CallFilter, address: Address) -> list[Choice]:
    """The presets of the time range; choosing one replaces a range that was given."""
    return [
        Choice(
            label,
            address.setting(period=None if name == "all" else name, since=None, until=None),
            asked.chosen_period == name,
        )
        for name, label in PERIOD_LABELS.items()
    ]


def _tabs(states: list[str], address: Address) -> list[Choice]:
    """The states, one click each."""
    return [
        Choice(_("All"), address.setting(state=None), not states),
        *(Choice(label, address.setting(state=state), states == [state]) for state, label in _TABS.items()),
    ]


def _matches(count: int) -> str:
    if count > COUNT_LIMIT:
        return gettext("more than {limit}").format(limit=number(COUNT_LIMIT))
    return number(count)


def _shown(page: CallPage, first: int | None) -> str:
    if first is None:
        return ""
    return f"{number(first)}–{number(first + len(page.rows) - 1)}"
