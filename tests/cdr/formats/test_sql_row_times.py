"""The times of rows: zones, changes of the clock, Julian days and Kamailio's time columns."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, SECOND
from cdr.formats.reading import Reading
from cdr.formats.sql_row import AccTable
from proxyconf.vocabulary.layout import TimeLayout
from tests.cdr.formats.table_rows import BERLIN, CDRS, CORE, INVITE, NOON, event, reading, rejection, with_cell

# --- times ------------------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)))
def test_a_julian_day_tells_the_second_that_was_written(wall: datetime) -> None:
    wall = wall.replace(microsecond=0)
    day = 2440587.5 + (wall - datetime(1970, 1, 1)) / timedelta(days=1)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE acc (time TIMESTAMP WITHOUT TIME ZONE)")
        database.execute("INSERT INTO acc VALUES (?)", [day])
        ((number, text),) = database.execute("SELECT time, CAST(time AS text) FROM acc")
    for cell in (number, text):
        assert event(CORE, with_cell("time", cell)).time == wall.replace(tzinfo=UTC)


def test_a_julian_day_in_the_hour_that_comes_twice_is_flagged() -> None:
    row = with_cell("time", "2461338.60416667")  # 2026-10-25 02:30:00
    assert event(CORE, row, Reading(zone=BERLIN)).flags == ("ambiguous_time",)


def test_a_dialogs_times_may_be_julian_days() -> None:
    found = event(CDRS, (1, "2461162.0", 2461162.0005, "42.5"), table=AccTable.ACC_CDRS)
    assert (found.time, found.ended_at) == (NOON, NOON + timedelta(seconds=43))


@pytest.mark.parametrize(
    ("wall", "moment", "precision"),
    [
        ("2026-05-01 14:00:00", NOON, SECOND),
        ("2026-05-01T14:00:00", NOON, SECOND),
        (b"2026-05-01 14:00:00", NOON, SECOND),
        (datetime(2026, 5, 1, 14), NOON, SECOND),
        ("2026-05-01 14:00:00.5", NOON + timedelta(seconds=0.5), 100_000),
        (datetime(2026, 5, 1, 14, 0, 0, 250), NOON + timedelta(microseconds=250), MICROSECOND),
        ("2026-05-01 12:00:00+00", NOON, SECOND),
        ("2026-05-01 12:00:00Z", NOON, SECOND),
        (datetime(2026, 5, 1, 8, tzinfo=timezone(timedelta(hours=-4))), NOON, SECOND),
        (1777636800, NOON, SECOND),
        (2461162.0833333333, NOON, SECOND),  # Kamailio's db_sqlite: a Julian day of local time
        ("2461162.08333333", NOON, SECOND),
    ],
)
def test_time_is_the_proxys_wall_clock_unless_it_has_an_offset(wall: object, moment: datetime, precision: int) -> None:
    found = event(CORE, with_cell("time", wall), Reading(zone=BERLIN))
    assert (found.time, found.precision, found.flags) == (moment, precision, ())


@pytest.mark.parametrize(
    ("wall", "moment"),
    [
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_the_doubtful_hours_of_a_dst_change_are_flagged(wall: str, moment: datetime) -> None:
    found = event(CORE, with_cell("time", wall), Reading(zone=BERLIN))
    assert (found.time, found.flags) == (moment, ("ambiguous_time",))


def test_a_dialog_that_ends_in_a_doubtful_hour_is_flagged() -> None:
    row = (1, "2026-10-25 01:59:00", "2026-10-25 02:01:00", "120")
    assert event(CDRS, row, Reading(zone=BERLIN), AccTable.ACC_CDRS).flags == ("ambiguous_time",)


@pytest.mark.parametrize(
    ("mode", "attr", "exten", "moment", "precision"),
    [
        (1, 1792888200, 5, "2026-10-25 00:30:00.000005", MICROSECOND),
        (1, "1792891800", "500000", "2026-10-25 01:30:00.5", MICROSECOND),
        (2, 1792891800.334719, None, "2026-10-25 01:30:00.334719", MICROSECOND),
        (2, "1792891800.3347192", "77", "2026-10-25 01:30:00.334719", MICROSECOND),
        (4, "2026-10-25 01:30:00", "", "2026-10-25 01:30:00", SECOND),
        (0, "1792891800", "500000", "2026-10-25 01:30:00.5", MICROSECOND),  # found without being configured
        (0, "1792891800.25", None, "2026-10-25 01:30:00.25", MICROSECOND),
    ],
)
def test_the_time_columns_of_kamailio_settle_what_the_wall_clock_leaves_open(
    mode: int, attr: object, exten: object, moment: str, precision: int
) -> None:
    row = (*with_cell("time", "2026-10-25 02:30:00"), attr, exten)
    found = event((*CORE, "time_attr", "time_exten"), row, reading(BERLIN, time=TimeLayout(mode=mode)))
    assert (found.time, found.precision) == (datetime.fromisoformat(moment).replace(tzinfo=UTC), precision)
    assert (found.flags, found.extra) == ((), ())


@pytest.mark.parametrize(
    ("mode", "attr"), [(3, "2026-05-01 14:00:00"), (0, "2026-05-01 12:00:00"), (1, None), (2, 0), (4, "")]
)
def test_time_stands_where_the_time_columns_tell_nothing_better(mode: int, attr: object) -> None:
    zoned = reading(BERLIN, time=TimeLayout(mode=mode))
    found = event((*CORE, "time_attr"), (*with_cell("time", "2026-05-01 14:00:00"), attr), zoned)
    assert (found.time, found.precision, found.extra) == (NOON, SECOND, ())


def test_the_time_columns_may_have_other_names_and_forms() -> None:
    times = TimeLayout(mode=4, attr="at", format="%d.%m.%Y %H:%M:%S %z")
    found = event((*CORE, "at"), (*INVITE, "01.05.2026 13:00:00 +0100"), reading(time=times))
    assert found.time == NOON


def test_a_table_without_the_configured_time_columns_has_its_time() -> None:
    assert event(CORE, INVITE, reading(time=TimeLayout(mode=1))).time == NOON


@pytest.mark.parametrize(
    ("layout", "attr", "remedy"),
    [
        (TimeLayout(mode=1), "2026-05-01 12:00:00", "correct the time mode"),
        (TimeLayout(mode=2), "12", "correct the time mode"),
        (TimeLayout(mode=4), "1777636800", "correct the time format"),
        (TimeLayout(mode=4, format="%H:%M:%S"), "12:00:00", "correct the time format"),
        (TimeLayout(mode=4, format="%"), "12:00:00", "correct the time format"),
    ],
)
def test_time_columns_against_the_layout_reject_the_row(layout: TimeLayout, attr: str, remedy: str) -> None:
    assert remedy in rejection((*CORE, "time_attr"), (*INVITE, attr), reading(time=layout))
