"""Trend lines of a range: ASR, NER and ACD over time, drawn above those of the previous period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.shell import ShellMixin
from cdr.display.clocks import clock
from cdr.display.trend_svg import line_svg
from cdr.display.wording import Text
from cdr.queries.comparison import comparisons
from cdr.queries.filters import CallFilter
from cdr.queries.reports.definition import FIGURE, Figure, Report
from cdr.queries.reports.slots import Per
from cdr.queries.reports.table import ReportTable, report_table
from cdr.queries.statistics import span
from cdr.queries.visibility import Visibility
from cdr.views.reader_zone import InZoneMixin
from cdr.views.reports.report_cells import cell, values_by_slot

_FIGURES = ("asr", "ner", "acd")
_SHORTEST = timedelta(hours=6)
_PERS = (
    (timedelta(days=3), Per.HOUR),
    (timedelta(days=100), Per.DAY),
    (timedelta(days=4 * 365), Per.WEEK),
    (timedelta.max, Per.MONTH),
)
"""The longest range drawn with each step. Rates of few calls vary too much to show a trend."""
_SECONDS = 5.0
"""Trends are an extra on the page and must not hold up the database."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over time: its value over the whole range, its line, and the value at the top of the drawing."""

    name: str
    label: Text
    meaning: Text
    value: str
    line: SafeString
    top: str


class Trends(InZoneMixin, ShellMixin, TemplateView):
    """The trend lines of the range in the address; the overview loads them after everything else."""

    permission_required = "cdr.view_call"
    template_name = "cdr/trends.html"
    partial_template_name = "cdr/_trends.html"
    title = _("Trends")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        call_filter = CallFilter(self.request.GET, Visibility.of(self.request.user))
        return super().get_context_data(trends=trends(call_filter), **kwargs)


def trends(call_filter: CallFilter) -> list[Trend]:
    """Return the trend lines of the matching calls; none for a short range, or if counting takes too long."""
    drawn_range = None if call_filter.form.errors else span(call_filter)
    if drawn_range is None or drawn_range[1] - drawn_range[0] < _SHORTEST:
        return []
    per = next(per for longest, per in _PERS if drawn_range[1] - drawn_range[0] <= longest)
    zone = timezone.get_current_timezone()
    report = Report(per=per, figures=tuple(FIGURE[name] for name in _FIGURES))
    now = report_table(call_filter, report, zone, seconds=_SECONDS)
    if now.problem or not now.rows or now.slots is None:
        return []
    previous = next(iter(comparisons(call_filter)), None)
    before = report_table(previous.call_filter, report, zone, seconds=_SECONDS) if previous else None
    return [_trend(FIGURE[name], now, before) for name in _FIGURES]


def _trend(figure: Figure, now: ReportTable, before: ReportTable | None) -> Trend:
    values = values_by_slot(figure, now)
    older = values_by_slot(figure, before)[: len(values)] if before else []
    top = 1.0
    if figure.name == "acd":
        top = max([value or 0.0 for value in (*values, *older)], default=0.0) or 1.0
    written = cell(figure, now.total, now.total)
    most = clock(timedelta(seconds=top)) if figure.name == "acd" else "100\u202f%"
    line = mark_safe(line_svg(values, older, most=top))  # noqa: S308  # numbers alone
    return Trend(figure.name, figure.label, figure.meaning, written, line, most)
