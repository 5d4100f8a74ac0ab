"""When a schedule is due, and when a failed run is tried again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
_DAY = timedelta(days=1)
_PAUSES = (1, 5, 15, 60, 180, 360, 720)  # minutes
MOST_TRIES = len(_PAUSES) + 1


def next_due(interval: str, at: time, zone: tzinfo, after: datetime, *, weekday: int = 1, day: int = 1) -> datetime:
    """Return the first time after ``after`` that a schedule is due, in UTC.

    ``at`` is a time of the clock of ``zone``: where the clock skips it, the schedule is due as much later, where it
    comes twice, at the first. A ``day`` that a month does not have is its last.
    """
    candidate = after.astimezone(zone).date()
    while True:
        moment = datetime.combine(candidate, at, zone).astimezone(UTC)
        if moment > after and _matches(candidate, interval, weekday, day):
            return moment
        candidate += _DAY


def _matches(candidate: date, interval: str, weekday: int, day: int) -> bool:
    if interval == WEEKLY:
        return candidate.isoweekday() == weekday
    if interval == MONTHLY:
        last = ((candidate.replace(day=1) + 31 * _DAY).replace(day=1) - _DAY).day
        return candidate.day == min(day, last)
    return True


def next_try(tries: int, now: datetime) -> datetime | None:
    """Return when a run that failed ``tries`` times is tried again; ``None``: no more."""
    return now + timedelta(minutes=_PAUSES[tries - 1]) if 1 <= tries < MOST_TRIES else None
