"""Times and durations as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cdr.display import clocks

MOMENT = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
SECOND, MILLISECOND, MICROSECOND = 1_000_000, 1_000, 1


def seconds(number: float) -> timedelta:
    """That many seconds."""
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0:00"),
        (42, "0:42"),
        (59.999, "0:59"),
        (60, "1:00"),
        (3599, "59:59"),
        (3723, "1:02:03"),
        (90_000, "25:00:00"),
        (-61, "−1:01"),
    ],
)
def test_a_duration_is_written_like_a_clock(length: float, text: str) -> None:
    assert clocks.clock(seconds(length)) == text


def test_an_unknown_duration_is_a_dash() -> None:
    assert clocks.clock(None) == "–"


@given(length=st.integers(0, 10**7))
def test_a_clock_tells_its_seconds(length: int) -> None:
    total = 0
    for part in clocks.clock(seconds(length)).split(":"):
        total = total * 60 + int(part)
    assert total == length


@pytest.mark.parametrize(
    ("precision", "text"),
    [
        (SECOND, ">2026-05-01 12:00:00<"),
        (MILLISECOND, ">2026-05-01 12:00:00.123<"),
        (MICROSECOND, ">2026-05-01 12:00:00.123456<"),
    ],
)
def test_a_time_has_no_more_digits_than_its_precision(precision: int, text: str) -> None:
    with timezone.override(UTC):
        assert text in clocks.moment(MOMENT, precision)


def test_a_time_is_shown_in_the_readers_zone_and_names_utc() -> None:
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        shown = clocks.moment(MOMENT, SECOND)
    assert ">2026-05-01 17:45:00<" in shown
    assert 'datetime="2026-05-01T12:00:00.123456Z"' in shown
    assert 'title="2026-05-01 12:00:00 UTC"' in shown


def test_a_time_in_another_zone_names_its_offset() -> None:
    shown = clocks.moment_in(MOMENT.replace(microsecond=0), ZoneInfo("America/St_Johns"))
    assert shown == '<span title="UTC-0230">2026-05-01 09:30:00</span>'


@pytest.mark.parametrize(
    ("length", "text"),
    [(timedelta(microseconds=1), "0.000001"), (seconds(1.5), "1.5"), (seconds(60), "60")],
)
def test_exact_seconds_have_all_their_digits(length: timedelta, text: str) -> None:
    assert clocks.exact_seconds(length).split("\u202f") == [text, "s"]


@pytest.mark.parametrize(
    ("late", "text"),
    [
        (0, "immediately"),
        (1.9, "immediately"),
        (2, "+0:02"),
        (86_399, "+23:59:59"),
        (86_400, "+1 day"),
        (200_000, "+2 days"),
    ],
)
def test_the_delay_of_an_event_is_written_by_its_size(late: float, text: str) -> None:
    assert f">{text}<" in clocks.lag(MOMENT, MOMENT + seconds(late), SECOND)


def test_an_event_from_the_future_is_marked() -> None:
    shown = clocks.lag(MOMENT, MOMENT - seconds(62), SECOND)
    assert 'class="skew"' in shown
    assert ">1:02 early<" in shown


def test_an_event_within_its_precision_is_not_from_the_future() -> None:
    assert "immediately" in clocks.lag(MOMENT, MOMENT - seconds(0.9), SECOND)


@pytest.mark.parametrize(
    ("passed", "precision", "text"),
    [
        (0.25, MICROSECOND, "+0.25\u202fs"),
        (0.25, SECOND, "+0"),
        (0, MICROSECOND, "+0"),
        (65, SECOND, "+1:05"),
        (-65, SECOND, "−1:05"),
    ],
)
def test_the_time_since_the_previous_event_has_the_digits_it_deserves(passed: float, precision: int, text: str) -> None:
    assert f">{text}<" in clocks.since(seconds(passed), precision)


def test_the_first_event_is_since_nothing() -> None:
    assert clocks.since(None, SECOND) == ""


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (5, "just now"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (7_200, "2 hours ago"),
        (86_400, "1 day ago"),
        (-60, "in the future"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(monkeypatch: pytest.MonkeyPatch, passed: float, text: str) -> None:
    monkeypatch.setattr(timezone, "now", lambda: MOMENT)
    assert clocks.ago(MOMENT - seconds(passed)) == text


def test_nothing_was_never() -> None:
    assert clocks.ago(None) == "never"
