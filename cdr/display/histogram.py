"""Divide a time range into buckets, and the calls of a bucket into groups. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from cdr.correlation.record import Outcome

MOST_BUCKETS = 800


class Group(StrEnum):
    """The groups of calls in a bar, from bottom to top."""

    ANSWERED = "answered"
    NOT_ANSWERED = "not_taken"  # reached the callee, who did not answer
    FAILED = "failed"
    SETUP = "setup"  # no outcome yet


OUTCOMES: Mapping[Group, frozenset[Outcome]] = {
    Group.ANSWERED: frozenset({Outcome.ANSWERED}),
    Group.NOT_ANSWERED: frozenset({Outcome.BUSY, Outcome.NO_ANSWER, Outcome.CANCELLED, Outcome.DECLINED}),
    Group.FAILED: frozenset({Outcome.NOT_FOUND, Outcome.REDIRECTED, Outcome.UNAUTHORIZED, Outcome.FAILED}),
    Group.SETUP: frozenset(),
}
GROUP_OF: Mapping[str | None, Group] = {
    None: Group.SETUP,
    **{outcome.value: group for group, outcomes in OUTCOMES.items() for outcome in outcomes},
}
"""The group of each outcome as stored."""


class Step(StrEnum):
    """The length of a bucket. Days and longer steps follow a time zone: a day may have 23 or 25 hours."""

    MINUTE = "minute"
    FIVE_MINUTES = "5min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


SHORT_STEPS = frozenset({Step.MINUTE, Step.FIVE_MINUTES, Step.QUARTER})
_LENGTHS: Mapping[Step, timedelta] = {
    Step.MINUTE: timedelta(minutes=1),
    Step.FIVE_MINUTES: timedelta(minutes=5),
    Step.QUARTER: timedelta(minutes=15),
    Step.HOUR: timedelta(hours=1),
    Step.DAY: timedelta(days=1),
    Step.WEEK: timedelta(days=7),
    Step.MONTH: timedelta(days=30),
    Step.YEAR: timedelta(days=365),
}
_LONGEST_RANGE: Mapping[Step, timedelta] = {
    Step.MINUTE: timedelta(hours=2),
    Step.FIVE_MINUTES: timedelta(hours=8),
    Step.QUARTER: timedelta(hours=12),
    Step.HOUR: timedelta(days=8),
    Step.DAY: timedelta(days=200),
    Step.WEEK: timedelta(days=4 * 365),
    Step.MONTH: timedelta(days=20 * 365),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The calls that started from ``since`` (inclusive) to ``until`` (exclusive), both UTC."""

    since: datetime
    until: datetime
    counts: Mapping[Group, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Series:
    """Consecutive buckets without gaps.

    ``capped``: the oldest calls are not counted (see ``cdr.queries.statistics``). ``later`` is the number of calls that
    start after the last bucket, because the clocks of their proxies are ahead.
    """

    step: Step
    zone: tzinfo
    buckets: Sequence[Bucket] = field(default_factory=tuple)
    capped: bool = False
    later: int = 0

    @property
    def total(self) -> int:
        return sum(bucket.total for bucket in self.buckets)


def step_for(since: datetime, until: datetime) -> Step:
    """Return the step that divides the range into some dozens of buckets, at most 200 for up to 20 years."""
    length = until - since
    return next((step for step, longest in _LONGEST_RANGE.items() if length <= longest), Step.YEAR)


def allows(step: Step, since: datetime, until: datetime) -> bool:
    """Tell whether the range has few enough buckets of ``step`` to be drawn."""
    return (until - since) / _LENGTHS[step] <= MOST_BUCKETS


def edges(since: datetime, until: datetime, step: Step, zone: tzinfo) -> list[datetime]:
    """Return the bounds (UTC) of the buckets of ``step`` in the range, including its start and end.

    Buckets of up to an hour are aligned to UTC, longer ones to the start of a day in ``zone``.
    """
    if until <= since:
        return []
    bounds = [since.astimezone(UTC)]
    if step in (Step.DAY, Step.WEEK, Step.MONTH, Step.YEAR):
        day = _first_day(since.astimezone(zone).date(), step)
        while (edge := _midnight(day, zone)) < until:
            if edge > since:
                bounds.append(edge)
            day = _next_day(day, step)
    else:
        length = _LENGTHS[step]
        edge = _EPOCH + (since - _EPOCH) // length * length + length
        while edge < until:
            bounds.append(edge)
            edge += length
    return [*bounds, until.astimezone(UTC)]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return the start of a day; if the clock skips midnight, the time of the change; if it repeats, the first one."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _first_day(day: date, step: Step) -> date:
    match step:
        case Step.WEEK:
            return day - timedelta(days=day.weekday())
        case Step.MONTH:
            return day.replace(day=1)
        case Step.YEAR:
            return day.replace(month=1, day=1)
    return day


def _next_day(day: date, step: Step) -> date:
    match step:
        case Step.WEEK:
            return day + timedelta(days=7)
        case Step.MONTH:
            return (day + timedelta(days=31)).replace(day=1)
        case Step.YEAR:
            return day.replace(year=day.year + 1)
    return day + timedelta(days=1)


def buckets_of(bounds: Sequence[datetime], counted: Iterable[tuple[datetime, Group, int]]) -> tuple[list[Bucket], int]:
    """Sum counts (start time, group, number of calls) into the buckets between ``bounds``.

    Returns the buckets and the number of calls after the last one. Counts before the first bucket belong to it, because
    a count of a whole minute or hour has the time of its start.
    """
    sums = [dict.fromkeys(Group, 0) for _ in bounds[1:]]
    later = 0
    for moment, group, count in counted:
        index = max(bisect_right(bounds, moment) - 1, 0)
        if index < len(sums):
            sums[index][group] += count
        else:
            later += count
    return [Bucket(since, until, own) for since, until, own in zip(bounds, bounds[1:], sums, strict=False)], later
