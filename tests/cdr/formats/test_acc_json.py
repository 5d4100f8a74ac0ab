"""Kamailio's acc_json: objects alone and in syslog lines."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, EventKind
from cdr.formats import acc_json
from cdr.formats.reading import IGNORED, Ignored, Parsed, Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout, TimeLayout
from tests.cdr.formats.recorded_lines import assert_same, content, said_by, said_in_log

START: dict[str, Any] = {
    "time": 1795391610,
    "method": "INVITE",
    "from_tag": "63193AAB",
    "to_tag": "21369SIPpTag011",
    "callid": "1-21370-0@127.0.0.1",
    "sip_code": "200",
    "sip_reason": "OK",
}
DIALOG: dict[str, Any] = {"start_time": "1795392173.518", "end_time": "1795392175.822", "duration": "2.304"}
NOON = datetime(2026, 11, 22, 23, 53, 30, tzinfo=UTC)


def read(raw: bytes, reading: Reading | None = None) -> list[Parsed]:
    return list(acc_json.read(io.BytesIO(raw), reading or Reading()))


def parsed(reading: Reading | None = None, /, **members: Any) -> Parsed:
    return acc_json.parse_object(json.dumps(members).encode(), reading or Reading())


def event(reading: Reading | None = None, /, **members: Any) -> AccEvent:
    found = parsed(reading, **members)
    assert isinstance(found, AccEvent), found
    return found


def start(reading: Reading | None = None, /, **changed: Any) -> AccEvent:
    return event(reading, **(START | changed))


# What a real proxy wrote


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("01j-json-answered", "acc_json.jsonl"),
        ("01j-json-answered", "acc_json_syslog.txt"),
        ("01j-json-answered-syslog", "syslog_traditional.txt"),
        ("01j-json-answered-syslog", "syslog_iso.txt"),
        ("01j-json-answered-syslog", "syslog_rfc5424.txt"),
    ],
)
def test_recorded_objects_tell_what_the_log_says(folder: str, name: str) -> None:
    found = [one for one in read(content(folder, name)) if one != IGNORED]
    events = [one for one in found if isinstance(one, AccEvent)]
    assert events == found
    assert_same(said_by(events), said_in_log(folder, knows_missed=False))
    assert {(one.reason, one.backend, one.precision, one.extra, one.legs) for one in events} == {
        ("OK", Backend.JSON, SECOND, (), ())
    }


def test_an_event_holds_the_object_without_the_header() -> None:
    (line, *_) = content("01j-json-answered", "acc_json_syslog.txt").splitlines()
    (found,) = read(line)
    assert isinstance(found, AccEvent)
    assert found.raw == content("01j-json-answered", "acc_json.jsonl").splitlines()[0]


# Fields


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("INVITE", "200", EventKind.ANSWERED),
        ("INVITE", "183", EventKind.EARLY),
        ("INVITE", "486", EventKind.FAILED),
        ("ACK", "200", EventKind.ACK),
        ("BYE", "481", EventKind.BYE),
        ("CANCEL", "200", EventKind.CANCEL),
        ("INVITE", "", EventKind.MANUAL),
    ],
)
def test_kind_comes_from_method_and_code(method: str, code: str, kind: EventKind) -> None:
    assert start(method=method, sip_code=code).kind is kind


def test_other_members_are_extras_in_their_order() -> None:
    assert start(ua="x;y", uuid=None, nested={"a": 1}).extra == (("ua", "x;y"), ("uuid", ""), ("nested", '{"a": 1}'))


def test_known_leg_labels_are_one_leg() -> None:
    reading = Reading(layout=FieldLayout(legs={Backend.JSON: ("src", "dst")}))
    found = start(reading, ua="x", src="alice", dst="bob")
    assert (found.extra, found.legs) == ((("ua", "x"),), ((("src", "alice"), ("dst", "bob")),))


def test_what_the_proxy_could_not_write_is_kept_as_it_says() -> None:
    assert start(to_tag="NON-UTF8").to_tag == "NON-UTF8"


# Times


@pytest.mark.parametrize(
    ("time", "moment", "precision"),
    [
        (1795391610, NOON, SECOND),
        (1795391610.3347199, NOON.replace(microsecond=334720), MICROSECOND),
        (1795391610.0, NOON, MICROSECOND),
        ("1795391610", NOON, SECOND),
        ("2026-11-22 23:53:30", NOON, SECOND),
        ("2026-11-22T23:53:30+00:00", NOON, SECOND),
    ],
)
def test_times_of_every_mode_are_read(time: Any, moment: datetime, precision: int) -> None:
    found = start(time=time)
    assert (found.time, found.precision, found.flags) == (moment, precision, ())


def test_text_is_the_proxys_local_time() -> None:
    assert start(Reading(zone=ZoneInfo("America/New_York")), time="2026-11-22 18:53:30").time == NOON


def test_text_of_mode_4_is_utc() -> None:
    reading = Reading(zone=ZoneInfo("America/New_York"), layout=FieldLayout(time=TimeLayout(mode=4)))
    assert start(reading, time="2026-11-22 23:53:30").time == NOON


def test_the_time_mode_of_acc_json_is_not_that_of_acc() -> None:
    layout = FieldLayout(time=TimeLayout(mode=3), json_time=TimeLayout(mode=4))
    reading = Reading(zone=ZoneInfo("America/New_York"), layout=layout)
    assert start(reading, time="2026-11-22 23:53:30").time == NOON


def test_text_is_read_in_the_configured_format() -> None:
    reading = Reading(layout=FieldLayout(time=TimeLayout(mode=3, format="%d.%m.%Y %H:%M:%S")))
    assert start(reading, time="22.11.2026 23:53:30").time == NOON


def test_local_text_in_the_hour_that_comes_twice_is_flagged() -> None:
    found = start(Reading(zone=ZoneInfo("Europe/Berlin")), time="2026-10-25 02:30:00")
    assert found.flags == ("ambiguous_time",)


# Dialogs


def test_a_dialogs_record_is_a_whole_call() -> None:
    found = event(**DIALOG, caller="alice", callid="1-1902-0@127.0.0.1", from_tag="f", to_tag="t")
    assert found.kind is EventKind.CDR
    assert (found.time, found.precision) == (datetime(2026, 11, 23, 0, 2, 53, 518_000, tzinfo=UTC), MILLISECOND)
    assert (found.duration_us, found.ended_at) == (2_304_000, datetime(2026, 11, 23, 0, 2, 55, 822_000, tzinfo=UTC))
    assert (found.call_id, found.from_tag, found.to_tag, found.code) == ("1-1902-0@127.0.0.1", "f", "t", 0)
    assert found.extra[0] == ("caller", "alice")


def test_a_dialogs_record_without_call_id_has_none() -> None:
    assert event(**DIALOG).call_id == ""


def test_a_failed_calls_record_lasts_0_seconds() -> None:
    found = event(start_time="1795389825.522", end_time="1795389825.522", duration="0")
    assert (found.duration_us, found.ended_at) == (0, found.time)


@pytest.mark.parametrize(
    ("start_time", "precision"),
    [("1795392173.0", SECOND), ("1795392173.518", MILLISECOND), ("1795392173.518001", MICROSECOND)],
)
def test_the_number_of_decimals_is_the_precision(start_time: str, precision: int) -> None:
    assert event(**(DIALOG | {"start_time": start_time})).precision == precision


def test_a_duration_over_a_clock_that_was_set_back_is_negative() -> None:
    assert event(**(DIALOG | {"duration": "-1.500"})).duration_us == -1_500_000


# What cannot be read


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "no method or callid"),
        ({"method": "INVITE"}, "no method or callid"),
        (START | {"sip_code": "2OO"}, "sip_code"),
        (START | {"time": None}, "member 'time' is ''"),
        (START | {"time": "noon"}, "seconds since 1970 or a time like %Y-%m-%d %H:%M:%S"),
        (START | {"time": 10**15}, "outside of the years 1 to 9999"),
        (START | {"time": "0001-01-01T00:00:00+14:00"}, "member 'time'"),
        (DIALOG | {"start_time": ""}, "member 'start_time' is ''"),
        (DIALOG | {"duration": "long"}, "member 'duration' is 'long'"),
    ],
)
def test_an_object_that_is_no_event_is_rejected_with_the_reason(members: dict[str, Any], says: str) -> None:
    found = parsed(**members)
    assert isinstance(found, Rejection)
    assert says in found.reason


@pytest.mark.parametrize(
    "line",
    [
        b'{"time": 1795391610, "method": "INV',
        b'[{"time": 1795391610}',
        b'<25>Nov 22 23:53:30 json_acc[21364]: {"time": 1795391610, "method": "INV',
        b"<25>Nov 22 23:53:30 json_acc[21364]: out of memory",
    ],
)
def test_a_line_that_begins_like_one_is_rejected(line: bytes) -> None:
    (found,) = read(line)
    assert isinstance(found, Rejection)


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 22 23:53:30 sip-proxy-1 kamailio[21364]: INFO: <script>: new call",
        b'Nov 22 23:53:30 sip-proxy-1 kamailio[1]: WARNING: <script>: UA json_acc[1]: {"time": 1, "method": "BYE"}',
        b'{"level": "INFO", "module": "core", "message": "started", "time": "2026-11-22"}',
        b"[12345.678901] eth0: link up",
        b"\xff\xfe\x00",
    ],
)
def test_other_lines_of_a_log_are_ignored(line: bytes) -> None:
    assert read(line) == [IGNORED]


def test_one_bad_line_costs_no_other() -> None:
    found = read(b'{"time":\n' + json.dumps(START).encode() + b"\n\n")
    assert [type(one) for one in found] == [Rejection, AccEvent]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()), st.lists, max_leaves=3
)
MEMBERS = st.sampled_from([*START, *DIALOG, "ua"])


@given(st.dictionaries(MEMBERS, VALUES))
def test_no_object_raises(members: dict[str, Any]) -> None:
    for given_ in (members, START | members, DIALOG | members):
        assert isinstance(parsed(Reading(zone=ZoneInfo("Europe/Berlin")), **given_), AccEvent | Rejection)


@given(st.one_of(st.binary(), st.binary().map(lambda raw: b"<25>Nov 22 23:53:30 json_acc[1]: {" + raw)))
def test_no_line_raises(raw: bytes) -> None:
    assert all(isinstance(one, AccEvent | Rejection | Ignored) for one in read(raw))


def test_an_array_of_objects_in_one_line_gives_each() -> None:
    found = read(json.dumps([START, DIALOG]).encode())
    assert [one.kind for one in found if isinstance(one, AccEvent)] == [EventKind.ANSWERED, EventKind.CDR]
