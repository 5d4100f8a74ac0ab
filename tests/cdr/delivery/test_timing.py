"""When schedules are due, in a zone whose clock is changed twice a year."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.delivery.timing import MOST_TRIES, next_due, next_try

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]).map(
    ZoneInfo
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("interval", "after", "due"),
    [
        ("daily", "2026-05-31 06:59", "2026-05-31 07:00"),
        ("daily", "2026-05-31 07:00", "2026-06-01 07:00"),
        ("daily", "2026-03-28 08:00", "2026-03-29 07:00"),
        ("weekly", "2026-06-01 07:00", "2026-06-08 07:00"),
        ("weekly", "2026-10-24 12:00", "2026-10-26 07:00"),
        ("monthly", "2026-01-31 07:00", "2026-02-28 07:00"),
        ("monthly", "2026-02-28 07:00", "2026-03-31 07:00"),
    ],
)
def test_it_is_due_at_the_same_time_of_the_clock(interval: str, after: str, due: str) -> None:
    assert next_due(interval, time(7), BERLIN, berlin(after), weekday=1, day=31) == berlin(due)


def test_a_time_that_the_clock_skips_is_as_much_later() -> None:
    due = next_due("daily", time(2, 30), BERLIN, berlin("2026-03-29 00:00"))
    assert due.astimezone(BERLIN).strftime("%d %H:%M") == "29 03:30"


def test_a_time_that_comes_twice_is_due_once() -> None:
    first = next_due("daily", time(2, 30), BERLIN, berlin("2026-10-25 00:00"))
    assert next_due("daily", time(2, 30), BERLIN, first) - first == timedelta(hours=25)


@given(
    st.sampled_from(["daily", "weekly", "monthly"]), st.times(), ZONES, MOMENTS, st.integers(1, 7), st.integers(1, 31)
)
def test_it_is_due_later_and_no_day_is_left_out(
    interval: str, at: time, zone: ZoneInfo, after: datetime, weekday: int, day: int
) -> None:
    due = next_due(interval, at, zone, after, weekday=weekday, day=day)
    longest = {"daily": 2, "weekly": 8, "monthly": 32}[interval]
    assert after < due <= after + timedelta(days=longest)
    again = next_due(interval, at, zone, due, weekday=weekday, day=day)
    assert due < again <= due + timedelta(days=longest)


def test_pauses_grow_and_end() -> None:
    now = berlin("2026-05-31 12:00")
    tries = [next_try(number, now) for number in range(1, MOST_TRIES + 1)]
    assert tries[-1] is None
    pauses = [one - now for one in tries if one]
    assert pauses == sorted(pauses)
    assert len(pauses) == MOST_TRIES - 1
