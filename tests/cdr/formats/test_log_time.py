"""The time fields at the start of an accounting line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, MILLISECOND, SECOND, Unparsable
from cdr.formats.log_time import Clock, ClockReader, microseconds_of, moment, moved, precision_of
from proxyconf.vocabulary.layout import TimeLayout

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = b"%d" % AT.timestamp()
LAYOUT = TimeLayout()
READ = ClockReader(LAYOUT).read


def clock(text: bytes) -> Clock:
    return READ(text)


def test_whole_seconds_are_known_to_the_second() -> None:
    found = clock(b"timestamp=" + SECONDS)
    assert (found.time, found.reply_time, found.precision) == (AT, AT, SECOND)
    assert (found.created_at, found.ended_at, found.duration_us) == (None, None, None)


def test_microseconds_beside_the_seconds_are_not_padded() -> None:
    found = clock(b"timestamp=%b;%b=%b;%b=42" % (SECONDS, LAYOUT.attr.encode(), SECONDS, LAYOUT.exten.encode()))
    assert (found.time, found.precision) == (AT + timedelta(microseconds=42), MICROSECOND)


def test_a_fraction_is_known_to_the_millisecond() -> None:
    found = clock(b"timestamp=%b;%b=%b.250" % (SECONDS, LAYOUT.attr.encode(), SECONDS))
    assert (found.time, found.precision) == (AT + timedelta(milliseconds=250), MILLISECOND)


def test_a_fraction_of_another_second_is_not_used() -> None:
    found = clock(b"timestamp=%b;%b=1.250" % (SECONDS, LAYOUT.attr.encode()))
    assert (found.time, found.precision) == (AT, SECOND)


def test_text_in_the_time_attribute_is_not_used() -> None:
    assert clock(b"timestamp=%b;%b=2026-05-01 14:00:00" % (SECONDS, LAYOUT.attr.encode())).time == AT


def test_the_first_of_two_timestamps_counts() -> None:
    assert clock(b"timestamp=%b;timestamp=1" % SECONDS).time == AT


def test_opensips_tells_the_arrival_of_the_invite() -> None:
    assert clock(b"timestamp=%b;created=%d" % (SECONDS, AT.timestamp() - 5)).created_at == AT - timedelta(seconds=5)
    assert clock(b"timestamp=%b;created=0" % SECONDS).created_at is None


def test_a_set_up_time_moves_the_reply_but_not_the_event() -> None:
    found = clock(b"timestamp=%b;created=%b;setuptime=7" % (SECONDS, SECONDS))
    assert (found.time, found.reply_time) == (AT, AT + timedelta(seconds=7))


def test_a_dialog_record_has_the_start_under_another_name() -> None:
    found = clock(b"call_start_time=%b;duration=43;ms_duration=42500" % SECONDS)
    assert (found.time, found.duration_us, found.ended_at) == (AT, 42_500_000, AT + timedelta(seconds=42.5))


def test_without_milliseconds_the_whole_seconds_of_a_duration_count() -> None:
    assert clock(b"call_start_time=%b;duration=43" % SECONDS).duration_us == 43_000_000


@pytest.mark.parametrize("text", [b"", b"timestamp=", b"timestamp=soon", b"timestamp=-1", b"created=5"])
def test_a_line_without_a_time_is_refused(text: bytes) -> None:
    with pytest.raises(Unparsable, match="no time at"):
        clock(text)


@pytest.mark.parametrize("text", [b"timestamp=999999999999", b"timestamp=1;duration=999999999999"])
def test_a_time_after_the_year_9999_is_refused(text: bytes) -> None:
    with pytest.raises(Unparsable, match="outside of the years 1 to 9999"):
        clock(text)


@pytest.mark.parametrize(
    ("fraction", "precision"),
    [(b"", SECOND), (b"0", SECOND), (b"25", SECOND), (b"250", MILLISECOND), (b"250000", MICROSECOND)],
)
def test_the_digits_of_a_fraction_tell_its_resolution(fraction: bytes, precision: int) -> None:
    assert precision_of(fraction) == precision


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999))
def test_seconds_with_a_fraction_are_exact(seconds: int, fraction: int) -> None:
    digits = b"%06d" % fraction
    assert microseconds_of(b"%d" % seconds, digits) == seconds * SECOND + fraction
    assert moment(b"%d" % seconds, digits) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=seconds, microseconds=fraction
    )


def test_a_time_before_the_year_1_is_refused() -> None:
    with pytest.raises(Unparsable):
        moved(datetime(1, 1, 1, tzinfo=UTC), -1)
