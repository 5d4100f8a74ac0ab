"""OpenSIPS' event interface."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind
from cdr.formats import opensips_events
from cdr.formats.reading import Parsed, Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout
from tests.cdr.formats.recorded_lines import assert_same, content, folders_with, said_by, said_in_log

PARAMS: dict[str, Any] = {
    "method": "INVITE",
    "from_tag": "09322DED",
    "to_tag": "23340SIPpTag011",
    "callid": "1-23344-0@127.0.0.1",
    "sip_code": "200",
    "sip_reason": "OK",
    "time": 1795391966,
}
DIALOG = PARAMS | {"duration": 3, "ms_duration": 2303, "setuptime": 1, "created": 1795391965}
MISSED = PARAMS | {"sip_code": "486", "sip_reason": "Busy Here", "setuptime": 1, "created": 1795391965}
START = datetime(2026, 11, 22, 23, 59, 26, tzinfo=UTC)


def parsed(members: dict[str, Any], reading: Reading | None = None) -> Parsed:
    return opensips_events.parse_object(json.dumps(members).encode(), reading or Reading())


def event(members: dict[str, Any], reading: Reading | None = None) -> AccEvent:
    found = parsed(members, reading)
    assert isinstance(found, AccEvent), found
    return found


def notification(name: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": name, "params": params}


@pytest.mark.parametrize("folder", folders_with("events.jsonl"))
def test_recorded_events_tell_what_the_log_says(folder: str) -> None:
    found = list(opensips_events.read(io.BytesIO(content(folder, "events.jsonl")), Reading()))
    events = [one for one in found if isinstance(one, AccEvent)]
    assert events == found
    assert_same(said_by(events), said_in_log(folder, knows_missed=True))


def test_an_event_holds_the_datagram() -> None:
    kept = [json.loads(line) for line in content("opensips-18-cdr", "events.jsonl").splitlines()]
    found = opensips_events.read(io.BytesIO(content("opensips-18-cdr", "events.jsonl")), Reading())
    assert [one.raw for one in found if isinstance(one, AccEvent)] == [one["raw"].encode() for one in kept]


def test_kept_datagrams_may_be_parsed_already() -> None:
    assert (
        event({"received_at": 1795391966.1, "payload": notification("E_ACC_EVENT", PARAMS)}).kind is EventKind.ANSWERED
    )


def test_a_dialogs_record_is_a_whole_call() -> None:
    found = event(notification("E_ACC_CDR", DIALOG))
    assert (found.kind, found.code, found.time) == (EventKind.CDR, 200, START)
    assert (found.duration_us, found.ended_at) == (2_303_000, START + timedelta(milliseconds=2303))
    assert found.created_at == START - timedelta(seconds=1)
    assert found.extra == ()


def test_before_2_2_a_dialogs_duration_is_whole_seconds() -> None:
    old = {label: value for label, value in DIALOG.items() if label != "ms_duration"}
    assert event(notification("E_ACC_CDR", old)).duration_us == 3_000_000


def test_a_missed_event_is_a_missed_call() -> None:
    found = event(notification("E_ACC_MISSED_EVENT", MISSED))
    assert (found.kind, found.duration_us) == (EventKind.MISSED, None)
    assert found.created_at == START - timedelta(seconds=1)


def test_a_failed_call_is_no_missed_one() -> None:
    assert event(notification("E_ACC_EVENT", PARAMS | {"sip_code": "486"})).kind is EventKind.FAILED


def test_created_0_is_none() -> None:
    outside = MISSED | {"setuptime": 1795391966, "created": 0}
    assert event(notification("E_ACC_MISSED_EVENT", outside)).created_at is None


def test_null_is_empty() -> None:
    found = event(notification("E_ACC_EVENT", PARAMS | {"method": "CANCEL", "to_tag": None, "ua": None}))
    assert (found.to_tag, found.extra) == ("", (("ua", ""),))


def test_text_is_kept_as_sent() -> None:
    raw = (
        json.dumps(notification("E_ACC_EVENT", PARAMS | {"ua": "UA"})).encode().replace(b'"UA"', b'"\xe2\x98\x8e\xff"')
    )
    found = opensips_events.parse_object(raw, Reading())
    assert isinstance(found, AccEvent)
    assert found.extra == (("ua", "☎\\xff"),)


def test_an_event_has_one_leg() -> None:
    reading = Reading(layout=FieldLayout(legs={Backend.EVENTS: ("a", "b")}))
    found = event(notification("E_ACC_EVENT", PARAMS | {"ua": "x", "a": "alice", "b": None}), reading)
    assert (found.extra, found.legs, found.position) == ((("ua", "x"),), ((("a", "alice"), ("b", "")),), 0)


def test_without_a_layout_source_and_destination_are_a_leg() -> None:
    found = event(notification("E_ACC_EVENT", PARAMS | {"ua": "x", "src": "alice", "dst": "bob", "type": "0"}))
    assert found.legs == ((("src", "alice"), ("dst", "bob"), ("type", "0")),)
    assert found.extra == (("ua", "x"),)


def test_a_configured_extra_is_no_leg_however_it_looks() -> None:
    reading = Reading(layout=FieldLayout(extras={Backend.EVENTS: ("src", "dst")}))
    assert event(notification("E_ACC_EVENT", PARAMS | {"src": "alice", "dst": "bob"}), reading).legs == ()


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (PARAMS, EventKind.ANSWERED),
        (MISSED, EventKind.MISSED),
        (DIALOG, EventKind.CDR),
        (MISSED | {"event": "E_ACC_EVENT"}, EventKind.FAILED),
        ({"event": "E_ACC_MISSED_EVENT", "params": PARAMS | {"sip_code": "486"}}, EventKind.MISSED),
    ],
)
def test_parameters_come_with_or_without_their_name(members: dict[str, Any], kind: EventKind) -> None:
    assert event(members).kind is kind


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (notification("E_UL_AOR_INSERT", PARAMS), "'E_UL_AOR_INSERT' is not an accounting event"),
        ({"jsonrpc": "2.0", "method": ["E_ACC_EVENT"], "params": PARAMS}, "is not an accounting event"),
        (notification("E_ACC_EVENT", {}), "E_ACC_EVENT without method or callid"),
        (notification("E_ACC_EVENT", PARAMS | {"time": None}), "without time"),
        (notification("E_ACC_EVENT", PARAMS | {"time": 10**15}), "outside of the years 1 to 9999"),
        (notification("E_ACC_CDR", DIALOG | {"ms_duration": 2**40}), "OpenSIPS counts with 32 bits"),
        ({"raw": "{"}, "was it cut?"),
    ],
)
def test_what_is_no_accounting_is_rejected_with_the_reason(members: dict[str, Any], says: str) -> None:
    found = parsed(members)
    assert isinstance(found, Rejection)
    assert says in found.reason
    assert found.raw == json.dumps(members).encode()


def test_one_bad_line_costs_no_other() -> None:
    stream = io.BytesIO(b"{\n" + json.dumps(PARAMS).encode() + b"\n\n")
    assert [type(one) for one in opensips_events.read(stream, Reading())] == [Rejection, AccEvent]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()), st.lists, max_leaves=3
)
MEMBERS = st.sampled_from([*DIALOG, "ua", "src", "dst", "event", "payload", "raw", "params"])


@given(st.dictionaries(MEMBERS, VALUES))
def test_no_object_raises(members: dict[str, Any]) -> None:
    for whole in (members, PARAMS | members, notification("E_ACC_CDR", DIALOG | members)):
        assert isinstance(parsed(whole), AccEvent | Rejection)


@given(st.binary())
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(opensips_events.parse_object(raw, Reading()), AccEvent | Rejection)


def read(raw: bytes) -> list[Parsed]:
    return list(opensips_events.read(io.BytesIO(raw), Reading()))


def test_an_array_of_events_in_one_line_gives_each() -> None:
    array = json.dumps([notification("E_ACC_EVENT", PARAMS), notification("E_ACC_CDR", DIALOG)])
    assert [found.kind for found in read(array.encode()) if isinstance(found, AccEvent)] == [
        EventKind.ANSWERED,
        EventKind.CDR,
    ]


def as_text(name: str, params: dict[str, Any]) -> bytes:
    return f"{name}\n{''.join(f'{label}::{value}{chr(10)}' for label, value in params.items())}\n".encode()


def test_an_event_as_text_is_that_of_its_json() -> None:
    (text,) = read(as_text("E_ACC_CDR", DIALOG))
    assert isinstance(text, AccEvent)
    assert text._replace(raw=b"") == event(notification("E_ACC_CDR", DIALOG))._replace(raw=b"")


def test_a_quoted_value_may_hold_lines_that_look_like_parameters() -> None:
    hostile = as_text("E_ACC_EVENT", PARAMS | {"ua": '"x\n\ncallid::forged \\"y\\""', "last": "z"})
    (found,) = read(hostile)
    assert isinstance(found, AccEvent)
    assert (found.call_id, found.extra) == (PARAMS["callid"], (("ua", 'x\n\ncallid::forged "y"'), ("last", "z")))


def test_text_events_of_other_kinds_are_named() -> None:
    (found,) = read(b"E_UL_AOR_INSERT\naor::alice\n\n")
    assert isinstance(found, Rejection)
    assert "'E_UL_AOR_INSERT' is not an accounting event" in found.reason


@given(st.lists(st.sampled_from([b"E_ACC_EVENT\n", b"\n", b'a::"', b'"', b"method::INVITE\n", b"x", b"::", b"\\"])))
def test_no_text_raises(parts: list[bytes]) -> None:
    for found in read(b"E_ACC_EVENT\n" + b"".join(parts)):
        assert isinstance(found, AccEvent | Rejection)
