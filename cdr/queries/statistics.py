"""Compute the figures and time series of the calls that match a filter.

They describe the same calls that list, export and API return for that filter. Whole hours come from the hourly volumes
(``cdr.models.Volume``) where they can answer the conditions; the parts of hours at the ends of the range, and what is
about a caller, a Call-ID, a flag…, from the calls themselves, the newest ``LIMIT`` of them: ``capped`` says where there
may be more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, F, Func, Max, Min, Q, QuerySet, Sum, TextField, Value, When

from cdr.correlation.record import CallState, DurationKind, Outcome
from cdr.display.histogram import (
    GROUP_OF,
    OUTCOMES,
    SHORT_STEPS,
    Group,
    Series,
    Step,
    allows,
    buckets_of,
    edges,
    step_for,
)
from cdr.models import Call, Settlement, Volume
from cdr.queries.filters import CallFilter
from cdr.queries.grouping import grouped
from cdr.queries.names import NOT

LIMIT = 200_000
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MEASURED = Q(outcome=Outcome.ANSWERED.value, duration_kind=DurationKind.MEASURED.value, duration__isnull=False)
_DELIVERED = OUTCOMES[Group.ANSWERED] | OUTCOMES[Group.NOT_ANSWERED]
_UNANSWERED = (Group.NOT_ANSWERED, Group.FAILED)
_IN_VOLUMES = frozenset({"state", "outcome", "sip_code", "proxy"})
"""Conditions that volumes can answer, with the same filters as for calls."""
_OF_TIME = frozenset({"period", "since", "until"})
_MICROSECOND = timedelta(microseconds=1)
Word = TypeVar("Word")


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over calls, and rates (ITU-T E.425), which are ``None`` if there is nothing to divide by.

    ``measured`` calls were answered and have a measured duration, ``length`` in all. ``settled`` of the calls
    ``without_stop`` have an end settled by hand. ``failures`` counts the calls of group ``failed`` and ``not_taken`` by
    their final SIP code. ``capped``: only the newest calls are counted, so each sum is a lower bound.
    """

    calls: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    states: Mapping[CallState, int] = field(default_factory=dict)
    failures: Mapping[int | None, int] = field(default_factory=dict)
    measured: int = 0
    length: timedelta = timedelta()
    settled: int = 0
    capped: bool = False

    @property
    def answered(self) -> int:
        return self.outcomes.get(Outcome.ANSWERED, 0)

    @property
    def delivered(self) -> int:
        """Calls that reached the callee: answered, busy, not answered, cancelled by the caller or declined."""
        return sum(self.outcomes.get(outcome, 0) for outcome in _DELIVERED)

    @property
    def without_stop(self) -> int:
        return self.states.get(CallState.STOP_MISSING, 0)

    @property
    def asr(self) -> float | None:
        """Answer seizure ratio: answered calls of all calls, 0 to 1."""
        return self.answered / self.calls if self.calls else None

    @property
    def ner(self) -> float | None:
        """Network effectiveness ratio: delivered calls of all calls, 0 to 1."""
        return self.delivered / self.calls if self.calls else None

    @property
    def acd(self) -> timedelta | None:
        """Average call duration: the mean of the measured durations of answered calls."""
        return self.length / self.measured if self.measured else None

    @property
    def minutes(self) -> float:
        """The measured durations of answered calls in all, in minutes."""
        return self.length / timedelta(minutes=1)


def figures(call_filter: CallFilter) -> Figures:
    """Return the figures of the matching calls; all zero if the filter has errors."""
    if call_filter.form.errors:
        return Figures()
    hours, parts = portions(call_filter)
    of_calls = [_sums_of_calls(calls) for calls in parts]
    rows = [row for found in [_sums_of_hours(hours), *of_calls] for row in found]
    return Figures(
        calls=sum(row.calls for row in rows),
        outcomes=_by((Outcome(row.outcome), row.calls) for row in rows if row.outcome),
        states=_by((CallState(row.state), row.calls) for row in rows),
        failures=_by((row.sip_code, row.calls) for row in rows if GROUP_OF[row.outcome] in _UNANSWERED),
        measured=sum(row.measured for row in rows),
        length=sum((row.length for row in rows), timedelta()),
        settled=_settled(call_filter),
        capped=any(map(_is_cut, of_calls)),
    )


