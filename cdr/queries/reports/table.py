"""A report as a table: its groups with their sums, counted by the database.

Whole hours come from the hourly volumes where these hold what the calls are filtered and grouped by; all else from the
calls themselves, without a limit to how many, but within a time limit and up to ``MOST_GROUPS`` groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from cdr.correlation.outcome import outcome_of
from cdr.correlation.record import CallState, DurationKind, Outcome
from cdr.display.histogram import OUTCOMES, Group
from cdr.models import Attempt, Call, Volume
from cdr.queries.filters import CallFilter
from cdr.queries.reports.definition import FIGURE, TIME, Report
from cdr.queries.reports.dimensions import PLAIN, Dimension, Key
from cdr.queries.reports.slots import RangeTooLong, SlotNumber, Slots, slots_of
from cdr.queries.reports.sums import Sums
from cdr.queries.roles import GATEWAY_VALUE, counted_at_its_own_gateway, same_gateway, value_of_role
from cdr.queries.statistics import MEASURED, portions, span, volumes_for
from cdr.queries.time_limit import TookTooLong, time_limit
from cdr.queries.visibility import Visibility
from proxyconf.vocabulary.layout import Role

MOST_GROUPS = 20_000
SECONDS = 20.0
"""So long may each statement of a report take while somebody waits for it."""
_DELIVERED = [outcome.value for outcome in OUTCOMES[Group.ANSWERED] | OUTCOMES[Group.NOT_ANSWERED]]
_DELIVERED_CODES = [code for code in range(300, 700) if outcome_of(code).value in _DELIVERED]
_ANSWERED = Q(outcome=Outcome.ANSWERED.value)
_AT_LEAST = _ANSWERED & Q(duration_kind=DurationKind.AT_LEAST.value, duration__isnull=False)
_AT_MOST = _ANSWERED & Q(duration_kind=DurationKind.AT_MOST.value, duration__isnull=False)
_NO_STOP = Q(state=CallState.STOP_MISSING.value)
_MICROSECOND = timedelta(microseconds=1)
_NOTHING = Sums()

GroupKey = tuple[tuple[Key, ...], int | None]
"""The values of the dimensions, and the number of the time slot."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of a report: the values of its dimensions, its time slot, its sums."""

    keys: tuple[Key, ...]
    slot: int | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The groups of a report in its order, and the sums over all calls.

    ``cut``: there are more groups than ``MOST_GROUPS``; those with the most calls are here, ``total`` is of all.
    ``overlapping``: a call may be in several groups. ``problem`` says why there is nothing: ``"too_long"`` (took longer
    than the limit) or ``"range"`` (more parts of time than a report may have).
    """

    report: Report
    zone: tzinfo
    rows: Sequence[GroupRow] = ()
    total: Sums = _NOTHING
    slots: Slots | None = None
    cut: bool = False
    overlapping: bool = False
    problem: str = ""


def report_table(call_filter: CallFilter, report: Report, zone: tzinfo, *, seconds: float = SECONDS) -> ReportTable:
    """Return the report over the matching calls; an empty one where the filter has errors."""
    empty = ReportTable(report, zone)
    if call_filter.form.errors:
        return empty
    try:
        with time_limit(seconds):
            return _counted(call_filter, report, zone)
    except RangeTooLong:
        return replace(empty, problem="range")
    except TookTooLong:
        return replace(empty, problem="too_long")


def _counted(call_filter: CallFilter, report: Report, zone: tzinfo) -> ReportTable:
    slots = None
    if report.per is not None:
        whole = span(call_filter)
        if whole is None:
            return ReportTable(report, zone)
        slots = slots_of(*whole, report.per, zone)
    groups = _groups(call_filter, report, slots)
    cut = len(groups) > MOST_GROUPS
    by_proxy = report.place_of("proxy") >= 0
    if cut or report.by_gateway:
        total = next(iter(_groups(call_filter, Report(figures=report.figures), None).values()), Sums())
    else:
        total = sum(groups.values(), Sums())
    if by_proxy:
        groups = _by_proxy(groups, report.place_of("proxy"), call_filter.visibility)
    rows = [GroupRow(keys, slot, sums) for (keys, slot), sums in groups.items()]
    rows = _ordered(rows, report, total)
    if cut:
        kept = sorted(range(len(rows)), key=lambda place: -rows[place].sums.calls)[:MOST_GROUPS]
        rows = [rows[place] for place in sorted(kept)]
    return ReportTable(report, zone, rows, total, slots, cut, by_proxy or report.by_gateway)


def _groups(call_filter: CallFilter, report: Report, slots: Slots | None) -> dict[GroupKey, Sums]:
    """Return the sums of each group."""
    counting = _Counting(call_filter, report, slots)
    if report.by_gateway:
        return counting.by_gateway()
    hours = volumes_for(call_filter) if all(one.in_volumes for one in report.dimensions) else None
    found = counting.from_calls(call_filter.qs) if hours is None else counting.from_volumes()
    if report.counts_attempts:
        return merged(found, counting.failed_attempts())
    return found


def merged(*parts: Mapping[GroupKey, Sums]) -> dict[GroupKey, Sums]:
    """Add up the sums of the same groups."""
    found: dict[GroupKey, Sums] = {}
    for part in parts:
        for key, sums in part.items():
            found[key] = found[key] + sums if key in found else sums
    return found


_BOUNDED = {
    "n_least": Count("pk", filter=_AT_LEAST),
    "l_least": Sum("duration", filter=_AT_LEAST),
    "n_most": Count("pk", filter=_AT_MOST),
    "l_most": Sum("duration", filter=_AT_MOST),
}
_OF_CALLS = {
    "n_calls": Count("pk"),
    "n_answered": Count("pk", filter=_ANSWERED),
    "n_delivered": Count("pk", filter=Q(outcome__in=_DELIVERED)),
    "n_measured": Count("pk", filter=MEASURED),
    "l_measured": Sum("duration", filter=MEASURED),
    "n_no_stop": Count("pk", filter=_NO_STOP),
}
_OF_VOLUMES = {
    "n_calls": Sum("calls"),
    "n_answered": Sum("calls", filter=_ANSWERED),
    "n_delivered": Sum("calls", filter=Q(outcome__in=_DELIVERED)),
    "n_measured": Sum("measured"),
    "l_measured": Sum("duration_us"),
    "n_no_stop": Sum("calls", filter=_NO_STOP),
}


class _Counting:
    """The queries of one report, or of its total."""

    def __init__(self, call_filter: CallFilter, report: Report, slots: Slots | None) -> None:
        self._filter = call_filter
        self._dimensions = report.dimensions
        self._slots = slots

    def from_calls(self, calls: QuerySet[Call], *, bounded: bool = True) -> dict[GroupKey, Sums]:
        """Count calls; without the sums of bounded durations where these are counted elsewhere."""
        figures = _OF_CALLS | (_BOUNDED if bounded else {})
        rows = self._grouped(calls, self._keys(), figures, "started_at")
        return {key: _sums(values) for key, values in rows}

    def from_volumes(self) -> dict[GroupKey, Sums]:
        """Count whole hours by their volumes, and the calls of the rest; bounded durations have an index."""
        inner = self._slots.inner if self._slots else ()
        parted = {hour for place in inner if (hour := place.replace(minute=0, second=0)) != place}
        hours, calls = portions(self._filter, parted)
        volumes = {key: _sums(values) for key, values in self._of_hours(hours)}
        parts = [self.from_calls(portion, bounded=False) for portion in calls]
        return merged(volumes, *parts, self._bounded())

    def _of_hours(self, hours: QuerySet[Volume]) -> list[tuple[GroupKey, dict[str, Any]]]:
        return self._grouped(hours, self._keys(), _OF_VOLUMES, "hour")

    def _bounded(self) -> dict[GroupKey, Sums]:
        kinds = [DurationKind.AT_LEAST.value, DurationKind.AT_MOST.value]
        calls = self._filter.qs.filter(duration_kind__in=kinds)
        return {key: _sums(values) for key, values in self._grouped(calls, self._keys(), _BOUNDED, "started_at")}

    def failed_attempts(self) -> dict[GroupKey, Sums]:
        """Count the failed attempts of the calls, at the groups of the calls."""
        attempts = Attempt.objects.filter(call__in=self._filter.qs.order_by().values("pk"))
        rows = self._grouped(attempts, self._keys("call__"), {"n_failed": Count("pk")}, "call__started_at")
        return {key: Sums(failed_attempts=int(values["n_failed"])) for key, values in rows}

    def by_gateway(self) -> dict[GroupKey, Sums]:
        """Count answers and failed attempts where they happened; a call is in the group of each gateway it was at."""
        own = self.from_calls(self._filter.qs.filter(counted_at_its_own_gateway()))
        attempts = Attempt.objects.filter(call__in=self._filter.qs.order_by().values("pk"))
        attempts = attempts.alias(**{GATEWAY_VALUE: value_of_role(Role.GATEWAY, "call__")})
        keys = self._keys("call__") | {self._name(PLAIN["gateway"]): F("gateway")}
        figures = {
            "n_failed": Count("pk"),
            "n_delivered": Count("pk", filter=Q(code__in=_DELIVERED_CODES)),
            "n_calls": Count("call", distinct=True),
            "n_both": Count("call", distinct=True, filter=same_gateway("call__")),
        }
        failed = {
            key: Sums(
                calls=values["n_calls"] - values["n_both"],
                seizures=values["n_failed"],
                delivered=values["n_delivered"],
                failed_attempts=values["n_failed"],
            )
            for key, values in self._grouped(attempts, keys, figures, "call__started_at")
        }
        return merged(own, failed)

    def _keys(self, prefix: str = "") -> dict[str, Any]:
        return {self._name(one): one.expression(prefix) for one in self._dimensions}

    def _name(self, dimension: Dimension) -> str:
        return f"k_{self._dimensions.index(dimension)}"

    def _grouped(
        self, rows: QuerySet[Any], keys: Mapping[str, Any], figures: Mapping[str, Any], time: str
    ) -> list[tuple[GroupKey, dict[str, Any]]]:
        """Return the figures of each group, of the largest ones where there are too many."""
        slot = {"slot": SlotNumber(time, self._slots)} if self._slots else {}
        if not slot and not keys:
            return [(((), None), rows.order_by().aggregate(**figures))]
        named = rows.order_by().annotate(**slot, **keys).values(*slot, *keys)
        largest = next(iter(figures))
        found = named.annotate(**figures).order_by(F(largest).desc(), *keys, *slot)[: MOST_GROUPS + 1]
        return [(_group_key(values, keys), values) for values in found]


def _group_key(values: Mapping[str, Any], keys: Iterable[str]) -> GroupKey:
    return tuple(_key(values[name]) for name in keys), values.get("slot")


def _key(value: Any) -> Key:
    if isinstance(value, list):
        return tuple(value)
    return None if value == "" else value


def _sums(values: Mapping[str, Any]) -> Sums:
    calls = int(values.get("n_calls") or 0)
    return Sums(
        calls=calls,
        seizures=calls,
        answered=int(values.get("n_answered") or 0),
        delivered=int(values.get("n_delivered") or 0),
        measured=int(values.get("n_measured") or 0),
        length=_length(values.get("l_measured")),
        at_least=int(values.get("n_least") or 0),
        least_length=_length(values.get("l_least")),
        at_most=int(values.get("n_most") or 0),
        most_length=_length(values.get("l_most")),
        no_stop=int(values.get("n_no_stop") or 0),
    )


def _length(summed: Any) -> timedelta:
    """Return a sum of durations: the volumes hold microseconds."""
    return summed if isinstance(summed, timedelta) else int(summed or 0) * _MICROSECOND


def _by_proxy(groups: Mapping[GroupKey, Sums], place: int, visibility: Visibility) -> dict[GroupKey, Sums]:
    """Put the calls that several proxies took part in into the group of each that may be seen."""
    parts: list[dict[GroupKey, Sums]] = []
    for (keys, slot), sums in groups.items():
        names = keys[place] if isinstance(keys[place], tuple) else ()
        assert isinstance(names, tuple)
        shown = filter(visibility.reaches, names)
        parts += [{((*keys[:place], name, *keys[place + 1 :]), slot): sums} for name in shown]
    return merged(*parts)


def _ordered(rows: list[GroupRow], report: Report, total: Sums) -> list[GroupRow]:
    """Sort the rows; rows alike there stand in the order of time, then of most calls, then of their names."""
    rows.sort(key=lambda row: (row.slot or 0, -row.sums.calls, tuple(map(_text_of, row.keys))))
    if report.sort == TIME:
        rows.sort(key=lambda row: row.slot or 0, reverse=report.descending)
    elif (place := report.place_of(report.sort)) >= 0:
        rows.sort(key=lambda row: _text_of(row.keys[place]), reverse=report.descending)
    else:
        rows.sort(key=lambda row: _number_of(row, report.sort, total), reverse=report.descending)
    return rows


def _text_of(key: Key) -> tuple[bool, int, str]:
    return key is None, key if isinstance(key, int) else 0, "" if key is None else str(key)


def _number_of(row: GroupRow, name: str, total: Sums) -> float:
    value = FIGURE[name].value(row.sums, total)
    return value.total_seconds() if isinstance(value, timedelta) else -1.0 if value is None else float(value)
