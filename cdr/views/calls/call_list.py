"""The list of calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.calls.settlement import attach_settlements
from cdr.correlation.record import CallState
from cdr.display import wording
from cdr.display.markup import number
from cdr.display.wording import Text
from cdr.models import Call
from cdr.queries.columns import PREFETCHED, Column, extra_labels
from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.keyset import OLDEST, Cursor
from cdr.queries.ordering import NEWEST_FIRST, Order
from cdr.queries.paging import Matches, PagedCalls, call_page, capped_count, matches, position
from cdr.queries.statistics import exact_count
from cdr.queries.visibility import Visibility
from cdr.views.addresses import AFTER, BEFORE, LIVE, SHOWN_AS, ZONE, ListAddress, overview_address, report_address
from cdr.views.calls import filter_bar
from cdr.views.calls.call_rows import call_rows
from cdr.views.calls.column_choice import chosen_columns
from cdr.views.calls.order_choice import ORDER_TEXTS, chosen_order, headings
from cdr.views.calls.saved_views import built_in_lists, views_for
from cdr.views.calls.searching import SEARCH, counted, prefixes, sent, understood
from cdr.views.calls.tally import tally
from cdr.views.reader_zone import InZoneMixin, zone_choices
from proxyconf.models.reach import proxies_named

PAGE_SIZE = 50
COUNT_LIMIT = 1_000
NEW_LIMIT = 99
_CELL_WORDS: dict[str, Text] = {
    "only": _("Filter for"),
    "not": _("Filter out"),
    "since": _("From this time"),
    "until": _("Until this time"),
    "min_duration": _("At least this"),
    "max_duration": _("At most this"),
    "settled": _("End set manually"),
    "copy": _("Copy"),
    "open": _("Open call"),
}


class CallListView(InZoneMixin, ShellMixin, TemplateView):
    """Calls, newest first. The URL contains all conditions and settings of the list."""

    permission_required = "cdr.view_call"
    template_name = "cdr/call_list.html"
    partial_template_name = "cdr/_call_list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if SEARCH in request.GET:  # the address shows how the words were read, without empty fields
            within_reach = proxies_named(Visibility.of(request.user).proxies)
            return HttpResponseRedirect(str(sent(request.path, request.GET, prefixes(within_reach))))
        response = super().get(request, *args, **kwargs)
        if self._is_partial():
            response["HX-Push-Url"] = str(self._own_address())
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        address, visibility = ListAddress.of(self.request), Visibility.of(self.request.user)
        call_filter = CallFilter(self.request.GET, visibility)
        proxies = list(proxies_named(visibility.proxies))
        columns = chosen_columns(address, self.request.user)
        errors = (
            filter_bar.errors(call_filter)
            + _unknown(self.request)
            + list(filter(None, [self.zone_error, *columns.errors]))
        )
        order, order_error = chosen_order(address, call_filter)
        errors += order_error
        page, cursor_error = self._page(call_filter, columns.columns, order)
        attach_settlements(page.rows)
        states = call_filter.form.cleaned_data.get("state", []) if call_filter.form.is_valid() else []
        chips = filter_bar.chips(call_filter, address)
        words = understood(address, prefixes(proxies))
        if not page.rows and not errors:
            words = counted(words, visibility)
        found = _count(call_filter, page)
        labels = extra_labels(proxies, (call.extra for call in page.rows))
        shown = visibility.shown(page.rows)
        if visibility.numbers and shown:
            record(self.request, Action.VIEWED, "calls", conditions=address.query)
        return super().get_context_data(
            title=_title(states),
            filter=call_filter,
            errors=errors + cursor_error,
            chips=chips,
            understood=words,
            suggestions=filter_bar.suggestions(chips, call_filter, address) if not page.rows else [],
            carried=filter_bar.carried(address),
            periods=filter_bar.periods(call_filter, address),
            quick_periods=filter_bar.quick_periods(call_filter, address),
            chosen_time=filter_bar.chosen_time(call_filter),
            **filter_bar.more_filters(call_filter, proxies),
            tabs=filter_bar.tabs(states, address),
            zones=zone_choices(self.readers_zone, timezone.get_current_timezone_name(), proxies),
            zone=timezone.get_current_timezone_name(),
            views=views_for(self.request.user, visibility, address, built_in_lists(proxies)),
            columns=columns.columns,
            usual_columns=columns.usual,
            offered_columns=columns.offered(labels),
            rows=call_rows(shown, columns.columns, visibility, usual=columns.usual, address=address),
            zone_chosen=address.conditions.get(ZONE, ""),
            headings=headings(columns.columns, order, address),
            order=order,
            order_text=ORDER_TEXTS[order.name],
            page=page,
            matches=found,
            told=tally(found),
            shown=_shown(page, position(call_filter.qs, page, COUNT_LIMIT, order)),
            newer=page.newer and address.setting(before=page.newer),
            older=page.older and address.setting(after=page.older),
            oldest=page.older and address.setting(before=OLDEST),
            live=_live(address, page) if order == NEWEST_FIRST else None,
            address=address,
            action=address.path,
            overview=overview_address(address.conditions),
            report=report_address(address.conditions),
            cleared=address.bare(),
            masked=not visibility.numbers,
            limited_to=sorted(visibility.proxies or ()) if visibility.proxies is not None else None,
            cell_words=_cell_words(call_filter),
            about=wording.STATES[CallState(states[0])].meaning if len(states) == 1 else "",
            past_the_end=not page.rows and bool(self.request.GET.get(AFTER)),
            nothing_at_all=not page.rows and not Call.objects.exists(),
            **kwargs,
        )

    def _page(self, call_filter: CallFilter, columns: list[Column], order: Order) -> tuple[PagedCalls, list[str]]:
        if _unknown(self.request):
            return PagedCalls([], None, None), []
        calls = call_filter.qs.prefetch_related(*{PREFETCHED[one.name] for one in columns if one.name in PREFETCHED})
        try:
            after, before = self._cursor(AFTER), self._cursor(BEFORE)
        except ValueError as error:
            return call_page(calls, PAGE_SIZE, order=order), [str(error)]
        return call_page(calls, PAGE_SIZE, after=after, before=before, order=order), []

    def _cursor(self, name: str) -> Cursor | None:
        text = self.request.GET.get(name)
        return Cursor.parse(text) if text else None

    def _own_address(self) -> ListAddress:
        cursors = {name: self.request.GET[name] for name in (AFTER, BEFORE) if self.request.GET.get(name)}
        return ListAddress.of(self.request).setting(**cursors)


class NewCalls(InZoneMixin, ShellMixin, TemplateView):
    """The number of new calls above the first row of a list, without the calls themselves."""

    permission_required = "cdr.view_call"
    template_name = "cdr/_new_calls.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        address = ListAddress(reverse("cdr:call-list"), self.request.GET)
        calls = CallFilter(self.request.GET, Visibility.of(self.request.user)).qs
        try:
            calls = NEWEST_FIRST.preceding(calls, Cursor.parse(self.request.GET.get(BEFORE, "")))
        except ValueError:
            calls = calls.none() if self.request.GET.get(BEFORE) else calls
        count = capped_count(calls, NEW_LIMIT)
        many = gettext("More than {number} new calls").format(number=NEW_LIMIT)
        some = ngettext("{number} new call", "{number} new calls", count).format(number=count)
        return super().get_context_data(
            count=count, text=many if count > NEW_LIMIT else some, address=address, **kwargs
        )


def _unknown(request: HttpRequest) -> list[str]:
    """Return errors for unknown parameters: a misspelt condition must not show all calls."""
    return [
        gettext("Unknown filter “{name}”.").format(name=name)
        for name in unknown_parameters(request.GET, AFTER, BEFORE, *SHOWN_AS)
    ]


def _cell_words(call_filter: CallFilter) -> dict[str, Any]:
    """Return the texts of a cell's menu: its actions, the conditions by name, and the values with labels."""
    fields: Iterable[tuple[str, Any]] = call_filter.form.fields.items()
    return {
        "actions": {name: str(text) for name, text in _CELL_WORDS.items()},
        "conditions": {name: str(field.label) for name, field in fields},
        "values": {
            name: {value: str(label) for value, label in field.choices} for name, field in fields if _lists(field)
        },
    }


