from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.translation import override

from cdr.display import badges, clocks, markup, original_record, revisions
from cdr.models import Call

NOON = datetime(2026, 5, 31, 12, 0, 0, 340_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0:00"),
        (59.99, "0:59"),
        (60, "1:00"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (360_000, "100:00:00"),
        (-3, "−0:03"),
    ],
)
def test_a_duration_reads_like_a_clock(seconds: float, written: str) -> None:
    assert clocks.clock(timedelta(seconds=seconds)) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0\u202fs"), (2.304, "2.304\u202fs"), (100, "100\u202fs"), (0.000001, "0.000001\u202fs")],
)
def test_exact_seconds_have_the_digits_that_are_known(seconds: float, written: str) -> None:
    assert clocks.exact_seconds(timedelta(seconds=seconds)) == written


def test_decimals_stand_after_the_mark_of_the_readers_language() -> None:
    with override("es"):
        assert markup.decimal(74.06) == "74,1"
        assert markup.trimmed_decimal(100.0) == "100"
        assert clocks.exact_seconds(timedelta(seconds=2.304)) == "2,304\u202fs"
    with override("en"):
        assert markup.decimal(74.06) == "74.1"


def test_thousands_have_the_same_gap_in_each_language() -> None:
    for language in ("en", "es"):
        with override(language):
            assert markup.number(1_234_567) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("precision", "written"), [(1_000_000, "12:00:00<"), (1_000, "12:00:00.340<"), (1, "12:00:00.340<")]
)
def test_a_time_has_the_fraction_that_its_source_has(precision: int, written: str) -> None:
    assert written in clocks.moment(NOON, precision)


def test_a_time_is_shown_in_the_readers_zone_and_tells_utc() -> None:
    with timezone.override("America/New_York"):
        shown = clocks.moment(NOON, 1_000_000)
    assert ">2026-05-31 08:00:00<" in shown
    assert 'datetime="2026-05-31T12:00:00.340000Z"' in shown


def test_a_time_in_another_zone_tells_its_offset() -> None:
    assert clocks.moment_in(NOON.replace(microsecond=0), ZoneInfo("Asia/Kolkata")) == (
        '<span title="UTC+0530">2026-05-31 17:30:00</span>'
    )


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1, seconds=5), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (-timedelta(hours=1), "in the future"),
    ],
)
def test_a_glance_tells_how_long_ago_something_was(gone: timedelta, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON + gone)
    assert clocks.ago(NOON) == said


def test_what_never_was_is_never() -> None:
    assert clocks.ago(None) == "never"


def test_a_negative_duration_is_shown_as_such() -> None:
    call = Call(state="completed", duration=timedelta(seconds=-5), duration_kind="measured", answered_at=NOON)
    assert "−0:05" in badges.duration(call)


def test_raw_input_of_many_megabytes_is_cut_and_says_how_much_is_left() -> None:
    shown = original_record.raw_input(b"x" * 100_000)
    assert "and 34464 more bytes" in shown
    assert len(shown) < 70_000


def test_a_number_has_gaps_between_the_thousands() -> None:
    assert markup.number(1234567) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0:03 early"),
        (-0.5, "immediately"),
        (1.5, "immediately"),
        (62, "+1:02"),
        (172_900, "+2 days"),
    ],
)
def test_the_lag_of_an_event_is_said_and_a_clock_that_is_ahead_stands_out(seconds: float, said: str) -> None:
    shown = clocks.lag(NOON, NOON + timedelta(seconds=seconds), 1_000_000)
    assert said in shown
    assert ("skew" in shown) == (seconds < -1)


def test_the_fields_taken_from_a_line_are_marked_within_it() -> None:
    shown = original_record.raw_input(b"method=INVITE;ua=<b>\xff\n", [("method", "INVITE"), ("ua", r"<b>\xff")])
    assert '<mark class="field-mark" title="method">INVITE</mark>' in shown
    assert r'<mark class="field-mark" title="ua">&lt;b&gt;<span class="mark">\xff</span></mark>' in shown


def test_a_hostile_label_stays_a_title() -> None:
    shown = original_record.raw_input(b'"><script>=x', [('"><script>', "x")])
    assert 'title="&quot;&gt;&lt;script&gt;">x</mark>' in shown


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ended_at", None, "unknown"),
        ("duration", None, "unknown"),
        ("flags", [], "none"),
        ("attempts", [{"code": 486, "reason": "<Busy>"}], "486 &lt;Busy&gt;"),
        ("legs", [{"source": "alice", "destination": None}], "alice → ?"),
        ("extra", {"ua": "x"}, "ua=x"),
        ("superseded", True, "yes"),
        ("released_by", "callee", "Callee"),
        ("duration_kind", "at_least", "at least"),
    ],
)
def test_a_change_is_told_in_words(field: str, value: object, said: str) -> None:
    assert said in revisions.changed(field, value)


def test_a_packet_is_shown_as_a_dump_of_its_bytes_and_their_text() -> None:
    assert original_record.raw_input(b"\x04\x01INVITE sip:bob@") == (
        '<pre class="raw" dir="ltr" tabindex="0">'
        "0000  04 01 49 4e 56 49 54 45 20 73 69 70 3a 62 6f 62  ..INVITE sip:bob\n"
        "0010  40                                               @</pre>"
    )


def test_the_fields_are_marked_among_the_bytes_of_a_packet_and_in_their_text() -> None:
    packet = b"\x04\x01\x00\x1e" + bytes(16) + b"\x2c\x07bob@h" + b"\x66\x03<"
    shown = original_record.raw_input(packet, [("call_id", "bob@h"), ("to_tag", "<")])
    assert '<mark class="field-mark" title="call_id">62 6f 62 40 68</mark> 66 03' in shown
    assert '<mark class="field-mark" title="to_tag">&lt;</mark>' in shown
