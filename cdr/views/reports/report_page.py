"""A report: calls grouped by what one chooses, in the filter that the address holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.display.trend_svg import TrendColumn, columns_svg
from cdr.display.wording import Text
from cdr.export.report_file import REPORT_FORMATS
from cdr.models import Call, SavedView
from cdr.queries.columns import extra_labels
from cdr.queries.comparison import comparisons
from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.names import EXTRA
from cdr.queries.reports.definition import (
    ALL_FIGURES,
    FIGURES,
    PARAMETERS,
    SORT,
    TIME,
    Report,
    report_of,
)
from cdr.queries.reports.dimensions import MOST_DIGITS, PLAIN, PREFIXES
from cdr.queries.reports.labels import headings, problem_text, slot_text
from cdr.queries.reports.slots import LABELS as PER_LABELS
from cdr.queries.reports.table import MOST_GROUPS, GroupRow, ReportTable, report_table
from cdr.queries.visibility import Visibility
from cdr.views.addresses import SHOWN_AS, ListAddress, list_address, overview_address, report_address
from cdr.views.calls import filter_bar
from cdr.views.calls.saved_views import views_for
from cdr.views.calls.searching import SEARCH, prefixes, sent, understood
from cdr.views.calls.totals import Total, totals
from cdr.views.reader_zone import InZoneMixin, zone_choices
from cdr.views.reports.built_in_reports import built_in_reports
from cdr.views.reports.report_cells import (
    ReportHeading,
    address_of,
    bar_measure,
    cell,
    report_lines,
    size_of,
    values_by_slot,
)
from proxyconf.models import Proxy
from proxyconf.models.reach import proxies_named

ROWS, FEW, MANY = "rows", 100, 2_000
"""Parameter that asks for more rows; how many are shown without and with it."""
_MOST_COLUMNS = 400
_SECONDS_BEFORE = 3.0
"""So long may it take to count the previous period for the chart, which does without it."""
_GROUP_CONTROLS = (*PARAMETERS, ROWS)


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """A field to group by, or a unit of time: its name and label, and whether it is chosen."""

    name: str
    label: Text
    chosen: bool


class ReportPage(InZoneMixin, ShellMixin, TemplateView):
    """The report that the URL holds: conditions in the parameters of the list, and what to group by."""

    permission_required = "cdr.view_call"
    template_name = "cdr/report.html"
    title = _("Reports")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if SEARCH in request.GET:  # the address says how the words were understood, and holds no empty fields
            within_reach = proxies_named(Visibility.of(request.user).proxies)
            return HttpResponseRedirect(str(sent(request.path, request.GET, prefixes(within_reach))))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visibility = Visibility.of(self.request.user)
        conditions = with_usual_range(self.request.GET)
        address = report_address(conditions)
        call_filter = CallFilter(conditions, visibility)
        report, problems = report_of(conditions, masked=not visibility.numbers)
        errors = [
            *filter_bar.errors(call_filter),
            *(text for texts in problems.values() for text in texts),
            *_unknown(self.request),
            *filter(None, [self.zone_error]),
        ]
        table = report_table(call_filter, report, timezone.get_current_timezone()) if not errors else None
        shown = table or ReportTable(report, timezone.get_current_timezone())
        proxies = list(proxies_named(visibility.proxies))
        calls = list_address(conditions).setting(**{ROWS: None})
        rows = list(shown.rows)[: MANY if self.request.GET.get(ROWS) == "all" else FEW]
        if visibility.numbers and rows:
            record(self.request, Action.VIEWED, "report", conditions=address.query)
        return super().get_context_data(
            filter=call_filter,
            errors=[*errors, *filter(None, [problem_text(shown)])],
            table=shown,
            lines=report_lines(shown, rows, calls, visibility),
            headings=list(_headings(report, address)),
            group_count=len(headings(report)),
            totals=_totals(shown, call_filter, calls),
            sums=[cell(figure, shown.total, shown.total) for figure in report.figures],
            more=len(shown.rows) > len(rows) and address.setting(**{ROWS: "all"}),
            most_rows=MANY,
            most_groups=MOST_GROUPS,
            chart=_chart(shown, calls, visibility, _before(shown, call_filter)),
            measure=bar_measure(shown),
            largest=_largest(shown),
            calls=calls,
            overview=overview_address(conditions),
            formats=REPORT_FORMATS.values(),
            any_call=bool(shown.rows) or Call.objects.exists(),
            **self._bar(call_filter, address, visibility, proxies),
            **self._choices(report, address, extra_labels(proxies, []), visibility),
            zones=zone_choices(self.readers_zone, timezone.get_current_timezone_name(), proxies),
            **kwargs,
        )

    def _bar(
        self, call_filter: CallFilter, address: ListAddress, visibility: Visibility, proxies: list[Proxy]
    ) -> dict[str, Any]:
        """Return what the filter bar needs, and the saved reports."""
        built_in = built_in_reports(masked=not visibility.numbers)
        user = self.request.user
        views = views_for(user, visibility, address.setting(**{ROWS: None}), built_in, SavedView.ViewKind.REPORT)
        return {
            "address": address,
            "action": address.path,
            "chips": filter_bar.chips(call_filter, address),
            "understood": understood(address, prefixes(proxies)),
            "cleared": address.setting(**{name: None for name in call_filter.data if name not in _SHOWN}),
            "carried": filter_bar.carried(address),
            "periods": filter_bar.periods(call_filter, address),
            "quick_periods": filter_bar.quick_periods(call_filter, address),
            "chosen_time": filter_bar.chosen_time(call_filter),
            **filter_bar.more_filters(call_filter, proxies),
            "zone": timezone.get_current_timezone_name(),
            "views": views,
            "masked": not visibility.numbers,
        }

    def _choices(
        self, report: Report, address: ListAddress, labels: list[str], visibility: Visibility
    ) -> dict[str, Any]:
        """Return what the form that groups offers."""
        names = [one.name for one in report.dimensions]
        groups: dict[str, Text] = {name: one.label for name, one in PLAIN.items()}
        if visibility.numbers:
            groups |= PREFIXES
        groups |= {EXTRA + label: label for label in labels}
        groups |= {one.name: one.label for one in report.dimensions}
        kept = address
        for name in _GROUP_CONTROLS:
            kept = kept.setting(**{name: None})
        return {
            "grouping": [_grouping(groups, names[place : place + 1]) for place in range(2)],
            "pers": [GroupChoice(per.value, label, per is report.per) for per, label in PER_LABELS.items()],
            "digits": report.digits if set(names) & set(PREFIXES) else None,
            "most_digits": MOST_DIGITS,
            "figures": [GroupChoice(one.name, one.label, one in report.figures) for one in ALL_FIGURES],
            "kept": [(name, value) for name, values in kept.conditions.lists() for value in values],
            "sorted_by": address.conditions.get(SORT, ""),
        }


_SHOWN = (*SHOWN_AS, *_GROUP_CONTROLS, "period")


def with_usual_range(given: QueryDict) -> QueryDict:
    """Return the conditions with a range: the last 30 days where none is given."""
    conditions = given.copy()
    for name in (FIGURES,):
        if len(conditions.getlist(name)) > 1:  # as a form sends its boxes
            conditions[name] = ",".join(conditions.getlist(name))
    if not any(given.get(name) for name in ("period", "since", "until")):
        conditions["period"] = "30d"
    return conditions


def _grouping(groups: dict[str, Text], chosen: list[str]) -> list[GroupChoice]:
    return [GroupChoice(name, label, name in chosen) for name, label in groups.items()]


def _unknown(request: HttpRequest) -> list[str]:
    return [
        gettext("Unknown filter “{name}”.").format(name=name)
        for name in unknown_parameters(request.GET, *SHOWN_AS, *_GROUP_CONTROLS)
    ]


def _headings(report: Report, address: ListAddress) -> Iterator[ReportHeading]:
    def heading(name: str, label: Text, meaning: Text, is_number: bool) -> ReportHeading:
        chosen = report.sort == name
        down = not report.descending if chosen else is_number
        order = ("descending" if report.descending else "ascending") if chosen else ""
        return ReportHeading(
            name, label, meaning, address.setting(**{SORT: f"-{name}" if down else name}), order, is_number
        )

    if report.per:
        yield heading(TIME, PER_LABELS[report.per], "", False)
    for dimension in report.dimensions:
        yield heading(dimension.name, dimension.label, "", False)
    for figure in report.figures:
        yield heading(figure.name, figure.label, figure.meaning, True)


def _largest(table: ReportTable) -> str:
    """Write the largest value that the chart shows."""
    measure = bar_measure(table)
    if table.report.dimensions or not table.rows:
        return ""
    row = max(table.rows, key=lambda one: size_of(measure, one.sums, table.total) or 0)
    return cell(measure, row.sums, table.total)


def _totals(table: ReportTable, call_filter: CallFilter, calls: ListAddress) -> list[Total]:
    return totals(call_filter, calls, table.total) if table.rows else []


def _before(table: ReportTable, call_filter: CallFilter) -> list[float | None]:
    """Return what the chart shows of the previous period; nothing where times recur, or there is none."""
    previous = next(iter(comparisons(call_filter)), None)
    if previous is None or table.slots is None or table.slots.classes or not table.rows:
        return []
    report = Report(per=table.report.per, figures=table.report.figures)
    before = report_table(previous.call_filter, report, table.zone, seconds=_SECONDS_BEFORE)
    return list(values_by_slot(bar_measure(table), before))[: len(table.slots.slots)]


def _chart(
    table: ReportTable, calls: ListAddress, visibility: Visibility, before: list[float | None]
) -> SafeString | None:
    """Draw what the report is sorted by over time; nothing where it has no time, or too much of it."""
    if table.slots is None or not 1 < len(table.slots.slots) <= _MOST_COLUMNS or not table.rows:
        return None
    measure = bar_measure(table)
    by_slot: dict[int, Any] = {}
    for row in table.rows:
        sums = by_slot.get(row.slot or 0)
        by_slot[row.slot or 0] = row.sums if sums is None else sums + row.sums
    whole = ReportTable(Report(per=table.report.per, figures=table.report.figures), table.zone, slots=table.slots)
    columns = []
    for slot in table.slots.slots:
        sums = by_slot.get(slot.number)
        value = size_of(measure, sums, table.total) if sums else None
        when = slot_text(table.slots, slot.number)
        title = f"{when}\n{measure.label}: {cell(measure, sums, table.total) if sums else 0}"
        row = GroupRow((), slot.number, table.total)
        columns.append(TrendColumn(value, title, str(address_of(whole, row, calls, visibility) or "")))
    return mark_safe(columns_svg(columns, before))  # noqa: S308  # it escapes what it is given
