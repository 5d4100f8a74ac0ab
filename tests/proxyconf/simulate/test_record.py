"""The times that a proxy writes, from seconds after the start of a flow."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from proxyconf.simulate.record import FlowClock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_seconds_become_the_epoch_without_its_fraction() -> None:
    assert FlowClock(NOON).epoch(6.9) == int(NOON.timestamp()) + 6


def test_microseconds_are_the_fraction_of_the_second() -> None:
    assert FlowClock(NOON).microseconds(6.25) == 250_000


def test_local_times_are_those_of_the_process_and_utc_times_are_not() -> None:
    clock = FlowClock(NOON, ZoneInfo("America/New_York"))
    assert clock.local(61) == "2026-03-02 07:01:01"
    assert clock.utc(61) == "2026-03-02 12:01:01"


def test_local_times_follow_a_change_to_summer_time() -> None:
    clock = FlowClock(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert [clock.local(0), clock.local(60)] == ["2026-03-29 01:59:00", "2026-03-29 03:00:00"]


def test_times_take_the_layout_of_the_proxy() -> None:
    assert FlowClock(NOON).utc(0, "%d/%m/%y %H") == "02/03/26 12"


@given(st.floats(0, 100_000))
def test_second_and_microseconds_make_the_moment(seconds: float) -> None:
    clock = FlowClock(NOON)
    assert 0 <= clock.microseconds(seconds) <= 1_000_000
    assert abs(clock.epoch(seconds) + clock.microseconds(seconds) / 1_000_000 - clock.moment(seconds)) < 1e-5
