"""The time of a report: how its range is cut into slots, and which slot a call belongs to, in the database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, IntegerField
from django.utils.translation import gettext_lazy as _

from cdr.display.histogram import Step, edges
from cdr.display.wording import Text

MOST_PARTS = 10_000
"""So many hours, days… a range may be cut into."""
_QUARTER, _HOUR = timedelta(minutes=15), timedelta(hours=1)


class Per(StrEnum):
    """What calls are told apart by in time."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    WEEKDAY = "weekday"
    HOUR_OF_DAY = "hour_of_day"


LABELS: dict[Per, Text] = {
    Per.HOUR: _("Hour"),
    Per.DAY: _("Day"),
    Per.WEEK: _("Week"),
    Per.MONTH: _("Month"),
    Per.WEEKDAY: _("Weekday"),
    Per.HOUR_OF_DAY: _("Hour of day"),
}
_RECURRING = {Per.WEEKDAY: 7, Per.HOUR_OF_DAY: 24}
_LENGTHS = {
    Per.HOUR: _HOUR,
    Per.DAY: timedelta(days=1),
    Per.WEEK: timedelta(days=7),
    Per.MONTH: timedelta(days=28),
    Per.WEEKDAY: timedelta(days=1),
    Per.HOUR_OF_DAY: _HOUR,
}


class TimeSlot(NamedTuple):
    """A slot of time. A recurring one (a weekday, an hour of the day) has a ``number`` and no ends."""

    number: int
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a range. ``inner`` are the moments (UTC) at which one part ends and the next begins; ``classes``
    gives each part its slot where slots recur.
    """

    per: Per
    zone: tzinfo
    inner: tuple[datetime, ...]
    slots: tuple[TimeSlot, ...]
    classes: tuple[int, ...] = ()

    def slot_of(self, moment: datetime) -> int:
        """Return the number of the slot that a moment lies in."""
        part = bisect_right(self.inner, moment)
        return self.classes[part] if self.classes else part


class RangeTooLong(ValueError):
    """A range has more than ``MOST_PARTS`` parts."""


def slots_of(since: datetime, until: datetime, per: Per, zone: tzinfo) -> Slots:
    """Cut a range (UTC) into slots of ``zone``: a day may have 23 or 25 hours. Raise ``RangeTooLong``."""
    if (until - since) / _LENGTHS[per] > MOST_PARTS:
        raise RangeTooLong
    places = _places(since, until, per, zone)
    inner = tuple(places[1:-1])
    if per not in _RECURRING:
        parts = enumerate(pairwise(places))
        return Slots(per, zone, inner, tuple(TimeSlot(number, *ends) for number, ends in parts))
    beginnings = (moment.astimezone(zone) for moment in places[:-1])
    classes = tuple(at.weekday() if per is Per.WEEKDAY else at.hour for at in beginnings)
    return Slots(per, zone, inner, tuple(TimeSlot(number) for number in range(_RECURRING[per])), classes)


def _places(since: datetime, until: datetime, per: Per, zone: tzinfo) -> list[datetime]:
    """Return the ends of the range with the places between its parts."""
    match per:
        case Per.HOUR | Per.HOUR_OF_DAY:
            return _hours(since.astimezone(UTC), until.astimezone(UTC), zone)
        case Per.WEEKDAY:
            return edges(since, until, Step.DAY, zone)
    return edges(since, until, Step(per.value), zone)


def _hours(since: datetime, until: datetime, zone: tzinfo) -> list[datetime]:
    """Return the places where hours of ``zone`` begin; offsets have half and quarter hours in some zones."""
    first = since.replace(minute=0, second=0, microsecond=0)
    whole = all(_is_whole(first + n * (until - first) / 12, zone) for n in range(13))
    step = _HOUR if whole else _QUARTER
    found, place = [since], first + step
    while place < until:
        if place > since and (whole or place.astimezone(zone).minute == 0):
            found.append(place)
        place += step
    return [*found, until]


def _is_whole(moment: datetime, zone: tzinfo) -> bool:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return not offset % _HOUR


class SlotNumber(Func):
    """The slot of a column with times, as ``Slots.slot_of`` gives it."""

    output_field = IntegerField()

    def __init__(self, column: str, slots: Slots) -> None:
        super().__init__(column)
        self.slots = slots

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        if not self.slots.inner:
            return "%s::integer", [self.slots.classes[0] if self.slots.classes else 0]
        part, parameters = f"width_bucket({column}, %s::timestamptz[])", [*parameters, list(self.slots.inner)]
        if not self.slots.classes:
            return part, parameters
        return f"(%s::integer[])[1 + {part}]", [list(self.slots.classes), *parameters]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """Call a function that looks the slot up in the places as SQLite holds times: text in UTC."""
        inner = [f"{place.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for place in self.slots.inner]
        function = _lookup(inner, self.slots.classes)
        connection.ensure_connection()
        connection.connection.create_function("accweb_slot", 1, function, deterministic=True)
        return self.as_sql(compiler, connection, function="accweb_slot", **context)


def _lookup(inner: Sequence[str], classes: Sequence[int]) -> Any:
    if classes:
        return lambda text: classes[bisect_right(inner, text)]
    return lambda text: bisect_right(inner, text)
