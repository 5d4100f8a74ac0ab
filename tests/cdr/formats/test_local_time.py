"""The proxy's wall clock to UTC, in the hours that a DST change repeats and skips too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.local_time import to_utc

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour
ZONES = (UTC, BERLIN, NEW_YORK, LORD_HOWE, ZoneInfo("Asia/Kolkata"), timezone(timedelta(hours=-3)))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        (UTC, "2026-10-25 02:30:00", "2026-10-25 02:30:00"),
        (BERLIN, "2026-07-01 12:00:00.25", "2026-07-01 10:00:00.25"),
        (BERLIN, "2026-12-01 12:00:00", "2026-12-01 11:00:00"),
        (NEW_YORK, "2026-11-22 18:23:10", "2026-11-22 23:23:10"),
    ],
)
def test_a_plain_hour_has_one_moment(zone: ZoneInfo, wall: str, moment: str) -> None:
    assert to_utc(datetime.fromisoformat(wall), zone) == (utc(moment), False)


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        (BERLIN, "2026-10-25 02:30:00", "2026-10-25 00:30:00"),
        (NEW_YORK, "2026-11-01 01:00:00", "2026-11-01 05:00:00"),
        (LORD_HOWE, "2026-04-05 01:45:00", "2026-04-04 14:45:00"),
    ],
)
def test_the_repeated_hour_means_its_first_pass_and_is_ambiguous(zone: ZoneInfo, wall: str, moment: str) -> None:
    assert to_utc(datetime.fromisoformat(wall), zone) == (utc(moment), True)


def test_the_missing_hour_is_read_as_if_the_clock_had_not_changed_and_is_ambiguous() -> None:
    assert to_utc(datetime(2026, 3, 29, 2, 30), BERLIN) == (utc("2026-03-29 01:30:00"), True)


def test_the_seconds_around_a_doubtful_hour_are_certain() -> None:
    walls = ["2026-10-25 01:59:59", "2026-10-25 03:00:00", "2026-03-29 01:59:59", "2026-03-29 03:00:00"]
    assert not any(to_utc(datetime.fromisoformat(wall), BERLIN)[1] for wall in walls)


def test_which_pass_a_driver_marked_does_not_count() -> None:
    wall = datetime(2026, 10, 25, 2, 30)
    assert to_utc(wall.replace(fold=1), BERLIN) == to_utc(wall, BERLIN)


@pytest.mark.parametrize(("wall", "zone"), [(datetime.min, BERLIN), (datetime.max, NEW_YORK)])
def test_a_moment_outside_of_the_calendar_is_a_value_error(wall: datetime, zone: ZoneInfo) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        to_utc(wall, zone)


@given(MOMENTS, st.sampled_from(ZONES))
def test_what_a_clock_shows_leads_back_to_the_moment_unless_it_is_ambiguous(moment: datetime, zone: ZoneInfo) -> None:
    found, ambiguous = to_utc(moment.astimezone(zone).replace(tzinfo=None), zone)
    assert found == moment or (ambiguous and timedelta(0) < moment - found <= timedelta(hours=1))