def exact_count(call_filter: CallFilter) -> int | None:
    """Count the matching calls from stored volumes; return ``None`` if counting would take long."""
    if call_filter.form.errors or volumes_for(call_filter) is None:
        return None
    found = figures(call_filter)
    return None if found.capped else found.calls


class _OutcomeTotals(NamedTuple):
    """Totals of the calls with the same state, outcome and SIP code."""

    state: str
    outcome: str | None
    sip_code: int | None
    calls: int
    measured: int
    length: timedelta


def _by(counts: Iterable[tuple[Word, int]]) -> dict[Word, int]:
    sums: Counter[Word] = Counter()
    for word, count in counts:
        sums[word] += count
    return {word: count for word, count in sums.items() if count}


def _is_cut(found: Sequence[_OutcomeTotals]) -> bool:
    return sum(row.calls for row in found) >= LIMIT


def _sums_of_hours(hours: QuerySet[Volume]) -> list[_OutcomeTotals]:
    kinds = hours.order_by().values_list("state", "outcome", "sip_code")
    sums = kinds.annotate(Sum("calls"), Sum("measured"), Sum("duration_us"))
    return [
        _OutcomeTotals(state, outcome, code, int(calls), int(measured), int(duration) * _MICROSECOND)
        for state, outcome, code, calls, measured, duration in sums
    ]


def _sums_of_calls(calls: QuerySet[Call]) -> list[_OutcomeTotals]:
    told = calls.annotate(
        measured=Case(When(MEASURED, then=Value(1)), default=Value(0)), length=Case(When(MEASURED, then=F("duration")))
    )
    return [
        _OutcomeTotals(state, outcome, code, found, int(measured), _length(length))
        for state, outcome, code, found, measured, length in grouped(
            told, LIMIT, ("state", "outcome", "sip_code"), ("measured", "length")
        )
    ]


def _length(summed: timedelta | int | None) -> timedelta:
    """Return a duration from a database's sum: SQLite stores durations in microseconds."""
    return summed if isinstance(summed, timedelta) else (summed or 0) * _MICROSECOND


def _settled(call_filter: CallFilter) -> int:
    """Count the calls without STOP whose end was set manually."""
    in_force = Settlement.objects.filter(revoked_at=None).values("call")
    settled: QuerySet[Call] = call_filter.qs.filter(state=CallState.STOP_MISSING.value, pk__in=in_force)
    return settled.order_by()[:LIMIT].count()


def portions(
    call_filter: CallFilter, parted: Collection[datetime] = ()
) -> tuple[QuerySet[Volume], list[QuerySet[Call]]]:
    """Return the volumes and the calls that together cover the matching calls, each once.

    Calls of ``parted`` hours are returned as calls, like those at the ends of the range.
    """
    since, until = call_filter.time_range
    first, end = since and _ceiling(since, HOUR), until and _floor(until, HOUR)
    hours = volumes_for(call_filter)
    if hours is None or (first and end and first >= end):
        return Volume.objects.none(), [call_filter.qs]
    calls = []
    if first is not None:
        hours = hours.filter(hour__gte=first)
        if first != since:
            calls.append(call_filter.qs.filter(started_at__lt=first))
    if end is not None:
        hours = hours.filter(hour__lt=end)
        if end != until:
            calls.append(call_filter.qs.filter(started_at__gte=end))
    within = [hour for hour in parted if (not first or hour >= first) and (not end or hour < end)]
    # Few of them hold calls where the range is wide, and SQLite takes no more than 1,000 alternatives.
    with_calls = set(hours.filter(hour__in=within).values_list("hour", flat=True)) if within else set()
    if with_calls:
        hours = hours.exclude(hour__in=with_calls)
        calls.append(call_filter.qs.filter(reduce(or_, map(_in_hour, sorted(with_calls)))))
    return hours, calls


def _in_hour(hour: datetime) -> Q:
    return Q(started_at__gte=hour, started_at__lt=hour + HOUR)


def volumes_for(call_filter: CallFilter) -> QuerySet[Volume] | None:
    """Return the volumes that match the conditions other than time; ``None`` if volumes cannot answer them."""
    volumes = Volume.objects.filter(call_filter.visibility.of_proxies("proxies"))
    for name, value in call_filter.form.cleaned_data.items():
        if name in _OF_TIME or value in (None, "", []) or (name, value) == ("superseded", "0"):
            continue
        if name.removeprefix(NOT) not in _IN_VOLUMES:
            return None
        volumes = call_filter.filters[name].filter(volumes, value)
    return volumes


