"""The normal form of events: kinds, texts, fingerprints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import SECOND, AccEvent, EventKind, call_key, classify, fingerprint, text_of
from proxyconf.vocabulary.layout import Backend

START = AccEvent(
    kind=EventKind.ANSWERED,
    method="INVITE",
    from_tag="a",
    to_tag="b",
    call_id="1@example",
    code=200,
    reason="OK",
    time=datetime(2026, 5, 1, 12, tzinfo=UTC),
    precision=SECOND,
    backend=Backend.SYSLOG,
    extra=(("ua", "phone"),),
    legs=((("src", "alice"), ("dst", "bob")),),
)


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("INVITE", 200, EventKind.ANSWERED),
        ("INVITE", 486, EventKind.FAILED),
        ("INVITE", 183, EventKind.EARLY),
        ("INVITE", 0, EventKind.MANUAL),
        ("BYE", 481, EventKind.BYE),
        ("CANCEL", 200, EventKind.CANCEL),
        ("ACK", 200, EventKind.ACK),
        ("MESSAGE", 202, EventKind.ANSWERED),
    ],
)
def test_method_and_code_tell_the_kind(method: str, code: int, kind: EventKind) -> None:
    assert classify(method, code) == kind


def test_what_stood_among_missed_calls_is_missed() -> None:
    assert classify("INVITE", 486, missed=True) == EventKind.MISSED
    assert classify("INVITE", 0, missed=True) == EventKind.MISSED


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("INVITE", 200, EventKind.ANSWERED),
        ("BYE", 481, EventKind.BYE),
        ("CANCEL", 200, EventKind.CANCEL),
        ("ACK", 200, EventKind.ACK),
    ],
)
def test_a_record_that_shows_an_answer_or_an_end_is_no_missed_call(method: str, code: int, kind: EventKind) -> None:
    assert classify(method, code, missed=True) == kind


@given(st.binary())
def test_every_byte_string_becomes_text_that_a_database_can_hold(raw: bytes) -> None:
    text = text_of(raw)
    assert "\0" not in text
    text.encode("utf-8")


def test_bytes_that_are_no_utf8_stay_visible() -> None:
    assert text_of(b"caf\xe9 \xc3\xa9\0") == "caf\\xe9 é\\x00"


def test_a_redelivery_has_the_same_fingerprint_whatever_carried_it() -> None:
    assert fingerprint(START._replace(raw=b"another header")) == fingerprint(START)


def test_a_label_without_a_value_makes_no_other_event() -> None:
    assert fingerprint(START._replace(extra=(("ua", "phone"), ("added_later", "")))) == fingerprint(START)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": EventKind.MISSED},
        {"backend": Backend.SQL},
        {"method": "BYE"},
        {"from_tag": "b"},
        {"to_tag": "a"},
        {"call_id": "1@EXAMPLE"},
        {"code": 202},
        {"reason": "Fine"},
        {"time": START.time + timedelta(seconds=1)},
        {"position": 1},
        {"extra": (("ua", "phone2"),)},
        {"extra": (("u", "aphone"),)},
        {"legs": ()},
        {"legs": START.legs * 2},
        {"legs": ((("src", "alice"),), (("dst", "bob"),))},
        {"duration_us": 1},
        {"duration_us": 0},
        {"ended_at": START.time},
    ],
)
def test_whatever_an_event_says_tells_its_fingerprint_apart(change: dict[str, object]) -> None:
    assert fingerprint(START._replace(**change)) != fingerprint(START)


@given(st.lists(st.text(), min_size=3, max_size=3), st.lists(st.text(), min_size=3, max_size=3))
def test_text_cannot_move_from_field_to_field_unnoticed(one: list[str], other: list[str]) -> None:
    prints = {
        fingerprint(START._replace(from_tag=texts[0], to_tag=texts[1], reason=texts[2])) for texts in (one, other)
    }
    assert len(prints) == len({tuple(one), tuple(other)})


@given(st.text())
def test_a_call_id_of_any_length_has_a_key_that_an_index_can_hold(call_id: str) -> None:
    assert -(2**63) <= call_key(call_id * 100) < 2**63


def test_call_ids_are_compared_case_by_case() -> None:
    assert call_key("a@x") != call_key("A@x")


def test_a_record_without_call_id_is_keyed_by_itself() -> None:
    assert call_key("", b"one") != call_key("", b"other")
