"""Accounting in log lines: prefixes, what stands before them, times, extras, legs, records of dialogs."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, EventKind
from cdr.formats.reading import IGNORED, Reading
from cdr.formats.syslog import LineParser, parse_line, read
from proxyconf.vocabulary.layout import Backend, TimeLayout
from tests.cdr.formats.log_lines import acc_line, event, reading, rejection
from tests.cdr.formats.syslog_layouts import EXTRAS, LEGS, legs

THEN = datetime(2026, 11, 22, 23, 23, 10, tzinfo=UTC)  # 1795389790


def test_a_line_gives_all_core_fields_and_itself() -> None:
    line = acc_line()

    assert event(line) == AccEvent(
        kind=EventKind.ANSWERED,
        method="INVITE",
        from_tag="5F74EABB",
        to_tag="1338SIPpTag011",
        call_id="1-1341-0@127.0.0.1",
        code=200,
        reason="OK",
        time=THEN,
        precision=SECOND,
        backend=Backend.SYSLOG,
        raw=line,
    )


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_the_line_ending_is_no_part_of_the_line(ending: bytes) -> None:
    assert event(acc_line() + ending) == event(acc_line())


# Kinds


@pytest.mark.parametrize(
    ("prefix", "method", "code", "kind"),
    [
        (b"transaction answered", b"INVITE", b"200", EventKind.ANSWERED),
        (b"transaction answered", b"INVITE", b"486", EventKind.FAILED),
        (b"transaction answered", b"INVITE", b"183", EventKind.EARLY),
        (b"transaction answered", b"BYE", b"200", EventKind.BYE),
        (b"transaction answered", b"BYE", b"481", EventKind.BYE),
        (b"transaction answered", b"CANCEL", b"200", EventKind.CANCEL),
        (b"call missed", b"INVITE", b"486", EventKind.MISSED),
        (b"request acknowledged", b"ACK", b"200", EventKind.ACK),
        (b"request accounted", b"INVITE", b"404", EventKind.MANUAL),
        (b"request accounted", b"INVITE", b"", EventKind.MANUAL),
    ],
)
def test_prefix_method_and_code_make_the_kind(prefix: bytes, method: bytes, code: bytes, kind: EventKind) -> None:
    found = event(acc_line(prefix=prefix, method=method, code=code))

    assert (found.kind, found.method, found.code) == (kind, method.decode(), int(code or 0))


# What stands before

PRIORITY = b"<29>"


RFC5424 = b"1 2026-11-22T23:23:10.706481+00:00 sip-proxy-1 kamailio 5700 - - "


KAMAILIO = b"NOTICE: acc [acc.c:287]: acc_log_request(): "


HEADERS = {
    "none": b"",
    "RFC 3164": b"Nov 22 23:23:10 sip-proxy-1 kamailio[5700]: ",
    "RFC 3164 with priority": PRIORITY + b"Nov 22 23:23:10 sip-proxy-1 kamailio[5700]: ",
    "RFC 3164, first of the month": b"Nov  2 23:23:10 sip-proxy-1 kamailio[5700]: ",
    "RFC 3164 with the year": b"Nov 22 2026 23:23:10 sip-proxy-1 kamailio[5700]: ",
    "RFC 3164 without host": PRIORITY + b"Nov 22 23:23:10 kamailio[5700]: ",
    "RFC 3164 without process": b"Nov 22 23:23:10 sip-proxy-1 kamailio: ",
    "RFC 3164, host is an IPv6 address": b"Nov 22 23:23:10 fe80::1 kamailio[5700]: ",
    "ISO time": b"2026-11-22T23:23:10.706481+00:00 sip-proxy-1 /usr/sbin/kamailio[5700]: ",
    "RFC 5424": PRIORITY + RFC5424,
    "RFC 5424, message after two blanks": PRIORITY + RFC5424 + b" ",
    "RFC 5424 without priority": RFC5424,
    "RFC 5424 without priority and version": RFC5424[2:],
    "RFC 5424 with nothing known": PRIORITY + b"1 2026-11-22T23:23:10Z - - - - - ",
    "RFC 5424 with structured data": PRIORITY + RFC5424[:-2] + b'[meta@1 a="\\"\\]" b="x"][origin ip="::1"] ',
    "RFC 5424 with a byte order mark": PRIORITY + RFC5424 + b"\xef\xbb\xbf",
    "stderr of Kamailio": b" 1(1326) ",
    "stderr of Kamailio, two digits": b"12(1326) ",
    "stderr of Kamailio in syslog": b"Nov 22 23:23:10 sip-proxy-1 kamailio[5700]:  1(1326) ",
    "stderr of OpenSIPS": b"Nov 22 23:57:58 [22192] ",
    "stderr of OpenSIPS in syslog": b"Nov 22 23:23:10 sip-proxy-1 opensips[57]: Nov 22 23:57:58 [22192] ",
    "docker compose": b"kamailio-1  |  1(1326) ",
    "container runtime": b"2026-11-22T23:23:10.123456789Z stdout F  1(1326) ",
}


PROXIES = {
    "OpenSER": b"",
    "OpenSIPS 3.4": b"NOTICE:",
    "OpenSIPS 3.4 with log_prefix": b"edge1 NOTICE:",
    "OpenSIPS 3.4 at another level": b"INFO:",
    "Kamailio": KAMAILIO,
    "Kamailio 3.0": b"NOTICE: acc [acc.c:255]: ",
    "Kamailio at another level": b"INFO: acc [acc.c:287]: acc_log_request(): ",
    "Kamailio with log_prefix": b"NOTICE: {1 1 INVITE 1-1341-0@127.0.0.1} acc [acc.c:287]: acc_log_request(): ",
    "Kamailio with an address as log_prefix": b"NOTICE: [10.0.0.1:5060]: acc [acc.c:287]: acc_log_request(): ",
}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_every_header_and_proxy_prefix_leads_to_the_same_event(header: bytes, proxy: bytes) -> None:
    line = acc_line(head=header + proxy)

    assert event(line) == event(acc_line())._replace(raw=line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" 2(1883) INFO: <script>: hangup of 1-1902-0@127.0.0.1 from 127.0.0.1:17200",
        b" 1(1) ERROR: db_postgres [km_dbase.c:245]: insert into ACC: request accounted:  (method,from_tag) values (1)",
        b" 1(1) INFO: <script>: the ACC: lines come to this file",
        b"ACC: something else: timestamp=1795389790;method=INVITE",
        b"Nov 22 23:23:10 sip-proxy-1 job[1]: start_time=17; end_time=18; done",
        b"Nov 22 23:23:10 sip-proxy-1 job[1]: log_write_cdr is a function",
        b"\x00\xff\xfe",
    ],
)
def test_other_lines_are_ignored(line: bytes) -> None:
    assert parse_line(line, Reading()) is IGNORED


# Time


def clock(text: bytes, time: TimeLayout | None = None) -> tuple[timedelta, int]:
    found = event(acc_line(clock=b"timestamp=1795389790" + text), reading((), (), time=time or TimeLayout()))
    return found.time - THEN, found.precision


def test_microseconds_of_time_mode_1_are_not_padded() -> None:
    assert clock(b";time_exten=42", TimeLayout(mode=1)) == (timedelta(microseconds=42), MICROSECOND)


def test_the_fraction_of_time_mode_2_is_exact() -> None:
    assert clock(b";time_attr=1795389790.706", TimeLayout(mode=2)) == (timedelta(milliseconds=706), MILLISECOND)


def test_the_fraction_of_time_mode_2_may_be_rounded_up_to_the_next_second() -> None:
    assert clock(b";time_attr=1795389791.000", TimeLayout(mode=2)) == (timedelta(seconds=1), MILLISECOND)


@pytest.mark.parametrize("mode", [3, 4])
def test_the_text_of_time_modes_3_and_4_says_no_more_than_the_timestamp(mode: int) -> None:
    assert clock(b";time_attr=2026-11-22 18:23:10", TimeLayout(mode=mode)) == (timedelta(0), SECOND)


def test_the_time_fields_have_the_names_of_the_layout() -> None:
    named = TimeLayout(mode=1, exten="usec")

    assert clock(b";usec=999999", named) == (timedelta(microseconds=999999), MICROSECOND)


def test_the_time_fields_are_no_extras() -> None:
    assert event(acc_line((b"ua", b"x"), clock=b"timestamp=1795389790;time_exten=42"), Reading()).extra == (
        ("ua", "x"),
    )


def test_opensips_tells_when_the_call_was_created() -> None:
    found = event(acc_line(clock=b"timestamp=1795389790;created=1795389788;setuptime=2"))

    assert (found.time, found.created_at) == (THEN, THEN - timedelta(seconds=2))
    assert found.extra == ()


def test_created_0_of_opensips_is_unknown() -> None:
    found = event(acc_line(clock=b"timestamp=1795389790;created=0;setuptime=1795389790"))

    assert (found.time, found.created_at, found.duration_us) == (THEN, None, None)


@pytest.mark.parametrize("clock", [b"timestamp=", b"timestamp=x", b"timestamp=-1", b"timestamp=999999999999"])
def test_a_time_that_is_none_is_rejected_and_named(clock: bytes) -> None:
    assert clock.partition(b"=")[2].decode() in rejection(acc_line(clock=clock)).reason


def test_extras_keep_their_configured_order_and_empty_values() -> None:
    found = event(acc_line((b"ua", b"A/1"), (b"uuid", b""), (b"src_ip", b"10.0.0.1")), reading(EXTRAS, ()))

    assert found.extra == (("ua", "A/1"), ("uuid", ""), ("src_ip", "10.0.0.1"))


def test_legs_are_kept_as_received() -> None:
    line = acc_line(*legs((b"bob", b"carol", b"1"), (b"alice", b"bob", b"0")))

    assert event(line, reading((), LEGS)).legs == (
        (("src", "bob"), ("dst", "carol"), ("type", "1")),
        (("src", "alice"), ("dst", "bob"), ("type", "0")),
    )


def test_a_set_of_empty_leg_values_is_no_leg() -> None:
    found = event(acc_line(*legs((b"", b"", b""))), reading((), LEGS))

    assert (found.legs, found.flags) == ((), ())


def test_the_last_of_mixed_legs_keeps_its_empty_value() -> None:
    line = acc_line(*legs((b"a3", b"b3", b"1"), (b"a1", b"", b"")))

    assert event(line, reading((), LEGS)).legs[-1] == (("src", "a1"), ("dst", ""), ("type", ""))


def test_legs_follow_the_extras() -> None:
    found = event(acc_line((b"ua", b"x;y=z"), *legs((b"a", b"b", b"0"))), reading(("ua",), LEGS))

    assert found.extra == (("ua", "x;y=z"),)
    assert found.legs == ((("src", "a"), ("dst", "b"), ("type", "0")),)


def test_a_single_leg_label_may_come_several_times() -> None:
    found = event(acc_line((b"via", b"a"), (b"via", b"b")), reading((), ("via",)))

    assert found.legs == ((("via", "a"),), (("via", "b"),))


def test_a_label_that_is_extra_and_leg_is_told_by_its_place() -> None:
    found = event(acc_line((b"src", b"10.0.0.1"), *legs((b"a", b"b", b"0"))), reading(("src",), LEGS))

    assert found.extra == (("src", "10.0.0.1"),)
    assert found.legs == ((("src", "a"), ("dst", "b"), ("type", "0")),)


def test_a_configured_extra_that_is_absent_amid_the_others_is_no_cut() -> None:
    found = event(acc_line((b"ua", b"A/1"), (b"src_ip", b"10.0.0.1")), reading(EXTRAS, ()))

    assert (found.extra, found.flags) == ((("ua", "A/1"), ("src_ip", "10.0.0.1")), ())


# Without a layout


def test_without_a_layout_what_follows_the_reason_are_extras() -> None:
    found = event(acc_line((b"ua", b"A/1; rev=7"), (b"src_ip", b"10.0.0.1")), Reading())

    assert found.extra == (("ua", "A/1; rev=7"), ("src_ip", "10.0.0.1"))


def test_without_a_layout_names_that_repeat_to_the_end_are_legs() -> None:
    line = acc_line((b"ua", b"A/1"), (b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", b"4"))
    found = event(line, Reading())

    assert found.extra == (("ua", "A/1"),)
    assert found.legs == ((("a", "1"), ("b", "2")), (("a", "3"), ("b", "4")))


@pytest.mark.parametrize("names", [(b"src", b"dst", b"type"), (b"leg_src", b"leg_dst"), (b"source", b"destination")])
def test_without_a_layout_well_known_names_are_a_leg(names: tuple[bytes, ...]) -> None:
    found = event(acc_line((b"ua", b"A/1"), *((name, b"x") for name in names)), Reading())

    assert found.extra == (("ua", "A/1"),)
    assert found.legs == (tuple((name.decode(), "x") for name in names),)


def test_without_a_layout_parameters_of_sip_are_no_extras() -> None:
    uri, reason = b"sip:bob@h;transport=tcp;user=phone;lr=on", b'Q.850;cause=16;text="x"'
    found = event(acc_line((b"ru", uri), reason=reason), Reading())

    assert (found.reason, found.extra) == (reason.decode(), (("ru", uri.decode()),))


def test_a_user_may_be_an_extra_though_user_is_a_parameter_of_uris() -> None:
    assert event(acc_line((b"user", b"alice")), Reading()).extra == (("user", "alice"),)


def test_extras_known_and_legs_unknown_leaves_only_the_legs_to_guess() -> None:
    line = acc_line((b"ua", b"x;y=z"), *legs((b"a", b"b", b"0"), (b"c", b"d", b"1")))
    found = event(line, reading(("ua",), None))

    assert found.extra == (("ua", "x;y=z"),)
    assert [dict(leg)["src"] for leg in found.legs] == ["a", "c"]


def test_legs_known_and_extras_unknown_leaves_only_the_extras_to_guess() -> None:
    line = acc_line((b"ua", b"A/1"), (b"a", b"1"), (b"b", b"2"))
    found = event(line, reading(None, ("a", "b")))

    assert found.extra == (("ua", "A/1"),)
    assert found.legs == ((("a", "1"), ("b", "2")),)


def test_no_legs_known_and_extras_unknown_makes_all_names_extras() -> None:
    assert event(acc_line(*legs((b"a", b"b", b"0"))), reading(None, ())).extra == (
        ("src", "a"),
        ("dst", "b"),
        ("type", "0"),
    )


# Malformed lines


@pytest.mark.parametrize("text", [b"garbage", b"", b"timestamp", b"INVITE,a,b"])
@pytest.mark.parametrize(
    "head", [b"", b"NOTICE: acc [acc.c:287]: acc_log_request(): ", b"Nov 22 23:23:10 h kamailio[1]: "]
)
def test_a_line_that_claims_to_be_accounting_and_is_none_is_rejected(head: bytes, text: bytes) -> None:
    assert "neither" in rejection(head + b"ACC: transaction answered: " + text).reason


# Streams


def test_a_log_gives_one_result_per_line() -> None:
    log = b"\n".join([b"first", acc_line(), b"", acc_line()[:90], acc_line(method=b"BYE")])
    kinds = [type(found).__name__ for found in read(io.BytesIO(log), Reading())]

    assert kinds == ["Ignored", "AccEvent", "Ignored", "Rejection", "AccEvent"]


def test_an_empty_log_gives_nothing() -> None:
    assert list(read(io.BytesIO(b""), Reading())) == []


def test_a_value_that_was_folded_over_lines_is_joined() -> None:
    log = acc_line((b"ua", b"A/1\r\n (x)\r\n\t(y)"), (b"src_ip", b"::1")) + b"\n 1(1326) INFO: <script>: next\n"
    first, second = read(io.BytesIO(log), reading(("ua", "src_ip"), ()))

    assert isinstance(first, AccEvent)
    assert first.extra == (("ua", "A/1\r\n (x)\r\n\t(y)"), ("src_ip", "::1"))
    assert second is IGNORED


def test_a_log_with_carriage_returns_throughout_is_read_line_by_line() -> None:
    log = acc_line() + b"\r\n" + acc_line(method=b"BYE") + b"\r\n"

    assert [found.method for found in read(io.BytesIO(log), Reading()) if isinstance(found, AccEvent)] == [
        "INVITE",
        "BYE",
    ]


def test_a_parser_serves_many_lines() -> None:
    parser = LineParser(reading(("ua",), ()))

    assert [parser.parse(acc_line((b"ua", ua))) for ua in (b"A", b"B")] == [
        event(acc_line((b"ua", ua)), reading(("ua",), ())) for ua in (b"A", b"B")
    ]