def _floor(moment: datetime, grain: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % grain


def _ceiling(moment: datetime, grain: timedelta) -> datetime:
    floor = _floor(moment, grain)
    return floor if floor == moment else floor + grain


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def series(call_filter: CallFilter, zone: tzinfo, step: Step | None = None) -> Series:
    """Return the number of matching calls over time, in buckets of ``step`` or of what suits the range.

    The buckets cover the range asked for; where it has no end they go on to now, and where it has no beginning they
    begin with the first call. Days are those of ``zone``. A ``step`` too small for the range is ignored.
    """
    drawn_range = None if call_filter.form.errors else span(call_filter)
    if drawn_range is None:
        return Series(step or Step.HOUR, zone)
    if step is None or not allows(step, *drawn_range):
        step = step_for(*drawn_range)
    if call_filter.time_range.until is None:  # up to the end of the current minute or hour
        drawn_range = drawn_range[0], _ceiling(drawn_range[1], MINUTE if step in SHORT_STEPS else HOUR)
    places = edges(*drawn_range, step, zone)
    counted, capped = _counted(call_filter, places[1:-1], step)
    buckets, later = buckets_of(places, counted)
    return Series(step, zone, buckets, capped, later)


def span(call_filter: CallFilter) -> tuple[datetime, datetime] | None:
    """Return the range to draw; ``None`` if it is empty."""
    since, until = call_filter.time_range
    if since is None:
        extent = _extent(call_filter)
        if extent is None:
            return None
        since, until = extent[0], until or extent[1]
    elif until is None:
        until = max(call_filter.now, since + MINUTE)
    return (since, until) if since < until else None


def _extent(call_filter: CallFilter) -> tuple[datetime, datetime] | None:
    """Return the range from the hour of the first call to that of the last; ``None`` if there is no call."""
    hours, parts = portions(call_filter)
    ends = [hours.order_by().aggregate(first=Min("hour"), last=Max("hour"))]
    ends += [
        calls.order_by("-started_at", "-id")[:LIMIT].aggregate(first=Min("started_at"), last=Max("started_at"))
        for calls in parts
    ]
    found = [end for end in ends if end["first"]]
    if not found:
        return None
    return _floor(min(end["first"] for end in found), HOUR), _floor(max(end["last"] for end in found), HOUR) + HOUR


Counted = tuple[datetime, Group, int]
"""The start of an hour or minute, a group, and its number of calls."""


def _counted(call_filter: CallFilter, inner: Sequence[datetime], step: Step) -> tuple[list[Counted], bool]:
    """Count calls by start time and group, as finely as the ``inner`` edges need; tell whether calls were cut."""
    parted = {hour for edge in inner if (hour := _floor(edge, HOUR)) != edge}
    if step in SHORT_STEPS:
        return _counted_calls(call_filter.qs, _Minute("started_at"))
    hours, parts = portions(call_filter, parted)  # days begin within an hour where the zone's offset has half an hour
    kinds = hours.order_by().values_list("hour", "outcome").annotate(Sum("calls"))
    counted = [(hour, GROUP_OF[outcome], int(calls)) for hour, outcome, calls in kinds]
    capped = False
    for calls in parts:
        more, cut = _counted_calls(calls, _Minute("started_at") if parted else _Hour("started_at"))
        counted += more
        capped |= cut
    return counted, capped


def _counted_calls(calls: QuerySet[Call], clock: Func) -> tuple[list[Counted], bool]:
    counted = [
        (datetime.fromisoformat(written).replace(tzinfo=UTC), GROUP_OF[outcome], count)
        for written, outcome, count in grouped(calls.annotate(clock=clock), LIMIT, ("clock", "outcome"))
    ]
    return counted, sum(count for _, _, count in counted) >= LIMIT


class _Hour(Func):
    """The hour of a time in UTC as text, ``2026-05-31 12:00``. Faster than Django's, which calls Python on SQLite."""

    output_field = TextField()
    on_sqlite = "substr(%(expressions)s, 1, 13) || ':00'"
    on_postgresql = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00')"

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.on_sqlite, **context)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.on_postgresql, **context)


class _Minute(_Hour):
    """The minute, ``2026-05-31 12:34``."""

    on_sqlite = "substr(%(expressions)s, 1, 16)"
    on_postgresql = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"
