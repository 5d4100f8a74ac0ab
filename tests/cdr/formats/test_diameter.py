"""Diameter: Kamailio's private dialect, whose later legs go out under wrong codes, and OpenSIPS' RFC 6733."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from diameter.message import Message as PeerMessage
from diameter.message.avp import Avp as PeerAvp
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, SECOND, AccEvent, EventKind, Pairs, Unparsable
from cdr.formats import diameter
from cdr.formats.diameter import Avp
from cdr.formats.radius_dictionary import OPENSIPS_NUMBERS, parse
from cdr.formats.reading import Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product, Version
from tests.cdr.formats.recorded_lines import assert_same, content, folders_with, said_by, said_in_log

FOLDERS = folders_with("diameter.jsonl")
RECORDED = [json.loads(line) for folder in FOLDERS for line in content(folder, "diameter.jsonl").splitlines()]
CAME = datetime(2026, 11, 22, 23, 52, 42, 831_203, tzinfo=UTC)
OPENSIPS = Reading(product=Product.OPENSIPS, version=Version(3, 6, 8))


def message(avps: list[tuple[int, bytes]], *, application: int = 1, flags: int = 0x80, command: int = 271) -> bytes:
    body = b"".join(
        code.to_bytes(4, "big") + b"\0" + (8 + len(data)).to_bytes(3, "big") + data + bytes(-len(data) % 4)
        for code, data in avps
    )
    numbers = (flags << 24 | command, application, 0, 0)
    head = b"\x01" + (20 + len(body)).to_bytes(3, "big")
    return head + b"".join(number.to_bytes(4, "big") for number in numbers) + body


def core(method: str = "INVITE", code: str = "200", call_id: str = "1-20729-1@127.0.0.1") -> list[tuple[int, bytes]]:
    """Return the core in the order in which acc_diameter makes it."""
    return [
        (279, b"2"),
        (406, b"\x01\0\0\0"),
        (404, b"9"),
        (551, method.encode()),
        (553, b"48314457"),
        (554, b"20725SIPpTag011"),
        (550, call_id.encode()),
        (552, code.encode()),
    ]


def acc_diameter(
    extras: Pairs = (),
    legs: tuple[Pairs, ...] = (),
    *,
    made: list[tuple[int, bytes]] | None = None,
    codes_are_right: bool = False,
) -> bytes:
    """Return the message that acc_diameter makes of extras and legs: each AVP before the ones already there.

    From the second leg on, value i of n stands under entry n + i of the list of all codes.
    """
    avps = made or core()
    table = [551, 553, 554, 550, 552, *(int(code) for code, _ in extras)]
    width = len(legs[0]) if legs else 0
    table += [int(code) for code, _ in legs[0]] if legs else []
    avps = [*avps, *((int(code), text.encode()) for code, text in extras)]
    for index, leg in enumerate(legs):
        for place, (code, text) in enumerate(leg):
            wrong = index and not codes_are_right
            avps.append((table[width + place] if wrong else int(code), text.encode()))
    return message([(283, b"lab.example"), *reversed(avps)])


def decoded(raw: bytes, reading: Reading | None = None) -> AccEvent:
    parsed = diameter.decode(raw, reading or Reading(received_at=CAME))
    assert isinstance(parsed, AccEvent), parsed
    return parsed


def reading_with(legs: tuple[str, ...] | None) -> Reading:
    return Reading(layout=FieldLayout(legs={} if legs is None else {Backend.DIAMETER: legs}))


def leg(*values: str, first: int = 901) -> Pairs:
    return tuple((str(first + index), value) for index, value in enumerate(values))


REALM = (("Destination-Realm", "lab.example"),)


# What a real proxy sent


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_messages_tell_the_answered_calls_of_the_log(folder: str) -> None:
    found = list(diameter.read_jsonl(io.BytesIO(content(folder, "diameter.jsonl")), Reading()))
    events = [one for one in found if isinstance(one, AccEvent)]
    assert events == found
    # The module refuses to send what did not succeed ("status unknown").
    assert_same(said_by(events), [one for one in said_in_log(folder, knows_missed=True) if one.code == 200])


def test_the_recorded_answers_are_given() -> None:
    assert [diameter.answer(bytes.fromhex(one["raw"])).hex() for one in RECORDED] == [
        one["answer_raw"] for one in RECORDED
    ]


def test_recorded_messages_are_read_as_they_are_laid_out() -> None:
    for one in RECORDED:
        found = diameter.message_of(bytes.fromhex(one["raw"]))
        assert (found.flags, found.command, found.application, found.hop_by_hop) == (128, 271, 1, 0)
        told = [(avp["code"], avp["flags"], bytes.fromhex(avp["hex"])) for avp in one["avps"]]
        assert [(avp.code, avp.flags, avp.data) for avp in found.avps] == told


def test_an_event_holds_the_message_it_came_in() -> None:
    found = diameter.read_jsonl(io.BytesIO(content(FOLDERS[0], "diameter.jsonl")), Reading())
    raws = [json.loads(line)["raw"] for line in content(FOLDERS[0], "diameter.jsonl").splitlines()]
    assert [one.raw.hex() for one in found if isinstance(one, AccEvent)] == raws


# The private dialect


def test_the_time_is_when_the_message_came() -> None:
    found = decoded(acc_diameter())
    assert (found.time, found.precision) == (CAME, MICROSECOND)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("INVITE", EventKind.ANSWERED),
        ("ACK", EventKind.ACK),
        ("BYE", EventKind.BYE),
        ("CANCEL", EventKind.CANCEL),
        ("INFO", EventKind.ANSWERED),
    ],
)
def test_kind_comes_from_method_and_code(method: str, kind: EventKind) -> None:
    assert decoded(acc_diameter(made=core(method))).kind is kind


def test_extras_are_named_by_their_codes() -> None:
    found = decoded(acc_diameter((("900", "phone; x=1"), ("901", "☎"))))
    assert (found.extra, found.legs) == ((("900", "phone; x=1"), ("901", "☎"), *REALM), ())


ALICE_BOB, BOB_CAROL, CAROL_DAVE = leg("alice", "bob", "0"), leg("bob", "carol", "1"), leg("carol", "dave", "2")


@pytest.mark.parametrize("legs", [(BOB_CAROL, ALICE_BOB), (CAROL_DAVE, BOB_CAROL, ALICE_BOB)])
@pytest.mark.parametrize("known", [("901", "902", "903"), None])
@pytest.mark.parametrize("extras", [(), (("900", "phone"),), leg("a", "b", "c", first=910)])
def test_later_legs_under_wrong_codes_are_read(
    extras: Pairs, known: tuple[str, ...] | None, legs: tuple[Pairs, ...]
) -> None:
    found = decoded(acc_diameter(extras, legs), reading_with(known))
    assert found.legs == legs
    assert found.extra == (*extras, *REALM)
    assert (found.call_id, found.code, found.to_tag) == ("1-20729-1@127.0.0.1", 200, "20725SIPpTag011")


def test_legs_of_older_versions_under_right_codes_are_read() -> None:
    raw = acc_diameter((), (BOB_CAROL, ALICE_BOB), codes_are_right=True)
    assert decoded(raw).legs == (BOB_CAROL, ALICE_BOB)


def test_a_single_leg_needs_a_layout() -> None:
    raw = acc_diameter((("900", "phone"),), (ALICE_BOB,))
    assert decoded(raw, reading_with(("901", "902", "903"))).legs == (ALICE_BOB,)
    assert decoded(raw).legs == ()


def test_known_to_log_no_legs_means_all_are_extras() -> None:
    assert decoded(acc_diameter((), (BOB_CAROL, ALICE_BOB)), reading_with(())).legs == ()


@given(
    st.integers(0, 4),
    st.lists(st.lists(st.text("ab", min_size=1), min_size=3, max_size=3), min_size=1, max_size=4),
)
def test_with_a_layout_legs_come_out_as_they_went_in(extras: int, legs: list[list[str]]) -> None:
    given_extras, given_legs = leg(*"wxyz"[:extras], first=910), tuple(leg(*one) for one in legs)
    found = decoded(acc_diameter(given_extras, given_legs), reading_with(("901", "902", "903")))
    assert (found.extra, found.legs, found.code) == ((*given_extras, *REALM), given_legs, 200)


GOOD = acc_diameter()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not a Diameter message: 0 bytes"),
        (b"\x02" + GOOD[1:], "start with 02"),
        (GOOD[:-4], "with length 172, but 168 bytes came"),
        (message([(283, bytes(70_000))]), "the limit is 65536"),
        (message([], command=257), "command 257"),
        (message([], flags=0), "accounting requests"),
        (message([], application=4), "Diameter application 4"),
        (message([(1, b"abcd")]).replace(b"\0\0\x0cabcd", b"\0\0\x07abcd"), "AVP 1 at byte 20 does not fit"),
        (message([(1, b"abcd")]).replace(b"\0\0\x0cabcd", b"\0\0\x0dabcd"), "AVP 1 at byte 20 does not fit"),
        (message([]), "AVP 279 is b''"),
        (acc_diameter(made=[(279, b"\0\0\0\x02"), *core()[1:]]), "the digit 1, 2 or 4"),
        (acc_diameter(made=core(method="")), "without method (551)"),
        (acc_diameter(made=core(call_id="")), "Call-ID (550)"),
        (acc_diameter(made=core(code="bob")), "AVP 552 is b'bob'"),
        (acc_diameter(made=core(code="2000")), "AVP 552"),
    ],
)
def test_a_malformed_message_is_rejected_with_the_reason(raw: bytes, says: str) -> None:
    parsed = diameter.decode(raw, Reading())
    assert isinstance(parsed, Rejection)
    assert says in parsed.reason
    assert parsed.raw == raw


def test_a_message_without_id_has_no_answer() -> None:
    with pytest.raises(Unparsable, match="without AVP 406"):
        diameter.answer(message([(404, b"9")]))


# RFC 6733

NTP = 1795391966 + 2_208_988_800


def opensips_avps(status: int = 1, method: int = 1, code: int = 200, *more: tuple[int, bytes]) -> list[tuple[int, bytes]]:  # noqa: E501  # fmt: skip
    return [
        (263, b"proxy;1;2"),
        (264, b"proxy.example"),
        (296, b"example"),
        (283, b"example"),
        (480, b"\0\0\0\x01"),
        (485, b"\0\0\0\0"),
        (55, NTP.to_bytes(4, "big")),
        (282, b"server"),
        (40, status.to_bytes(4, "big")),
        (6, b"\0\0\0\x0f"),
        (205, code.to_bytes(4, "big")),
        (204, method.to_bytes(4, "big")),
        (206, b"1928301774"),
        (207, b"314159"),
        (44, b"a84b4c76e66710"),
        *more,
    ]


def test_an_accounting_request_tells_what_radius_tells() -> None:
    found = decoded(message(opensips_avps(), application=3), OPENSIPS)
    assert (found.kind, found.method, found.code, found.backend) == (
        EventKind.ANSWERED,
        "INVITE",
        200,
        Backend.DIAMETER,
    )
    assert (found.from_tag, found.to_tag, found.call_id) == ("1928301774", "314159", "a84b4c76e66710")
    assert (found.time, found.precision) == (datetime(2026, 11, 22, 23, 59, 26, tzinfo=UTC), SECOND)
    assert (found.extra, found.legs) == ((), ())


def test_start_and_stop_are_read_from_the_status() -> None:
    found = decoded(message(opensips_avps(3, 1), application=3), OPENSIPS)
    assert found.kind is EventKind.INTERIM


def test_a_dialog_record_is_a_whole_call() -> None:
    raw = message(opensips_avps(2, 1, 487, (230, b"\0\0\x08\xff"), (229, b"\x6b\x03\x81\xdd")), application=3)
    found = decoded(raw, OPENSIPS)
    assert (found.kind, found.code, found.duration_us) == (EventKind.CDR, 200, 2_303_000)
    assert found.ended_at == found.time + timedelta(milliseconds=2303)


def test_the_proxys_own_avps_are_named_by_its_dictionary() -> None:
    names = parse("ATTRIBUTE ua 5001 string\nATTRIBUTE port 5002 integer32").over(OPENSIPS_NUMBERS)
    avps = [Avp(code, data) for code, data in opensips_avps(1, 1, 200, (5001, b"phone"), (5002, b"\0\0\x13\xc4"))]
    assert diameter.event_from_avps(avps, OPENSIPS, names=names).extra == (("ua", "phone"), ("port", "5060"))


def test_unknown_avps_are_kept_by_number() -> None:
    avps = [Avp(code, data) for code, data in opensips_avps()] + [Avp(7, b"x", vendor=10415)]
    assert diameter.event_from_avps(avps, OPENSIPS).extra == (("Attr-26.10415.7", "x"),)


def test_legs_are_those_of_the_aaa_backend() -> None:
    layout = FieldLayout(legs={Backend.RADIUS: ("src", "dst")})
    names = parse("ATTRIBUTE src 5001 string\nATTRIBUTE dst 5002 string").over(OPENSIPS_NUMBERS)
    more = ((5001, b"alice"), (5001, b"bob"), (5002, b"bob"), (5002, b"carol"))
    avps = [Avp(code, data) for code, data in opensips_avps(1, 1, 200, *more)]
    reading = Reading(layout=layout, product=Product.OPENSIPS, version=Version(3, 6))
    assert diameter.event_from_avps(avps, reading, names=names).legs == (
        (("src", "alice"), ("dst", "bob")),
        (("src", "bob"), ("dst", "carol")),
    )


def test_times_after_february_2036_are_read() -> None:
    avps = [Avp(55, b"\0\0\0\x10") if code == 55 else Avp(code, data) for code, data in opensips_avps()]
    assert diameter.event_from_avps(avps, OPENSIPS).time == datetime(2036, 2, 7, 6, 28, 32, tzinfo=UTC)


def test_avps_of_a_peers_library_can_be_fed() -> None:
    """python-diameter gives each AVP's code, vendor_id and payload."""
    peer = PeerMessage.from_bytes(message(opensips_avps(), application=3))
    avps = [Avp(avp.code, avp.payload, avp.vendor_id) for avp in peer.avps]
    assert diameter.event_from_avps(avps, OPENSIPS).call_id == "a84b4c76e66710"


