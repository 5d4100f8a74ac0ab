"""FreeRADIUS detail files, with and without a dictionary that knows SIP."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, AccEvent, EventKind, fingerprint
from cdr.formats import radius, radius_detail
from cdr.formats.radius_dictionary import parse
from cdr.formats.reading import Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.recorded_lines import ROOT, content

FOLDER = "01-answered-caller-hangup-freeradius"
RECORDED = content(FOLDER, "freeradius_detail.txt")
START = RECORDED.split(b"\n\n")[0].decode()
OPENSIPS = Reading(product=Product.OPENSIPS)


def read(text: str | bytes, reading: Reading | None = None) -> list[AccEvent | Rejection]:
    raw = text.encode() if isinstance(text, str) else text
    return list(radius_detail.read(io.BytesIO(raw), reading or Reading()))


def one(text: str | bytes, reading: Reading | None = None) -> AccEvent:
    (parsed,) = read(text, reading)
    assert isinstance(parsed, AccEvent), parsed
    return parsed


def with_line(line: str, *, instead_of: str = "NAS-Port = 5060") -> str:
    assert instead_of in START
    return START.replace(instead_of, line)


def bare(event: AccEvent) -> AccEvent:
    return event._replace(raw=b"")


@pytest.mark.parametrize("path", [ROOT / FOLDER / "freeradius_detail.txt", ROOT / "freeradius_detail.txt"])
def test_a_recorded_file_tells_what_its_packets_tell(path: object) -> None:
    with open(str(path), "rb") as stream:  # noqa: PTH123
        told = list(radius_detail.read(stream, Reading()))
    packets = list(radius.read_jsonl(io.BytesIO(content(FOLDER, "radius.jsonl")), Reading()))
    assert [bare(event) for event in told] == [bare(event) for event in packets]
    assert [fingerprint(event) for event in told] == [fingerprint(event) for event in packets]


def test_an_event_holds_the_text_of_its_record() -> None:
    assert one(START + "\n\n").raw == START.encode()


def test_records_need_no_empty_line_between_them() -> None:
    assert len(read(RECORDED.replace(b"\n\n", b"\n"))) == 4


def test_windows_line_ends_do_not_matter() -> None:
    assert [bare(event) for event in read(RECORDED.replace(b"\n", b"\r\n"))] == [bare(e) for e in read(RECORDED)]


# Without dictionary.openser

IANA = START.replace("Sip-Method = INVITE", "Error-Cause = 1").replace(
    "Sip-Response-Code = 200", "EAP-Key-Name = 0x000000c8"
).replace("Sip-From-Tag", "Digest-Nonce").replace("Sip-To-Tag", "Digest-Realm").replace(
    "Service-Type = Sip-Session", "Service-Type = 15"
)  # fmt: skip


def test_names_of_iana_are_led_back_to_their_numbers() -> None:
    assert bare(one(IANA)) == bare(one(START))


def test_names_of_iana_stay_where_the_record_knows_sip() -> None:
    assert one(with_line('Digest-Realm = "lab.example"')).extra[0] == ("Digest-Realm", "lab.example")


def test_numbers_of_iana_follow_the_proxys_dictionary() -> None:
    own = parse(content(FOLDER, "dictionary").decode())
    assert bare(radius_detail.DetailReader(own).parse(IANA.encode(), Reading())) == bare(one(START))


def test_unknown_numbers_of_opensips_are_led_back() -> None:
    text = (
        START.replace("Sip-Method = INVITE", "Attr-204 = 0x00000001")
        .replace("Sip-Response-Code = 200", "Attr-205 = 0x000000c8")
        .replace('Sip-From-Tag = "5F74EABB"', 'X-Ascend-Menu-Item = "5F74EABB"')
        .replace('Sip-To-Tag = "9261SIPpTag011"', "Attr-207 = 0x3932363153495070546167303131")
    )
    assert bare(one(text, OPENSIPS)) == bare(one(START))


def test_a_string_attribute_of_ascend_that_held_a_number_is_one() -> None:
    text = (
        START.replace("Sip-Method = INVITE", "X-Ascend-Token-Expiry = 1")
        .replace("Sip-Response-Code = 200", 'X-Ascend-Menu-Selector = "\\000\\000\\001\\346"')
        .replace("Acct-Status-Type = Start", "Acct-Status-Type = Failed")
    )
    assert (one(text).method, one(text).code) == ("INVITE", 486)


# Values


def test_value_names_of_ascend_are_led_back_to_0_and_1() -> None:
    text = with_line("Sip-Call-Duration = 3\n\tSip-Call-Setuptime = Route-IP-Yes\n\tSip-Call-Created = Route-IPX-No")
    found = one(text, OPENSIPS)
    assert (found.created_at, found.duration_us) == (None, None)
    assert [name for name, _ in found.extra] == ["NAS-IP-Address"]


def test_an_opensips_dialog_record_is_read() -> None:
    text = START.replace("Acct-Status-Type = Start", "Acct-Status-Type = Stop").replace(
        "NAS-Port = 5060", "Sip-Call-MSDuration = 2303\n\tSip-Call-Created = 1795390765"
    )
    found = one(text, OPENSIPS)
    assert (found.kind, found.duration_us) == (EventKind.CDR, 2_303_000)
    assert found.created_at == datetime(2026, 11, 22, 23, 39, 25, tzinfo=UTC)


@pytest.mark.parametrize(("name", "kind"), [("Alive", EventKind.INTERIM), ("Interim-Update", EventKind.INTERIM)])
def test_both_names_of_interim_are_known(name: str, kind: EventKind) -> None:
    assert one(with_line(f"Acct-Status-Type = {name}", instead_of="Acct-Status-Type = Start")).kind is kind


def test_a_method_without_a_name_is_read_by_the_products_numbers() -> None:
    text = with_line("Sip-Method = 32", instead_of="Sip-Method = INVITE").replace("Start", "Failed")
    assert (one(text).method, one(text, OPENSIPS).method) == ("REGISTER", "OPTIONS")


def test_escapes_are_undone() -> None:
    text = with_line(r'User-Name = "a\"b\\c\nd\tx\351\346\227\245"')
    assert one(text).extra[0] == ("User-Name", 'a"b\\c\nd\tx\\xe9日')


def test_repeated_attributes_are_legs() -> None:
    lines = "\n\t".join(f'{name} = "{text}"' for name, text in (("src", "b"), ("dst", "c"), ("src", "a"), ("dst", "b")))
    layout = FieldLayout(legs={Backend.RADIUS: ("src", "dst")})
    assert one(with_line(lines), Reading(layout=layout)).legs == (
        (("src", "b"), ("dst", "c")),
        (("src", "a"), ("dst", "b")),
    )


def test_a_time_that_is_no_date_to_freeradius_is_read() -> None:
    text = with_line(
        f"Attr-55 = 0x{b'1795390766.013862'.hex()}", instead_of='Event-Timestamp = "Nov 22 2026 23:39:26 UTC"'
    )
    found = one(text)
    assert (found.time.microsecond, found.precision) == (13862, MICROSECOND)


@pytest.mark.parametrize(
    ("printed", "zone"),
    [
        ("Nov 22 2026 23:39:26 GMT", "UTC"),
        ("Nov 23 2026 00:39:26 CET", "Europe/Berlin"),
        ("Nov 22 2026 20:39:26 -03", "UTC"),
        ("Nov 23 2026 05:09:26 +0530", "UTC"),
        ("Nov 22 2026 18:39:26 EST", "UTC"),  # not the proxy's: nearest to when the packet came
    ],
)
def test_the_zone_of_a_date_is_understood(printed: str, zone: str) -> None:
    text = with_line(f'Event-Timestamp = "{printed}"', instead_of='Event-Timestamp = "Nov 22 2026 23:39:26 UTC"')
    assert one(text, Reading(zone=ZoneInfo(zone))).time == datetime(2026, 11, 22, 23, 39, 26, tzinfo=UTC)


@pytest.mark.parametrize(("name", "hour"), [("CEST", 0), ("CET", 1)])
def test_the_hour_that_comes_twice_is_told_by_its_zone(name: str, hour: int) -> None:
    text = with_line(f'Event-Timestamp = "Oct 25 2026 02:30:00 {name}"', instead_of='Event-Timestamp = "Nov 22 2026 23:39:26 UTC"')  # noqa: E501  # fmt: skip
    assert one(text, Reading(zone=ZoneInfo("Europe/Berlin"))).time == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


# What cannot be read

REASONS = [
    ("Event-Timestamp = \"Nov 32 2026 23:39:26 UTC\"", "not a valid date"),
    ("Event-Timestamp = soon", "Event-Timestamp is 'soon'"),
    ("User-Name", "is not of the form TAB name = value"),
    ("User-Name = 0x1", "not hexadecimal"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "says"), REASONS)
def test_a_record_that_cannot_be_read_is_rejected_and_costs_no_other(line: str, says: str) -> None:
    bad = with_line(line, instead_of='Event-Timestamp = "Nov 22 2026 23:39:26 UTC"')
    first, second = read(f"{bad}\n\n{START}\n\n")
    assert isinstance(first, Rejection)
    assert says in first.reason
    assert first.raw == bad.encode()
    assert isinstance(second, AccEvent)


def test_a_foreign_zone_without_a_time_of_arrival_is_rejected() -> None:
    text = with_line('Event-Timestamp = "Nov 22 2026 18:39:26 EST"', instead_of='Event-Timestamp = "Nov 22 2026 23:39:26 UTC"')  # noqa: E501  # fmt: skip
    (parsed,) = read(text.replace("\tTimestamp = 1795390766", ""))
    assert isinstance(parsed, Rejection)
    assert "the time zone EST is unknown" in parsed.reason


def test_a_record_without_end_is_rejected_in_constant_memory() -> None:
    first, second = read("Sun\n" + '\tUser-Name = "x"\n' * 20_000 + "\n" + START)
    assert isinstance(first, Rejection)
    assert len(first.raw) < 2 * radius_detail.MAX_RECORD
    assert isinstance(second, AccEvent)


def test_accounting_of_something_else_is_rejected() -> None:
    (parsed,) = read('Sun Nov 22\n\tAcct-Status-Type = Start\n\tUser-Name = "ppp"\n\tAcct-Session-Id = "1"\n')
    assert isinstance(parsed, Rejection)
    assert "no Sip-Method" in parsed.reason


PIECES = st.sampled_from([line.encode() + b"\n" for line in START.split("\n")] + [b"\n", b"\t", b" = ", b'"', b"\\0"])


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=30))
def test_no_file_raises(pieces: list[bytes]) -> None:
    assert all(isinstance(parsed, AccEvent | Rejection) for parsed in read(b"".join(pieces), OPENSIPS))
