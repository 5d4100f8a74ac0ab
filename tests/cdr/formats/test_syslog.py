"""Accounting in log lines: prefixes, what stands before them, times, extras, legs, records of dialogs."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, Kind
from cdr.formats.reading import IGNORED, Reading
from cdr.formats.syslog import LineParser, parse_line, read
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout, Role, TimeLayout
from proxyconf.vocabulary.products import Product, Version
from tests.cdr.formats.log_lines import acc_line, acc_text, event, reading, rejection

THEN = datetime(2026, 11, 22, 23, 23, 10, tzinfo=UTC)  # 1795389790


def test_a_line_gives_all_core_fields_and_itself() -> None:
    line = acc_line()

    assert event(line) == AccEvent(
        kind=Kind.ANSWERED,
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
        (b"transaction answered", b"INVITE", b"200", Kind.ANSWERED),
        (b"transaction answered", b"INVITE", b"486", Kind.FAILED),
        (b"transaction answered", b"INVITE", b"183", Kind.EARLY),
        (b"transaction answered", b"BYE", b"200", Kind.BYE),
        (b"transaction answered", b"BYE", b"481", Kind.BYE),
        (b"transaction answered", b"CANCEL", b"200", Kind.CANCEL),
        (b"call missed", b"INVITE", b"486", Kind.MISSED),
        (b"request acknowledged", b"ACK", b"200", Kind.ACK),
        (b"request accounted", b"INVITE", b"404", Kind.MANUAL),
        (b"request accounted", b"INVITE", b"", Kind.MANUAL),
    ],
)
def test_prefix_method_and_code_make_the_kind(prefix: bytes, method: bytes, code: bytes, kind: Kind) -> None:
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


# Extras and legs

EXTRAS = ("ua", "uuid", "src_ip")
LEGS = ("src", "dst", "type")


def legs(*sets: tuple[bytes, bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for one in sets for pair in zip((b"src", b"dst", b"type"), one, strict=True)]


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


# Records of dialogs: OpenSIPS


def test_a_call_that_ended_tells_start_end_and_duration() -> None:
    times = b"created=1795391965;call_start_time=1795391966;duration=3;ms_duration=2303;setuptime=1"
    found = event(acc_line(head=b"NOTICE:", prefix=b"call ended", clock=times))
    started = datetime.fromtimestamp(1795391966, UTC)

    assert (found.kind, found.time, found.precision) == (Kind.CDR, started, SECOND)
    assert found.duration_us == 2_303_000
    assert found.ended_at == started + timedelta(microseconds=2_303_000)
    assert found.created_at == started - timedelta(seconds=1)


def test_before_opensips_2_2_the_duration_is_in_seconds() -> None:
    times = b"created=1795391965;call_start_time=1795391966;duration=3;setuptime=1"

    assert event(acc_line(prefix=b"call ended", clock=times)).duration_us == 3_000_000


def test_a_call_that_ended_without_its_start_is_rejected() -> None:
    assert (
        "call_start_time=" in rejection(acc_line(prefix=b"call ended", clock=b"created=1795391965;duration=3")).reason
    )


# Records of dialogs: Kamailio

DIALOG = b"start_time=1795389825.675; end_time=1795389827.978; duration=2.303"
WRITER = b" 1(1882) NOTICE: acc [acc_cdr.c:395]: log_write_cdr(): "


def dialogs(*extras: str, **cdr: Any) -> Reading:
    return Reading(layout=FieldLayout(cdr=CdrLayout(extras=extras, **cdr)))


def test_kamailios_record_of_a_dialog_has_its_times_and_extras() -> None:
    found = event(WRITER + DIALOG + b"; caller=alice; callee=bob; callid=a@b", dialogs("caller", "callee", "callid"))
    started = datetime.fromtimestamp(1795389825, UTC)

    assert (found.kind, found.code, found.reason) == (Kind.CDR, 0, "")
    assert found.time == started + timedelta(milliseconds=675)
    assert found.ended_at == started + timedelta(milliseconds=2978)
    assert (found.duration_us, found.precision) == (2_303_000, MILLISECOND)
    assert found.extra == (("caller", "alice"), ("callee", "bob"), ("callid", "a@b"))
    assert (found.call_id, found.from_tag, found.to_tag) == ("a@b", "", "")


def test_the_roles_of_its_extras_tell_a_dialogs_call_id_and_tags() -> None:
    layout = FieldLayout(
        cdr=CdrLayout(extras=("id", "ft", "tt")),
        roles={"id": Role.CALL_ID, "ft": Role.FROM_TAG, "tt": Role.TO_TAG},
    )
    found = event(WRITER + DIALOG + b"; id=a@b; ft=1; tt=2", Reading(layout=layout))

    assert (found.call_id, found.from_tag, found.to_tag) == ("a@b", "1", "2")


def test_a_dialog_without_extras_has_no_call_id() -> None:
    assert event(WRITER + DIALOG, dialogs()).call_id == ""


def test_a_failed_invite_lasts_0() -> None:
    line = WRITER + b"start_time=1795389825.522; end_time=1795389825.522; duration=0; caller=erin"

    assert event(line).duration_us == 0


@pytest.mark.parametrize(
    ("decimals", "precision"), [(b".0", SECOND), (b".675", MILLISECOND), (b".675123", MICROSECOND), (b"", SECOND)]
)
def test_the_decimals_of_a_dialogs_start_tell_its_precision(decimals: bytes, precision: int) -> None:
    line = b"start_time=1795389825%b; end_time=1795389826%b; duration=1%b" % (decimals, decimals, decimals)

    assert event(WRITER + line).precision == precision


@pytest.mark.parametrize(
    "head",
    [b"", b" 1(1882) NOTICE: acc [acc_cdr.c:395]: ", b"Nov 22 23:23:10 h kamailio[1]: NOTICE: acc [acc_cdr.c:9]: "],
)
def test_a_dialog_is_known_by_its_first_name_without_the_function(head: bytes) -> None:
    assert (
        event(head + b"st=1.500; et=2.500; d=1.000; caller=a", dialogs("caller", start="st")).duration_us == 1_000_000
    )


def test_a_dialog_is_known_by_the_function_whatever_its_names() -> None:
    assert event(WRITER + b"a=1.500; b=2.500; c=1.000; caller=x").extra == (("caller", "x"),)


def test_without_a_layout_what_looks_like_a_name_after_semicolon_and_blank_is_a_dialogs_extra() -> None:
    found = event(WRITER + DIALOG + b"; ua=A/1 (x;y=z); caller=; caller=x", Reading())

    assert found.extra == (("ua", "A/1 (x;y=z)"), ("caller", "; caller=x"))
    assert found.flags == ("forged_separator",)


def test_extras_of_a_dialog_that_the_layout_does_not_have_are_not_lost() -> None:
    assert event(WRITER + DIALOG + b"; gateway=gw1; caller=a", dialogs("caller")).extra == (
        ("gateway", "gw1"),
        ("caller", "a"),
    )


def test_a_dialog_whose_last_extras_are_missing_was_cut() -> None:
    found = event(WRITER + DIALOG + b"; caller=alice; callee=bo", dialogs("caller", "callee", "callid"))

    assert (found.extra, found.flags) == ((("caller", "alice"),), ("truncated",))


def test_a_dialog_that_is_cut_within_its_times_is_rejected() -> None:
    assert '"start_time=1795389825.675; end_t"' in rejection(WRITER + DIALOG[:32]).reason


# JSON


def structured(**members: Any) -> bytes:
    return json.dumps(members).encode()


TEXT = acc_text((b"ua", b'A "1"\r\n \xc3\xbc')).decode()
WRAPPINGS = {
    "Kamailio": structured(level="NOTICE", module="acc", function="acc_log_request", message=TEXT + "\n"),
    "Kamailio with log prefix": structured(
        module="acc", function="acc_log_request", logprefix="{1 1 x} ", message=TEXT
    ),
    "Kamailio with its name before the keys": json.dumps(
        {"kamailio.module": "acc", "kamailio.function": "acc_log_request", "kamailio.message": TEXT}
    ).encode(),
    "Kamailio with text in an object": structured(module="acc", function="acc_log_request", message={"text": TEXT}),
    "CEE": b"@cee: " + structured(subsys="acc", native={"function": "acc_log_request"}, msg=TEXT),
    "OpenSIPS": structured(time="Nov 22 23:57:58", pid=1, level="NOTICE", message=TEXT),
    "container": structured(log=" 1(1326) NOTICE: acc [acc.c:287]: acc_log_request(): " + TEXT + "\n", stream="stderr"),
    "container of Kamailio's own": structured(log=structured(module="acc", message=TEXT).decode() + "\n"),
    "journald": structured(MESSAGE="NOTICE:" + TEXT, _PID="1"),
    "journald, list of bytes": structured(MESSAGE=list(TEXT.encode())),
}


@pytest.mark.parametrize("header", [b"", b"Nov 22 23:23:10 h kamailio[1]: ", b"kamailio-1  | "])
@pytest.mark.parametrize("line", WRAPPINGS.values(), ids=WRAPPINGS)
def test_the_text_inside_a_json_object_is_read(line: bytes, header: bytes) -> None:
    line = (header + line).replace(b", 67", b",67").replace(b", ", b",") if b"[65" in line else header + line

    assert event(line, reading(("ua",), ())) == event(
        acc_text((b"ua", b'A "1"\r\n \xc3\xbc')), reading(("ua",), ())
    )._replace(raw=line)


def test_a_dialog_inside_a_json_object_is_known_by_the_function() -> None:
    line = structured(module="acc", function="log_write_cdr", message="a=1.500; b=2.500; c=1.000; caller=x\n")

    assert event(line).extra == (("caller", "x"),)


@pytest.mark.parametrize("module", ["xlog", "<script>", "core"])
def test_json_of_another_module_is_ignored(module: str) -> None:
    line = structured(level="INFO", module=module, function="xlog_1", message=TEXT)

    assert parse_line(line, Reading()) is IGNORED


def test_a_json_object_that_was_cut_is_rejected() -> None:
    assert "JSON" in rejection(structured(level="NOTICE", module="acc", message=TEXT)[:-20]).reason


def test_lines_of_acc_json_are_read_as_such() -> None:
    members = {
        "time": 1795391610,
        "method": "INVITE",
        "from_tag": "a",
        "to_tag": "b",
        "callid": "c@d",
        "sip_code": "200",
    }
    line = b"<25>Nov 22 23:53:30 json_acc[21364]: " + structured(**members)
    found = event(line)

    assert (found.backend, found.call_id, found.raw) == (Backend.JSON, "c@d", line)


def test_a_line_of_acc_json_that_is_cut_is_rejected_with_the_whole_line() -> None:
    line = b'<25>Nov 22 23:53:30 json_acc[21364]: {"time": 1795391610, "meth'

    assert rejection(line).raw == line


# Malformed lines


@pytest.mark.parametrize("text", [b"garbage", b"", b"timestamp", b"INVITE,a,b"])
@pytest.mark.parametrize(
    "head", [b"", b"NOTICE: acc [acc.c:287]: acc_log_request(): ", b"Nov 22 23:23:10 h kamailio[1]: "]
)
def test_a_line_that_claims_to_be_accounting_and_is_none_is_rejected(head: bytes, text: bytes) -> None:
    assert "neither" in rejection(head + b"ACC: transaction answered: " + text).reason


# Cut lines


@pytest.mark.parametrize("length", range(len(acc_text().partition(b";reason=")[0])))
def test_a_line_that_is_cut_before_its_reason_is_rejected_with_advice(length: int) -> None:
    text = acc_text()[:length]
    found = parse_line(text, reading((), ()))

    if text.startswith(b"ACC: transaction answered: "):
        assert "cut" in rejection(text).reason
    else:
        assert found is IGNORED


def test_a_rejection_says_what_is_missing_and_holds_the_line() -> None:
    line = acc_line()[: acc_line().index(b";call_id")]
    found = rejection(line)

    assert found.raw == line
    assert 'no ";call_id=" after "1338SIPpTag011"' in found.reason
    assert f"{len(line)} bytes" in found.reason


def test_a_code_that_is_no_number_is_rejected() -> None:
    assert "code=" in rejection(acc_line(code=b"abc")).reason


def test_missing_labels_at_the_end_tell_a_cut_and_the_last_value_is_left_out() -> None:
    found = event(acc_line((b"ua", b"A/1"), (b"uuid", b"ed6c")), reading(EXTRAS, ()))

    assert (found.extra, found.flags) == ((("ua", "A/1"),), ("truncated",))


def test_a_cut_within_the_reason_keeps_it() -> None:
    found = event(acc_line(reason=b"Busy He"), reading(EXTRAS, LEGS))

    assert (found.reason, found.extra, found.legs, found.flags) == ("Busy He", (), (), ("truncated",))


@pytest.mark.parametrize("begun", [b";", b";u", b";ua"])
def test_a_cut_within_the_first_label_leaves_nothing_of_it_in_the_reason(begun: bytes) -> None:
    found = event(acc_line(reason=b"Busy Here" + begun), reading(EXTRAS, LEGS))

    assert (found.reason, found.flags) == ("Busy Here", ("truncated",))


def test_a_cut_within_the_legs_leaves_out_the_last_value() -> None:
    line = acc_line(*legs((b"bob", b"carol", b"1"))) + b";src=alice;dst=bo"
    found = event(line, reading((), LEGS))

    assert found.legs == ((("src", "bob"), ("dst", "carol"), ("type", "1")), (("src", "alice"),))
    assert found.flags == ("truncated",)


def test_a_cut_within_the_first_value_of_a_leg_leaves_out_the_leg() -> None:
    found = event(acc_line((b"src", b"ali")), reading((), LEGS))

    assert (found.legs, found.flags) == ((), ("truncated",))


def test_opensips_writes_no_extras_for_the_script_and_that_is_no_cut() -> None:
    told = Reading(layout=reading(EXTRAS, LEGS).layout, product=Product.OPENSIPS, version=Version(3, 6))

    assert event(acc_line(prefix=b"request accounted"), told).flags == ()


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
