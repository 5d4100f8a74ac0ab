"""Calls over time above the list and on the start page: bars that lead to their calls, a legend, a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import ceil
from typing import Any
from urllib.parse import quote

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.shell import ShellMixin
from cdr.correlation.record import CallState, Outcome
from cdr.display.histogram import OUTCOMES, SHORT_STEPS, Bucket, Group, Series, Step
from cdr.display.histogram_svg import HistogramBar, svg
from cdr.display.markup import number, trimmed_decimal
from cdr.display.wording import GROUPS, Text
from cdr.queries.comparison import comparisons
from cdr.queries.filters import CallFilter
from cdr.queries.statistics import LIMIT, series
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ListAddress, list_address
from cdr.views.reader_zone import InZoneMixin

_MOST_TICKS = 9
_ROUND = (1, 2, 3, 4, 5, 6, 8, 10)
_PERCENT = "\u202f%"
_STRIDES = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)  # minutes


@dataclass(frozen=True, slots=True)
class OutcomeShare:
    """One group of the legend: its number of calls, and the address of their list."""

    group: Group
    label: Text
    meaning: Text
    count: int
    part: str
    address: ListAddress | None


@dataclass(frozen=True, slots=True)
class HistogramTableRow:
    """One bucket of the table."""

    time: str
    total: int
    counts: list[int]
    address: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis at the CSS position ``at``. ``minor`` ones are hidden on narrow screens."""

    at: str
    label: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """The context of the template of a histogram."""

    bars: SafeString
    most: int
    total: int
    step: Step
    each: Text
    zone: str
    ticks: list[Tick]
    legend: list[OutcomeShare]
    lines: list[HistogramTableRow]
    before: bool
    notes: list[str]

    @property
    def half(self) -> int:
        return self.most // 2

    @property
    def headings(self) -> list[Text]:
        """The groups, in the order of the counts of each line."""
        return [GROUPS[group].label for group in Group]


EACH: dict[Step, Text] = {
    Step.MINUTE: _("per minute"),
    Step.FIVE_MINUTES: _("per 5 minutes"),
    Step.QUARTER: _("per 15 minutes"),
    Step.HOUR: _("per hour"),
    Step.DAY: _("per day"),
    Step.WEEK: _("per week"),
    Step.MONTH: _("per month"),
    Step.YEAR: _("per year"),
}


def of_outcomes(call_filter: CallFilter, address: ListAddress, outcomes: Collection[Outcome]) -> ListAddress | None:
    """Return the address of the matching calls with one of ``outcomes``; ``None`` where the filter excludes them."""
    already = call_filter.form.cleaned_data.get("outcome") if call_filter.form.is_valid() else None
    wanted = [outcome.value for outcome in Outcome if outcome in outcomes and (not already or outcome in already)]
    return address.setting(outcome=wanted) if wanted else None


