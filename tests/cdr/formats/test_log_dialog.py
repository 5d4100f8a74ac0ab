"""Kamailio's own record of a dialog in the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MILLISECOND, SECOND, EventKind
from cdr.formats.log_dialog import dialog_event, line_flags
from proxyconf.vocabulary.layout import CdrLayout, FieldLayout, Role

START = datetime(2026, 11, 22, 23, 23, 45, 675_000, tzinfo=UTC)
TIMES = b"start_time=%.3f; end_time=%.3f; duration=2.303" % (START.timestamp(), START.timestamp() + 2.303)
ROLES = {"callid": Role.CALL_ID, "ft": Role.FROM_TAG, "tt": Role.TO_TAG}
CONFIGURED = FieldLayout(roles=ROLES, cdr=CdrLayout(extras=("caller", "callid", "ft", "tt")))
EXTRAS = b"; caller=alice; callid=c@x; ft=a; tt=b"


def test_a_record_has_the_times_of_the_dialog() -> None:
    event = dialog_event(TIMES, FieldLayout(), b"line")
    assert event is not None
    assert (event.kind, event.method, event.code) == (EventKind.CDR, "INVITE", 0)
    assert (event.time, event.precision) == (START, MILLISECOND)
    assert event.ended_at == START + timedelta(seconds=2.303)
    assert (event.duration_us, event.raw) == (2_303_000, b"line")


def test_whole_seconds_have_a_resolution_of_a_second() -> None:
    event = dialog_event(b"start_time=100; end_time=142; duration=42", FieldLayout(), b"")
    assert event is not None
    assert (event.precision, event.duration_us) == (SECOND, 42_000_000)


def test_the_times_may_have_other_names() -> None:
    assert dialog_event(b"begin=100; finish=142; length=42", FieldLayout(), b"") is not None


def test_a_clock_that_was_set_back_gives_a_negative_duration() -> None:
    event = dialog_event(b"start_time=100; end_time=58; duration=-42", FieldLayout(), b"")
    assert event is not None
    assert event.duration_us == -42_000_000


@pytest.mark.parametrize(
    "body", [b"", b"start_time=100", b"start_time=100; end_time=142", b"start_time=now; end_time=142; duration=42"]
)
def test_a_text_without_the_three_times_is_no_record(body: bytes) -> None:
    assert dialog_event(body, FieldLayout(), b"") is None


def test_call_id_and_tags_come_from_the_labels_with_these_roles() -> None:
    event = dialog_event(TIMES + EXTRAS, CONFIGURED, b"")
    assert event is not None
    assert (event.call_id, event.from_tag, event.to_tag) == ("c@x", "a", "b")
    assert event.extra == (("caller", "alice"), ("callid", "c@x"), ("ft", "a"), ("tt", "b"))


def test_without_configured_labels_whatever_looks_like_one_is_an_extra() -> None:
    event = dialog_event(TIMES + b"; caller=alice; price=1", FieldLayout(), b"")
    assert event is not None
    assert event.extra == (("caller", "alice"), ("price", "1"))


def test_a_missing_configured_label_shows_that_the_line_was_cut() -> None:
    event = dialog_event(TIMES + b"; caller=alice; callid=c@", CONFIGURED, b"")
    assert event is not None
    assert (event.flags, event.extra) == (("truncated",), (("caller", "alice"),))


def test_a_value_that_looks_like_a_field_is_flagged() -> None:
    event = dialog_event(TIMES + b"; caller=x;callid=evil; callid=c@x; ft=a; tt=b", CONFIGURED, b"")
    assert event is not None
    assert (event.call_id, event.flags) == ("c@x", ("forged_separator",))


def test_the_flags_of_a_line() -> None:
    assert line_flags(cut=False, forged=False) == ()
    assert line_flags(cut=True, forged=True) == ("truncated", "forged_separator")


@given(st.binary(max_size=80))
def test_no_text_after_the_times_raises(rest: bytes) -> None:
    event = dialog_event(TIMES + b"; " + rest, FieldLayout(), b"")
    assert event is not None
    assert event.duration_us == 2_303_000
