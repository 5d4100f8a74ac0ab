"""Periods by name: their ranges in a zone, also across its changes of clock, and their labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.periods import LABELS, TimeRange, label, range_of, span

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 4, 1, 12, tzinfo=BERLIN)  # a Wednesday, three days after the clock went forward
NAMED = ("today", "yesterday", "last_week", "this_month", "last_month")
moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]).map(ZoneInfo)


@pytest.mark.parametrize(
    ("period", "length"),
    [
        ("5m", timedelta(minutes=5)),
        ("24h", timedelta(hours=24)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(days=14)),
        ("9999h", timedelta(hours=9999)),
    ],
)
def test_a_span_counts_minutes_hours_days_or_weeks(period: str, length: timedelta) -> None:
    assert span(period) == length


@pytest.mark.parametrize(
    "period", ["", "h", "0h", "05m", "-1h", "1.5h", "10000m", "1y", "1H", "1h ", "\u0661h", "today"]
)
def test_anything_else_is_no_span(period: str) -> None:
    assert span(period) is None


def test_a_span_ends_now_and_is_open() -> None:
    assert range_of("24h", NOW, BERLIN) == TimeRange(NOW - timedelta(hours=24), None)


def test_all_time_is_open_at_both_ends() -> None:
    assert range_of("all", NOW, BERLIN) == TimeRange(None, None)


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("today", "2026-04-01", "2026-04-02"),
        ("yesterday", "2026-03-31", "2026-04-01"),
        ("last_week", "2026-03-23", "2026-03-30"),
        ("this_month", "2026-04-01", "2026-05-01"),
        ("last_month", "2026-03-01", "2026-04-01"),
    ],
)
def test_days_weeks_and_months_begin_at_midnight_of_the_zone(period: str, since: str, until: str) -> None:
    expected = TimeRange(*(datetime.fromisoformat(day).replace(tzinfo=BERLIN) for day in (since, until)))
    assert range_of(period, NOW, BERLIN) == expected


def test_a_day_on_which_the_clock_goes_forward_has_23_hours() -> None:
    since, until = range_of("today", datetime(2026, 3, 29, 12, tzinfo=BERLIN), BERLIN)
    assert since
    assert until
    assert until - since == timedelta(hours=23)


def test_the_day_is_that_of_the_zone_not_of_utc() -> None:
    late = datetime(2026, 4, 1, 23, 30, tzinfo=UTC)
    assert range_of("today", late, BERLIN).since == datetime(2026, 4, 2, tzinfo=BERLIN)


@pytest.mark.parametrize("period", ["", "tomorrow", "custom", "Today"])
def test_an_unknown_period_has_neither_range_nor_label(period: str) -> None:
    with pytest.raises(KeyError):
        range_of(period, NOW, BERLIN)
    with pytest.raises(KeyError):
        label(period)


@given(now=moments, zone=zones)
def test_now_is_today_after_yesterday_and_in_this_month_after_the_last_one(now: datetime, zone: ZoneInfo) -> None:
    ranges = {period: range_of(period, now, zone) for period in NAMED}
    for period in ("today", "this_month"):
        since, until = ranges[period]
        assert since
        assert until
        assert since <= now < until
    assert ranges["yesterday"].until == ranges["today"].since
    assert ranges["last_month"].until == ranges["this_month"].since
    week = ranges["last_week"]
    assert week.until
    assert week.until <= now < week.until + timedelta(days=7, hours=1)


@pytest.mark.parametrize("period", list(LABELS))
def test_every_period_with_a_label_has_a_range(period: str) -> None:
    range_of(period, NOW, BERLIN)


@pytest.mark.parametrize(
    ("period", "text"),
    [("1m", "Last minute"), ("5m", "Last 5 minutes"), ("1d", "Last day"), ("3w", "Last 3 weeks"), ("24h", "24 hours")],
)
def test_a_span_is_labelled_with_its_number(period: str, text: str) -> None:
    assert str(label(period)) == text
