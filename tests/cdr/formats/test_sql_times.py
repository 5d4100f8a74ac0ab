"""The times in SQL rows, in every form in which databases give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, SECOND, Unparsable
from cdr.formats.sql_times import SqlTime, clock_in, finer_time, read_time, shown
from proxyconf.vocabulary.layout import TimeLayout

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
BERLIN = clock_in(ZoneInfo("Europe/Berlin"))
IN_UTC = clock_in(UTC)


def at(text: str) -> SqlTime:
    return read_time(BERLIN, "time", text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01 14:00:00",
        "2026-05-01T14:00:00",
        "2026-05-01 12:00:00Z",
        "2026-05-01 12:00:00+00",
        "2026-05-01 17:30:00+05:30",
        "1777636800",
        "1777636800.0",
        "2461162.08333333",
    ],
)
def test_one_moment_in_many_forms(text: str) -> None:
    assert at(text) == SqlTime(AT, SECOND)


@pytest.mark.parametrize(
    ("text", "microseconds", "precision"),
    [
        ("2026-05-01 14:00:00.25", 250_000, SECOND // 100),
        ("2026-05-01 14:00:00.250000", 250_000, MICROSECOND),
        ("1777636800.25", 250_000, SECOND // 100),
    ],
)
def test_the_digits_of_a_fraction_tell_the_resolution(text: str, microseconds: int, precision: int) -> None:
    assert at(text) == SqlTime(AT + timedelta(microseconds=microseconds), precision)


def test_the_hour_that_is_repeated_is_ambiguous() -> None:
    assert at("2026-10-25 02:30:00") == SqlTime(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), SECOND, True)
    assert not at("2026-10-25 03:30:00").ambiguous


def test_a_time_with_an_offset_is_never_ambiguous() -> None:
    assert not at("2026-10-25 02:30:00+01").ambiguous


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-05-01", "12:00:00", "2026-13-01 00:00:00", "0", "12345678", "-1777636800"]
)
def test_anything_else_is_refused_with_the_name_of_the_column(text: str) -> None:
    with pytest.raises(Unparsable, match=r"^time is "):
        at(text)


def test_a_moment_outside_of_the_calendar_is_refused() -> None:
    with pytest.raises(Unparsable, match="outside of the years 1 to 9999"):
        read_time(IN_UTC, "time", "9999-12-31 23:59:59-02:00")


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)))
def test_a_wall_clock_in_utc_is_read_as_it_stands(moment: datetime) -> None:
    wall = moment.replace(microsecond=0)
    assert read_time(IN_UTC, "time", f"{wall:%Y-%m-%d %H:%M:%S}") == SqlTime(wall.replace(tzinfo=UTC), SECOND)


@given(st.integers(86_400, 2**31))
def test_a_julian_day_of_kamailio_gives_the_second_back(seconds: int) -> None:
    written = f"{seconds / 86_400 + 2_440_587.5:.9f}"
    assert read_time(IN_UTC, "time", written).utc == datetime.fromtimestamp(seconds, UTC)


def test_a_long_cell_is_shortened_in_messages() -> None:
    assert shown("x" * 50) == repr("x" * 40 + "…")
    assert shown("") == "empty"


# --- columns that refine the time


@pytest.mark.parametrize("mode", [0, 1])
def test_microseconds_in_a_second_column_refine_the_time(mode: int) -> None:
    finer = finer_time(0, 1, TimeLayout(mode=mode))
    assert finer is not None
    assert finer(["1777636800", "42"]) == SqlTime(AT + timedelta(microseconds=42), MICROSECOND)


def test_seconds_with_a_fraction_refine_the_time() -> None:
    finer = finer_time(0, None, TimeLayout(mode=2))
    assert finer is not None
    assert finer(["1777636800.5"]) == SqlTime(AT + timedelta(seconds=0.5), MICROSECOND)


def test_text_in_utc_gives_the_time() -> None:
    finer = finer_time(0, None, TimeLayout(mode=4, format="%Y-%m-%d %H:%M:%S"))
    assert finer is not None
    assert finer(["2026-05-01 12:00:00"]) == SqlTime(AT, SECOND)


@pytest.mark.parametrize("layout", [TimeLayout(mode=3), TimeLayout(mode=3, format="%H:%M")])
def test_local_text_adds_nothing(layout: TimeLayout) -> None:
    assert finer_time(0, None, layout) is None


def test_without_such_a_column_there_is_nothing_finer() -> None:
    assert finer_time(None, None, TimeLayout(mode=1)) is None


@pytest.mark.parametrize("mode", [0, 1, 2, 4])
def test_an_empty_cell_leaves_the_time_as_it_is(mode: int) -> None:
    finer = finer_time(0, 1, TimeLayout(mode=mode))
    assert finer is not None
    assert finer(["", ""]) is None


def test_text_where_no_mode_is_configured_is_not_used() -> None:
    finer = finer_time(0, 1, TimeLayout(mode=0))
    assert finer is not None
    assert finer(["2026-05-01 12:00:00", ""]) is None


@pytest.mark.parametrize(
    ("mode", "cells"), [(1, ["soon", "1"]), (1, ["1777636800", "x"]), (2, ["12:00", ""]), (4, ["soon", ""])]
)
def test_a_cell_that_the_mode_does_not_write_is_refused_with_the_remedy(mode: int, cells: list[str]) -> None:
    finer = finer_time(0, 1, TimeLayout(mode=mode))
    assert finer is not None
    with pytest.raises(Unparsable, match="in the proxy's layout"):
        finer(cells)
