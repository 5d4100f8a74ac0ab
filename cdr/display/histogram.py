"""Calls over time, pure: how a range is cut into buckets, and what the calls of a bucket are told apart by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from cdr.correlation.record import Outcome

MOST_BUCKETS = 800


class Group(StrEnum):
    """What calls are told apart by in a chart, from the bottom of a bar to its top."""

    ANSWERED = "answered"
    NOT_ANSWERED = "not_taken"  # reached the callee, who did not take it
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
"""The group of each outcome as it is stored."""


class Step(StrEnum):
    """How long a bucket is. Days and longer are those of a zone: a day may have 23 or 25 hours."""

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
    """Buckets one after the other, without gaps. ``capped``: the oldest calls are not counted
    (see ``cdr.queries.statistics``).

    ``later`` calls start after the last bucket: their proxies' clocks are ahead.
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
    """Return the step that cuts the range into some dozens of buckets, two hundred at most up to 20 years."""
    length = until - since
    return next((step for step, longest in _LONGEST_RANGE.items() if length <= longest), Step.YEAR)


def allows(step: Step, since: datetime, until: datetime) -> bool:
    """Tell whether the range in buckets of ``step`` can still be drawn."""
    return (until - since) / _LENGTHS[step] <= MOST_BUCKETS


def edges(since: datetime, until: datetime, step: Step, zone: tzinfo) -> list[datetime]:
    """Return where buckets of ``step`` begin and end (UTC) so that they cover the range; its ends are edges as well.

    Buckets up to an hour begin at whole ones of UTC; longer ones at the first moment of a day of ``zone``.
    """
    if until <= since:
        return []
    found = [since.astimezone(UTC)]
    if step in (Step.DAY, Step.WEEK, Step.MONTH, Step.YEAR):
        day = _first_day(since.astimezone(zone).date(), step)
        while (edge := _midnight(day, zone)) < until:
            if edge > since:
                found.append(edge)
            day = _next_day(day, step)
    else:
        length = _LENGTHS[step]
        edge = _EPOCH + (since - _EPOCH) // length * length + length
        while edge < until:
            found.append(edge)
            edge += length
    return [*found, until.astimezone(UTC)]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day. Where the clock skips midnight, that is the moment it skips; where midnight
    comes twice, the first one.
    """
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


def buckets_of(places: Sequence[datetime], counted: Iterable[tuple[datetime, Group, int]]) -> tuple[list[Bucket], int]:
    """Put what was counted (from a moment on, of a group, how many) into the buckets between ``places``.

    Returns them and how many calls start after the last. What starts before the first belongs to it: a count of a
    whole minute or hour is dated by its beginning.
    """
    sums = [dict.fromkeys(Group, 0) for _ in places[1:]]
    later = 0
    for moment, group, count in counted:
        at = max(bisect_right(places, moment) - 1, 0)
        if at < len(sums):
            sums[at][group] += count
        else:
            later += count
    return [Bucket(since, until, own) for since, until, own in zip(places, places[1:], sums, strict=False)], later