def chart(call_filter: CallFilter, address: ListAddress, step: Step | None = None) -> Chart:
    """Return the histogram of the calls that ``call_filter`` gives, in the reader's zone.

    ``address`` is that of the list of these calls: bars and legend lead to it, narrowed.
    """
    drawn = series(call_filter, timezone.get_current_timezone(), step)
    before = _before(call_filter, drawn)
    highest = max((bucket.total for bucket in drawn.buckets), default=0)
    # An earlier peak must not make the bars too small to be read.
    most = _round_up(max(highest, min(max(before, default=0), highest * 3 // 2)))
    columns = _columns(drawn, address)
    return Chart(
        bars=mark_safe(svg(columns, most, before)),  # noqa: S308  # it escapes what it is given
        most=most,
        total=drawn.total,
        step=drawn.step,
        each=EACH[drawn.step],
        zone=timezone.get_current_timezone_name(),
        ticks=_ticks(drawn),
        legend=_legend(call_filter, drawn, address),
        lines=[_line(column) for column in columns if column.bucket.total],
        before=any(before),
        notes=_notes(drawn),
    )


def _before(call_filter: CallFilter, drawn: Series) -> list[int]:
    """Count the calls of the previous period in buckets like those drawn; none where it cannot be compared."""
    previous = next(iter(comparisons(call_filter)), None)
    if previous is None or drawn.capped or not drawn.total:
        return []
    counts = [bucket.total for bucket in series(previous.call_filter, drawn.zone, drawn.step).buckets]
    return counts[: len(drawn.buckets)]


def _columns(drawn: Series, address: ListAddress) -> list[HistogramBar]:
    anytime = str(address.setting(period=None, since=None, until=None))
    joint = "&" if "?" in anytime else "?"

    def column(bucket: Bucket) -> HistogramBar:
        since, until = (quote(moment.isoformat().replace("+00:00", "Z")) for moment in (bucket.since, bucket.until))
        return HistogramBar(bucket, _title(bucket, drawn), f"{anytime}{joint}since={since}&until={until}")

    return [column(bucket) for bucket in drawn.buckets]


def _title(bucket: Bucket, drawn: Series) -> str:
    counts = [f"{number(bucket.counts[group])} {GROUPS[group].label}" for group in Group if bucket.counts[group]]
    calls = ngettext("{number} call", "{number} calls", bucket.total).format(number=number(bucket.total))
    return "\n".join([_time(bucket, drawn), calls, *counts])


def _time(bucket: Bucket, drawn: Series) -> str:
    """Return the time of a bucket in the reader's zone: a date for days, else with times."""
    since, until = bucket.since.astimezone(drawn.zone), bucket.until.astimezone(drawn.zone)
    if drawn.step in SHORT_STEPS or drawn.step is Step.HOUR:
        return f"{since:%Y-%m-%d %H:%M}–{until:%H:%M} {since.tzname()}"
    if since.time() == time.min == until.time():
        last = until.date() - timedelta(days=1)
        return f"{since:%Y-%m-%d}" if last == since.date() else f"{since:%Y-%m-%d} – {last:%Y-%m-%d}"
    return f"{since:%Y-%m-%d %H:%M} – {until:%Y-%m-%d %H:%M} {since.tzname()}"


def _line(column: HistogramBar) -> HistogramTableRow:
    when, *_counts = column.title.split("\n")
    bucket = column.bucket
    return HistogramTableRow(when, bucket.total, [bucket.counts[group] for group in Group], column.address)


def _legend(call_filter: CallFilter, drawn: Series, address: ListAddress) -> list[OutcomeShare]:
    totals = {group: sum(bucket.counts[group] for bucket in drawn.buckets) for group in Group}
    return [
        OutcomeShare(
            group,
            GROUPS[group].label,
            GROUPS[group].meaning,
            totals[group],
            percent(totals[group] / drawn.total) if drawn.total else "",
            (
                of_outcomes(call_filter, address, OUTCOMES[group])
                if OUTCOMES[group]
                else address.setting(state=CallState.SETUP.value)
            ),
        )
        for group in Group
        if totals[group] or group is not Group.SETUP
    ]


def _notes(drawn: Series) -> list[str]:
    notes = []
    if drawn.capped:
        text = gettext("Only the newest {limit} calls are shown. Narrow the range to see older ones.")
        notes.append(text.format(limit=number(LIMIT)))
    if drawn.later:
        text = ngettext(
            "{number} call has a time in the future and is not shown. Check the proxy's clock.",
            "{number} calls have times in the future and are not shown. Check the proxies' clocks.",
            drawn.later,
        )
        notes.append(text.format(number=number(drawn.later)))
    return notes


def percent(part: float) -> str:
    """Format a share with one decimal, as 0 or 100 % only if it is exactly that."""
    shown = min(max(part * 100, 0.1), 99.9) if 0 < part < 1 else part * 100
    return trimmed_decimal(shown) + _PERCENT


def _round_up(most: int) -> int:
    """Return a round number with an integer half, not below ``most``."""
    digit = int("1" + "0" * (len(str(most)) - 1))
    return next(rounded for step in _ROUND if (rounded := digit * step) >= most and rounded % 2 == 0)


def _ticks(drawn: Series) -> list[Tick]:
    """Return a few marks for the time axis, at round times of the reader's zone."""
    local = [bucket.since.astimezone(drawn.zone) for bucket in drawn.buckets]
    if not local:
        return []
    places: Sequence[int]
    if drawn.step in SHORT_STEPS or drawn.step is Step.HOUR:
        within = 0.0  # where the bucket begins
        places, written = _round_times(local)
    else:
        within = 0.5  # in the middle of its bar
        places, written = range(0, len(local), ceil(len(local) / _MOST_TICKS)), _date_writer(drawn.step)
    return [
        Tick(f"{(place + within) * 100 / len(local):.3f}%", written(local[place]), minor=turn % 2 == 1)
        for turn, place in enumerate(places)
    ]


def _round_times(local: Sequence[datetime]) -> tuple[Sequence[int], Callable[[datetime], str]]:
    places: list[int] = []
    for stride in _STRIDES:
        places = [at for at, moment in enumerate(local) if _is_round(moment, stride)]
        if len(places) <= _MOST_TICKS:
            break
    return places, lambda moment: _date(moment, "j M") if moment.time() == time.min else f"{moment:%H:%M}"


def _is_round(moment: datetime, stride: int) -> bool:
    return (moment.hour * 60 + moment.minute) % stride == 0 and not moment.second and not moment.microsecond


def _date_writer(step: Step) -> Callable[[datetime], str]:
    form = {Step.MONTH: "M Y", Step.YEAR: "Y"}.get(step, "j M")
    return lambda moment: _date(moment, form)


def _date(moment: datetime, form: str) -> str:
    return date_format(moment, form, use_l10n=False)


class Histogram(InZoneMixin, ShellMixin, TemplateView):
    """The histogram of a list of calls, loaded after the list."""

    permission_required = "cdr.view_call"
    template_name = "cdr/histogram.html"
    partial_template_name = "cdr/_histogram.html"
    title = _("Calls over time")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        from cdr.views.calls.totals import totals

        call_filter = CallFilter(self.request.GET, Visibility.of(self.request.user))
        calls = list_address(self.request.GET)
        return super().get_context_data(chart=chart(call_filter, calls), totals=totals(call_filter, calls), **kwargs)
