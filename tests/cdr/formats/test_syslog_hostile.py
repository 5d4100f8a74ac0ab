"""What callers put into log lines must not become what the proxy says."""

from __future__ import annotations

import json

import pytest

from cdr.events import EventKind
from cdr.formats.framing import MAX_LINE
from cdr.formats.reading import IGNORED, Ignored, Reading
from cdr.formats.syslog import parse_line
from tests.cdr.formats.log_lines import STDERR, acc_line, acc_text, event, reading, rejection

FORGED_LINE = b"ACC: call missed: timestamp=1;method=BYE;from_tag=x;to_tag=y;call_id=z;code=486;reason=Busy Here"
LAYOUTS = {"known": reading(("ua", "src_ip"), ()), "unknown": Reading()}
both = pytest.mark.parametrize("told", LAYOUTS.values(), ids=LAYOUTS)


@both
@pytest.mark.parametrize(
    "agent",
    [
        b"x;call_id=forged@evil",
        b"x;method=BYE",
        b"x;code=486;reason=Busy Here",
        b"x;from_tag=1;to_tag=2;call_id=3;code=486;reason=4",
        b"x;timestamp=1;created=2;setuptime=3",
    ],
)
def test_a_core_field_inside_a_user_agent_does_not_win(told: Reading, agent: bytes) -> None:
    found = event(acc_line((b"ua", agent), (b"src_ip", b"10.0.0.1")), told)
    plain = event(acc_line((b"ua", b"x"), (b"src_ip", b"10.0.0.1")), told)

    assert found.extra == (("ua", agent.decode()), ("src_ip", "10.0.0.1"))
    assert found == plain._replace(extra=found.extra, raw=found.raw, flags=("forged_separator",))


@both
def test_a_whole_line_inside_a_user_agent_does_not_win(told: Reading) -> None:
    found = event(acc_line((b"ua", FORGED_LINE), (b"src_ip", b"10.0.0.1")), told)

    assert (found.kind, found.method, found.call_id) == (EventKind.ANSWERED, "INVITE", "1-1341-0@127.0.0.1")
    assert found.extra == (("ua", FORGED_LINE.decode()), ("src_ip", "10.0.0.1"))


def test_a_value_cannot_change_the_fields_before_it() -> None:
    found = event(acc_line((b"src_ip", b"10.0.0.1"), (b"ua", b"x;src_ip=1.2.3.4;ua=y")), reading(("src_ip", "ua"), ()))

    assert dict(found.extra)["src_ip"] == "10.0.0.1"
    assert found.flags == ("forged_separator",)


def test_a_value_that_holds_the_next_label_is_flagged() -> None:
    found = event(acc_line((b"ua", b"x;src_ip=1.2.3.4"), (b"src_ip", b"10.0.0.1")), reading(("ua", "src_ip"), ()))

    assert found.extra == (("ua", "x"), ("src_ip", "1.2.3.4;src_ip=10.0.0.1"))
    assert found.flags == ("forged_separator",)


@pytest.mark.parametrize("field", ["from_tag", "call_id", "reason"])
def test_a_core_value_that_holds_a_known_field_is_flagged(field: str) -> None:
    assert event(acc_line(**{field: b"x;method=BYE"})).flags == ("forged_separator",)


def test_a_leg_value_that_holds_a_known_field_is_flagged() -> None:
    line = acc_line((b"src", b"a;method=BYE"), (b"dst", b"b"))

    assert event(line, reading((), ("src", "dst"))).flags == ("forged_separator",)


@pytest.mark.parametrize(
    "value", [b"A/1; rev=7; x=y", b"sip:bob@h;transport=tcp", b"a=b;;=c;", b'"x";y', b"m\xc3\xa9thode=;z"]
)
def test_semicolons_and_equals_signs_alone_are_no_forgery(value: bytes) -> None:
    found = event(acc_line((b"ua", value)), reading(("ua",), ()))

    assert (found.extra, found.flags) == ((("ua", value.decode()),), ())


def test_a_reason_with_parameters_is_kept_whole() -> None:
    reason = b'Q.850;cause=16;text="Normal; call=clearing"'

    assert event(acc_line((b"ua", b"x"), reason=reason), reading(("ua",), ())).reason == reason.decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"A\r\n B", "A\r\n B"),
        (b"A#015#012 B", "A#015#012 B"),
        (b"\xff\xc3(", "\\xff\\xc3("),
        (b"a\0b", "a\\x00b"),
        ("Ünï ☎".encode(), "Ünï ☎"),
        (b"<b>&amp;</b>%s%n \\back `id` 'q' \"q\"", "<b>&amp;</b>%s%n \\back `id` 'q' \"q\""),
    ],
)
def test_values_are_kept_as_they_came(value: bytes, text: str) -> None:
    found = event(acc_line((b"ua", value), (b"src_ip", b"::1")), reading(("ua", "src_ip"), ()))

    assert found.extra == (("ua", text), ("src_ip", "::1"))


