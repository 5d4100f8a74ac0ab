"""RADIUS packets: the decoder, held against pyrad and against what the proxy logged of the same calls."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from cdr.events import MICROSECOND, SECOND, AccEvent, EventKind, Unparsable, fingerprint
from cdr.formats import radius
from cdr.formats.radius_dictionary import OPENSER_NUMBERS, OPENSIPS_NUMBERS, parse
from cdr.formats.reading import Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.radius_packets import (
    BYE,
    FAILED,
    INVITE,
    ON,
    STOP,
    attributes,
    kamailio,
    opensips,
    packet,
)
from tests.cdr.formats.recorded_lines import (
    assert_same,
    content,
    reading_of,
    said_by,
    said_in_log,
)
from tests.cdr.formats.recorded_packets import FOLDERS, GOOD, KAMAILIO, OPENSIPS, PACKETS


def event(raw: bytes, reading: Reading = KAMAILIO) -> AccEvent:
    parsed = radius.decode(raw, reading)
    assert isinstance(parsed, AccEvent), parsed
    return parsed


def reason(raw: bytes, reading: Reading = KAMAILIO) -> str:
    parsed = radius.decode(raw, reading)
    assert isinstance(parsed, Rejection)
    assert parsed.raw == raw
    return parsed.reason


def recorded(folder: str, reading: Reading | None = None) -> list[AccEvent]:
    found = list(radius.read_jsonl(io.BytesIO(content(folder, "radius.jsonl")), reading or reading_of(folder)))
    assert all(isinstance(one, AccEvent) for one in found), found
    return found


# What real proxies sent


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_packets_tell_what_the_log_says(folder: str) -> None:
    logged = said_in_log(folder, knows_missed=False)
    if folder == "07-report-ack":  # the proxy's script did not flag the ACK, so only log and database have it
        logged = [one for one in logged if one.method != "ACK"]
    # The log has the To tag that the proxy made for a failure of its own; RADIUS has none then.
    logged = sorted(one._replace(to_tag="") if one.code == 408 else one for one in logged)
    assert_same(said_by(recorded(folder)), logged)


def test_an_opensips_dialog_record_tells_start_end_and_duration() -> None:
    cdr = next(one for one in recorded("opensips-18-cdr") if one.call_id == "1-23344-0@127.0.0.1")
    start = datetime(2026, 11, 22, 23, 59, 26, tzinfo=UTC)
    assert (cdr.kind, cdr.code, cdr.time, cdr.precision) == (EventKind.CDR, 200, start, SECOND)
    assert (cdr.duration_us, cdr.ended_at) == (2_303_000, start + timedelta(milliseconds=2303))
    assert cdr.created_at == start - timedelta(seconds=1)


def test_recorded_legs_are_paired_by_position() -> None:
    first, _, bye, _ = recorded("11-multi-leg")
    assert first.legs == (
        (("src", "bob"), ("dst", "carol"), ("type", "1")),
        (("src", "alice"), ("dst", "bob"), ("type", "0")),
    )
    assert bye.legs == ((("src", ""), ("dst", ""), ("type", "")),)


def test_a_dictionary_names_the_legs_of_bare_packets() -> None:
    raw = bytes.fromhex(json.loads(content("11-multi-leg", "radius.jsonl").splitlines()[0])["raw"])
    decoder = radius.Decoder(parse(content("11-multi-leg", "dictionary").decode()))
    layout = FieldLayout(legs={Backend.RADIUS: ("src", "dst", "type")})
    assert decoder.event(raw, Reading(layout=layout)) == recorded("11-multi-leg")[0]


def test_hostile_extras_arrive_as_they_were() -> None:
    texts = {dict(one.extra).get("UA-ATTR") for one in recorded("12-extra-accounting")}
    assert {
        'Acme "Turbo, 3000" phone\'s UA, v1',
        "Grandstream GXP2170 1.0; rev=7; method=BYE;to_tag=none",
        "x;code=486;reason=Busy Here ACC: call missed: timestamp=1;method=INVITE",
        "Téléphone-Ünï/☎ 日本",
        r"ua%s%n%20 \back\slash\ <b>&amp;</b> `id`",
    } <= texts


def test_all_other_attributes_are_kept_by_name() -> None:
    one = next(e for e in recorded("12-extra-accounting") if e.from_tag == "025075F0" and e.method == "INVITE")
    assert one.extra == (
        ("UA-ATTR", 'Acme "Turbo, 3000" phone\'s UA, v1'),
        ("UUID-ATTR", "ed6ca5ff-9d43-4ab0-ad7a-c844c51da7b0"),
        ("Sip-Uri-User", "erin"),
        ("Sip-Src-IP", "127.0.0.1"),
        ("NOTES-ATTR", "single"),
        ("NAS-Port", "5060"),
        ("NAS-IP-Address", "127.0.0.1"),
    )


def test_the_event_holds_the_packet_it_came_in() -> None:
    assert [one.raw for folder in FOLDERS for one in recorded(folder)] == PACKETS


# What an event says


@pytest.mark.parametrize(
    ("status", "method", "code", "kind"),
    [
        (1, 1, 200, EventKind.ANSWERED),
        (3, 1, 200, EventKind.INTERIM),
        (3, 1, 488, EventKind.INTERIM),
        (3, 16, 200, EventKind.INTERIM),
        (3, 4, 200, EventKind.ACK),
        (1, 4, 200, EventKind.ACK),  # OpenSER
        (2, 8, 200, EventKind.BYE),
        (2, 8, 481, EventKind.BYE),
        (2, 2, 200, EventKind.CANCEL),
        (15, 1, 183, EventKind.EARLY),
        (15, 1, 486, EventKind.FAILED),
        (15, 256, 200, EventKind.ANSWERED),
        (15, 1, 0, EventKind.MANUAL),
        (2, 1, 486, EventKind.CDR),
    ],
)
def test_kind_comes_from_method_code_and_status(status: int, method: int, code: int, kind: EventKind) -> None:
    assert event(kamailio(status, method, code)).kind == kind


def test_a_dialog_record_is_an_answered_call_whatever_its_code() -> None:
    assert event(opensips(STOP, INVITE, 487, (227, 3), (230, 2303)), OPENSIPS).code == 200


def test_a_dialog_record_before_opensips_2_2_tells_whole_seconds() -> None:
    assert event(opensips(STOP, INVITE, 200, (227, 3)), OPENSIPS).duration_us == 3_000_000


def test_the_duration_of_any_other_record_is_not_believed() -> None:
    one = event(opensips(FAILED, INVITE, 486, (227, 1795391965)), OPENSIPS)
    assert (one.duration_us, one.ended_at) == (None, None)


@pytest.mark.parametrize(
    ("product", "number", "method"),
    [
        (Product.KAMAILIO, 32, "REGISTER"),
        (Product.OPENSIPS, 32, "OPTIONS"),
        (Product.OPENSER, 128, "REGISTER"),
        (Product.KAMAILIO, 128, "NOTIFY"),
        (Product.KAMAILIO, 3, "3"),
    ],
)
def test_method_numbers_are_the_products(product: Product, number: int, method: str) -> None:
    assert event(kamailio(FAILED, number), Reading(product=product)).method == method


def test_accounting_on_needs_no_call() -> None:
    one = event(packet((40, ON), (55, 1795390766), (32, "proxy-1")))
    assert (one.kind, one.call_id, one.extra) == (EventKind.ON, "", (("NAS-Identifier", "proxy-1"),))


def test_time_is_whole_seconds() -> None:
    one = event(kamailio(time=1795390766))
    assert (one.time, one.precision) == (datetime(2026, 11, 22, 23, 39, 26, tzinfo=UTC), SECOND)


def test_time_mode_1_tells_microseconds_as_text() -> None:
    one = event(kamailio(time="1795390766.013862"))
    assert (one.time, one.precision) == (datetime(2026, 11, 22, 23, 39, 26, 13862, tzinfo=UTC), MICROSECOND)


def test_without_a_time_the_packet_came_as_late_as_it_says() -> None:
    came = datetime(2026, 11, 22, 23, 39, 40, 500_000, tzinfo=UTC)
    raw = packet((40, 1), (102, 200), (101, INVITE), (44, "a84b4c76e66710"), (41, 10))
    one = event(raw, Reading(received_at=came))
    assert (one.time, one.precision) == (datetime(2026, 11, 22, 23, 39, 30, tzinfo=UTC), SECOND)


def test_a_delay_changes_no_time_that_the_proxy_told() -> None:
    late = kamailio().replace(attributes((41, 0)), attributes((41, 30)))
    assert event(late).time == event(kamailio()).time


def test_the_same_event_after_a_failover_has_the_same_fingerprint() -> None:
    late = kamailio().replace(attributes((41, 0)), attributes((41, 30)))
    assert fingerprint(event(late)) == fingerprint(event(kamailio()))


def test_a_missing_to_tag_is_empty() -> None:
    raw = packet((40, 2), (102, 200), (101, 2), (55, 1795390766), (105, "1928301774"), (44, "a84b4c76e66710"))
    assert event(raw).to_tag == ""


def test_text_that_is_no_utf8_stays_visible() -> None:
    assert event(kamailio(1, INVITE, 200, (208, b"b\xffb\0"))).extra[0] == ("Sip-Uri-User", "b\\xffb\\x00")


def test_an_unknown_number_is_named_by_it() -> None:
    extra = event(kamailio(1, INVITE, 200, (230, "bob"), (231, 5060), (232, b""))).extra
    assert extra[:3] == (("Attr-230", "bob"), ("Attr-231", "0x000013c4"), ("Attr-232", ""))


def test_a_vendors_attributes_are_kept() -> None:
    raw = kamailio(1, INVITE, 200, (26, b"\0\0\0\x09" + attributes((1, "a=b"))), (26, b"\0\0\0\x09\x01"))
    assert event(raw).extra[:2] == (("Attr-26.9.1", "a=b"), ("Vendor-Specific", "0x0000000901"))


def test_a_dictionary_names_a_vendors_attributes() -> None:
    decoder = radius.Decoder(parse("VENDOR Cisco 9\nATTRIBUTE Cisco-AVPair 1 string Cisco"))
    raw = kamailio(1, INVITE, 200, (26, b"\0\0\0\x09" + attributes((1, "a=b"))))
    assert decoder.event(raw, KAMAILIO).extra[0] == ("Cisco-AVPair", "a=b")


# Which numbers


def test_opensips_numbers_are_recognised() -> None:
    assert event(opensips(STOP, BYE, 200), KAMAILIO).to_tag == "314159"


def test_openser_numbers_are_recognised_whatever_the_product() -> None:
    assert event(kamailio(), OPENSIPS).to_tag == "314159"


def test_where_both_numberings_are_present_the_product_decides() -> None:
    raw = kamailio(1, INVITE, 200, (204, BYE), (205, 486), (206, "f"), (207, "t"))
    assert (event(raw, KAMAILIO).code, event(raw, OPENSIPS).code) == (200, 486)


def test_a_dictionary_with_sip_method_decides_alone() -> None:
    own = parse("ATTRIBUTE Sip-Method 204 integer\nATTRIBUTE Sip-Response-Code 205 integer")
    parsed = radius.Decoder(own).decode(kamailio(), KAMAILIO)
    assert isinstance(parsed, Rejection)
    assert "no Sip-Method" in parsed.reason


def test_a_dictionary_of_extras_alone_keeps_both_numberings() -> None:
    decoder = radius.Decoder(parse("ATTRIBUTE UA-ATTR 240 string"))
    for raw in (kamailio(1, INVITE, 200, (240, "phone")), opensips(1, INVITE, 200, (240, "phone"))):
        assert decoder.event(raw, KAMAILIO).extra[0] == ("UA-ATTR", "phone")


def test_tags_are_text_even_if_the_dictionary_says_integer() -> None:
    own = parse("ATTRIBUTE Sip-Method 204 integer\nATTRIBUTE Sip-Response-Code 205 integer\n"
                "ATTRIBUTE Sip-From-Tag 206 integer\nATTRIBUTE Sip-To-Tag 207 integer")  # fmt: skip
    raw = opensips(1, INVITE, 200).replace(b"314159", b"31415\x39").replace(attributes((206, "1928301774")), b"")
    raw = raw[:2] + len(raw).to_bytes(2, "big") + raw[4:]
    assert radius.Decoder(own).event(raw, OPENSIPS).to_tag == "314159"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "0 bytes"),
        (GOOD[:19], "19 bytes"),
        (b"\x01" + GOOD[1:], "code 1"),
        (GOOD[:-1], "with length"),
        (GOOD[:2] + b"\0\x13" + GOOD[4:], "with length 19,"),
        (GOOD[:2] + b"\xff\xff" + GOOD[4:], "with length 65535,"),
        (packet()[:2] + b"\0\x15" + packet()[4:] + b"\x28", "attribute 40 at byte 20"),
        (packet()[:2] + b"\0\x16" + packet()[4:] + b"\x28\x01", "attribute 40 at byte 20"),
        (packet()[:2] + b"\0\x16" + packet()[4:] + b"\x28\x00", "attribute 40 at byte 20"),
        (packet()[:2] + b"\0\x16" + packet()[4:] + b"\x28\x03", "attribute 40 at byte 20"),
        (packet(), "no Acct-Status-Type"),
        (packet((40, 9), (101, 1), (102, 200), (44, "x")), "Acct-Status-Type is 9"),
        (packet((40, 1), (102, 200), (44, "x")), "no Sip-Method"),
        (packet((40, 1), (101, b"\x01"), (102, 200), (44, "x")), "Sip-Method is '0x01'"),
        (packet((40, 1), (101, 1), (102, 200)), "without Acct-Session-Id"),
        (packet((40, 1), (101, 1), (102, 4_000_000_000), (44, "x")), "Sip-Response-Code is 4000000000"),
        (packet((40, 1), (101, 1), (102, 200), (44, "x"), (55, "midday")), "Event-Timestamp is 'midday'"),
    ],
)
def test_a_malformed_packet_is_rejected_with_the_reason(raw: bytes, says: str) -> None:
    assert says in reason(raw)


def test_an_oversized_packet_is_rejected() -> None:
    assert "the limit is 4096" in reason(packet(*[(230, bytes(253))] * 16, (40, 1), (44, "x" * 30)))


def test_padding_after_the_packet_is_ignored() -> None:
    assert event(GOOD + bytes(8)) == event(GOOD)


def test_a_rejected_record_is_kept_as_the_line_it_was() -> None:
    (parsed,) = radius.read_jsonl(io.BytesIO(b'{"raw": "04", "received_at": 1}\n'), KAMAILIO)
    reason = "RADIUS packet of 1 bytes, shorter than its header of 20"
    assert parsed == Rejection(b'{"raw": "04", "received_at": 1}', reason)


def test_a_record_counts_as_received_when_it_says() -> None:
    raw = packet((40, 1), (102, 200), (101, INVITE), (44, "x"))
    line = json.dumps({"raw": raw.hex(), "received_at": 1795390766.7}).encode()
    (one,) = radius.read_jsonl(io.BytesIO(line), KAMAILIO)
    assert isinstance(one, AccEvent)
    assert one.time == datetime(2026, 11, 22, 23, 39, 26, tzinfo=UTC)


def test_attributes_of_a_malformed_packet_cannot_be_asked_for() -> None:
    with pytest.raises(Unparsable):
        radius.attributes_of(b"")


def test_the_built_in_numbers_are_the_known_ones() -> None:
    names = ("Sip-Method", "Sip-Response-Code", "Sip-From-Tag", "Sip-To-Tag")
    assert [OPENSER_NUMBERS.named(name).number for name in names] == [101, 102, 105, 104]
    assert [OPENSIPS_NUMBERS.named(name).number for name in names] == [204, 205, 206, 207]