def test_messages_of_a_peers_library_are_read() -> None:
    peer = PeerMessage()
    peer.header.command_code, peer.header.application_id, peer.header.is_request = 271, 3, True
    for code, data in opensips_avps():
        peer.append_avp(PeerAvp(code, payload=data, flags=0x40))
    assert decoded(peer.as_bytes(), OPENSIPS).to_tag == "314159"


# Whatever comes


@given(
    st.one_of(
        st.binary(max_size=100),
        st.builds(
            message,
            st.lists(
                st.tuples(
                    st.sampled_from([279, 406, 404, 551, 553, 554, 550, 552, 283, 900, 40, 44, 55, 204, 205, 227]),
                    st.one_of(st.binary(max_size=12), st.sampled_from([b"2", b"200", b"INVITE", b"\0\0\0\x01"])),
                )
            ),
            application=st.sampled_from([1, 3]),
        ),
    )
)
def test_no_message_raises(raw: bytes) -> None:
    for reading in (Reading(), OPENSIPS, reading_with(("900", "901"))):
        assert isinstance(diameter.decode(raw, reading), AccEvent | Rejection)


@given(st.sampled_from(RECORDED), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_message_does_not_raise(one: dict[str, str], at: int, value: int) -> None:
    damaged = bytearray.fromhex(one["raw"])
    damaged[at % len(damaged)] = value
    assert isinstance(diameter.decode(bytes(damaged), Reading()), AccEvent | Rejection)


def test_a_rejected_record_is_kept_as_the_line_it_was() -> None:
    (parsed,) = diameter.read_jsonl(io.BytesIO(b'{"raw": "01"}\n'), Reading())
    assert isinstance(parsed, Rejection)
    assert parsed.raw == b'{"raw": "01"}'