def _lists(field: Any) -> bool:
    return bool(getattr(field, "choices", None))


def _title(states: list[str]) -> Text:
    return _("No STOP") if states == [CallState.STOP_MISSING] else _("Calls")


def _count(call_filter: CallFilter, page: PagedCalls) -> Matches:
    """Count the matches; if the first page is not full, its rows are all matches."""
    if page.newer is None and page.older is None:
        return Matches(len(page.rows))
    found = matches(call_filter.qs, COUNT_LIMIT)
    if found.at_least or found.estimated:
        exact = exact_count(call_filter)
        return found if exact is None else Matches(exact)
    return found


def _shown(page: PagedCalls, first: int | None) -> str:
    if first is None:
        return ""
    return f"{number(first)}–{number(first + len(page.rows) - 1)}"


@dataclass(frozen=True, slots=True)
class Live:
    """Whether the list updates itself, the address for updates, and the address with the setting switched."""

    on: bool
    asks: ListAddress
    switched: ListAddress


def _live(address: ListAddress, page: PagedCalls) -> Live | None:
    """Return the switch on the first page; later pages do not change at the top."""
    if page.newer is not None:
        return None
    first = Cursor(page.rows[0].started_at, page.rows[0].pk) if page.rows else None
    on = bool(address.conditions.get(LIVE))
    asks = ListAddress(reverse("cdr:new-calls"), address.conditions).setting(before=first)
    return Live(on, asks, address.setting(**{LIVE: None if on else "1"}))