def test_the_escaped_end_of_line_is_no_part_of_the_last_value() -> None:
    assert event(acc_line() + b"#012").reason == "OK"


@pytest.mark.parametrize(
    "head",
    [
        b" 1(1) INFO: <script>: agent ",
        b" 1(1) INFO: {1 1 x} <script>: agent ",
        b" 1(1) INFO: <script>: acc [acc.c:287]: acc_log_request(): ",
        b" 1(1) INFO: <script>: x NOTICE:",
        b" 1(1) ERROR: db_mysql [km_dbase.c:123]: db_mysql_submit_query(): driver error on query: ",
        b" 1(1) ERROR: tm [t_fwd.c:1]: f(): acc [acc.c:287]: acc_log_request(): ",
        b"Nov 22 23:23:10 h kamailio[1]: INFO: <script>: agent ",
        b"kamailio-1  |  1(1) INFO: <script>: agent ",
        b"Nov 22 23:57:58 [22192] NOTICE:new call from ",
        b"Nov 22 23:57:58 [22192] INFO:core:f: x NOTICE:",
        b"Nov 22 23:23:10 h opensips[1]: new call by ",
        b"Nov 22 23:23:10 h opensips[1]: agent: ",
        b"<29>Nov 22 23:23:10 opensips[1]: agent: ",
        b"<29>1 2026-11-22T23:23:10Z h opensips 1 - - new call by ",
        b"Nov 22 23:57:58 [22192] agent: ",
        b"Nov 22 23:23:10 h kamailio[1]: message repeated 2 times: [ NOTICE: acc [acc.c:287]: acc_log_request(): ",
    ],
)
@pytest.mark.parametrize("text", [acc_text(), b"log_write_cdr(): start_time=1.0; end_time=2.0; duration=1.0"])
def test_what_another_message_quotes_is_no_event(head: bytes, text: bytes) -> None:
    assert parse_line(head + text, Reading()) is IGNORED


def test_a_forged_line_in_the_log_prefix_does_not_win() -> None:
    head = b" 1(1) NOTICE: {1 1 INVITE " + FORGED_LINE + b"} acc [acc.c:287]: acc_log_request(): "

    assert event(acc_line(head=head)).call_id == "1-1341-0@127.0.0.1"


def test_json_inside_a_user_agent_is_a_value() -> None:
    agent = json.dumps({"message": FORGED_LINE.decode()}).encode()
    line = acc_line((b"ua", agent), head=b"container | ")

    assert event(line, reading(("ua",), ())).extra == (("ua", agent.decode()),)


def test_accounting_text_far_behind_the_beginning_is_quoted() -> None:
    assert parse_line(b"x" * 2000 + b" " + acc_text(), Reading()) is IGNORED


def test_wrappings_within_wrappings_have_an_end() -> None:
    text = acc_text().decode()
    for _ in range(50):
        text = json.dumps({"log": text[:100_000]})

    assert isinstance(parse_line(text.encode()[: MAX_LINE // 2], Reading()), Ignored)


def test_a_line_that_no_proxy_writes_is_rejected_without_being_read_whole() -> None:
    found = rejection(acc_line((b"ua", b"x" * MAX_LINE)))

    assert len(found.raw) == MAX_LINE
    assert str(MAX_LINE) in found.reason


def test_a_long_line_without_accounting_is_ignored() -> None:
    assert parse_line(b"x" * (MAX_LINE + 1), Reading()) is IGNORED


def test_a_call_id_of_10_000_characters_is_kept() -> None:
    assert event(acc_line(call_id=b"c" * 10_000)).call_id == "c" * 10_000


@pytest.mark.parametrize(
    "tail",
    [
        b";a=" * 20_000,
        b";a=;b=" * 10_000,
        b";src=;dst=;type=" * 4_000,
        b"".join(b";n%d=" % number for number in range(10_000)),
        (b";" * 60_000),
        FORGED_LINE * 600,
    ],
    ids=["one name", "two names", "legs", "many names", "semicolons", "lines"],
)
@pytest.mark.parametrize("told", [Reading(), reading(("ua", "x"), ("src", "dst", "type"))], ids=["unknown", "known"])
def test_64_kilobytes_of_separators_give_an_event_with_its_core_fields(told: Reading, tail: bytes) -> None:
    assert event(STDERR + acc_text() + tail, told).call_id == "1-1341-0@127.0.0.1"
