"""What is typed into the search box becomes conditions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.search import PREFIXES, SINGLE, parse, written


def taken(text: str) -> list[tuple[str, str]]:
    return [tuple(term.taken) for term in parse(text)]


@pytest.mark.parametrize(
    ("word", "condition"),
    [
        ("486", ("sip_code", "486")),
        ("4xx", ("sip_code", "4xx")),
        ("700", ("number", "700")),
        ("4930", ("number", "4930")),
        ("+49-30/123.456", ("number", "+4930123456")),
        ("+49 30 123456", ("number", "+4930123456")),
        ("+49 (0)30 123 456", ("number", "+4930123456")),
        ("(030) 123-456", ("number", "030123456")),
        ("030 123 486", ("number", "030123486")),
        ("0049*", ("number", "0049*")),
        ("*72", ("number", "*72")),
        ("alice", ("number", "alice")),
        ("sip:alice@example.net", ("number", "alice")),
        ("<sip:+49-30-1234@example.net;user=phone>", ("number", "+49301234")),
        ("sips:bob:secret@example.net", ("number", "bob")),
        ("tel:+4930123", ("number", "+4930123")),
        ("sip:a%23b@host", ("number", "a#b")),
        ("sip:example.net", ("number", "sip:example.net")),
        ("<3c26700857a8@host>", ("call_id", "3c26700857a8@host")),
        ("<short>", ("call_id", "short")),
        ("today", ("period", "today")),
        ("Yesterday", ("period", "yesterday")),
        ("last  month", ("period", "last_month")),
        ("last hour", ("period", "1h")),
        ("5m", ("period", "5m")),
        ("last 2h", ("period", "2h")),
        ("last 30 minutes", ("period", "30m")),
        ("2days", ("period", "2d")),
        ("3w", ("period", "3w")),
        ("0m", ("number", "0m")),
        ("5mm", ("number", "5mm")),
        ("+4930@example.net", ("number", "+4930@example.net")),
        ("alice@example.net", ("call_id", "alice@example.net")),
        ("a84b4c76e66710@pc33.example.net", ("call_id", "a84b4c76e66710@pc33.example.net")),
        ("1-23346-2@127.0.0.1", ("call_id", "1-23346-2@127.0.0.1")),
        ("3c26700857a87f84-vp5e0kyg", ("call_id", "3c26700857a87f84-vp5e0kyg")),
        ("192.0.2.7", ("source_ip", "192.0.2.7")),
        ("192.0.2.0/24", ("source_ip", "192.0.2.0/24")),
        ("2001:db8::/32", ("source_ip", "2001:db8::/32")),
        ("[2001:db8::1]", ("source_ip", "[2001:db8::1]")),
        ("busy", ("outcome", "busy")),
        ("STOP-missing", ("state", "stop_missing")),
        ("late_stop", ("flag", "late_stop")),
        ("radius", ("backend", "radius")),
    ],
)
def test_a_word_is_taken_for_what_it_looks_like(word: str, condition: tuple[str, str]) -> None:
    assert taken(word) == [condition]


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("caller:alice callee:49*", [("caller", "alice"), ("callee", "49*")]),
        ("CALL-ID:abc@host callid:x", [("call_id", "abc@host"), ("call_id", "x")]),
        (
            "ip:10.0.0.0/8 code:486 proxy:edge-1",
            [("source_ip", "10.0.0.0/8"), ("sip_code", "486"), ("proxy", "edge-1")],
        ),
        ("flag:late-stop state:ongoing", [("flag", "late_stop"), ("state", "ongoing")]),
        ('ua:"Linphone 5" -ua:scanner', [("user_agent", "Linphone 5"), ("not_user_agent", "scanner")]),
        ("-caller:49 -486", [("not_caller", "49"), ("not_sip_code", "486")]),
        ("extra.gateway:gw1 -extra.gateway:gw2", [("extra.gateway", "gw1"), ("not_extra.gateway", "gw2")]),
        ('extra."a b":c', [("extra.a b", "c")]),
        ("caller: alice", [("caller", "alice")]),
        ("longer:60 shorter:3600", [("min_duration", "60"), ("max_duration", "3600")]),
        ("since:2026-05-31", [("since", "2026-05-31")]),
        ("2026-05-31", [("since", "2026-05-31"), ("until", "2026-05-31")]),
        ('"2026-05-31"', [("number", "2026-05-31")]),
        ("030 123 2026-05-31", [("number", "030123"), ("since", "2026-05-31"), ("until", "2026-05-31")]),
        ("-+49 30 123 busy", [("not_number", "+4930123"), ("outcome", "busy")]),
        ("+493012345 486", [("number", "+493012345"), ("sip_code", "486")]),
        ("4930 4420", [("between", "4930,4420")]),
        ("alice busy bob", [("between", "alice,bob"), ("outcome", "busy")]),
        ("1 2 3", [("number", "1"), ("number", "2"), ("number", "3")]),
        ("number:4930 number:4420", [("number", "4930"), ("number", "4420")]),
        ("4930 -4420", [("number", "4930"), ("not_number", "4420")]),
        ("+49 301234567890 4420", [("between", "+49301234567890,4420")]),
        ("5m alice", [("period", "5m"), ("number", "alice")]),
        ("last 5 x", [("number", "last"), ("number", "5"), ("number", "x")]),
        ('"486"', [("number", "486")]),
        ('"-caller:x"', [("number", "-caller:x")]),
        ('caller:"a ""b"" c"', [("caller", 'a "b" c')]),
        ('caller:"never closed', [("caller", "never closed")]),
        ("caller:", [("number", "caller:")]),
        ("caller==72", [("number", "caller==72")]),
        ("caller:=*72", [("caller", "=*72")]),
        ("  ", []),
        ("- -", [("number", "-"), ("number", "-")]),
    ],
)
def test_prefixes_signs_and_quotes_are_understood(text: str, conditions: list[tuple[str, str]]) -> None:
    assert taken(text) == conditions


def test_a_word_that_could_be_several_things_has_all_its_readings() -> None:
    (term,) = parse("486")
    assert [tuple(reading) for reading in term.readings][:3] == [
        ("sip_code", "486"),
        ("number", "486"),
        ("call_id", "*486*"),
    ]
    (term,) = parse("-busy")
    assert [reading.parameter for reading in term.readings][:2] == ["not_outcome", "not_number"]


def test_a_number_with_leading_zeros_may_stand_in_the_records_without_them() -> None:
    (term,) = parse("030 123456")
    assert [tuple(reading) for reading in term.readings][:2] == [("number", "030123456"), ("number", "30123456")]


def test_what_a_prefix_says_has_one_reading() -> None:
    assert [len(term.readings) for term in parse("code:486 caller:busy")] == [1, 1]


def test_two_numbers_may_also_be_either_of_them() -> None:
    (term,) = parse("4930 4420")
    assert [tuple(reading) for reading in term.readings] == [
        ("between", "4930,4420"),
        ("number", "4930"),
        ("number", "4420"),
    ]
    assert parse(term.text) == [term]


def test_a_prefix_may_be_a_label_or_stand_for_several() -> None:
    prefixes = {"rate": ["extra.Rate"], "peer": ["extra.peer", "extra.Peer"]}
    rate, peer = parse("Rate:std -peer:vienna", prefixes)
    assert rate.readings == (("extra.Rate", "std"),)
    assert peer.readings == (("not_extra.peer", "vienna"), ("not_extra.Peer", "vienna"))
    assert taken("gw:vienna account:7") == [("gateway", "vienna"), ("account", "7")]
    assert taken("rate:std") == [("number", "rate:std")]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for term in parse(text):
        assert term.readings
        assert all(reading.value for reading in term.readings)


@given(st.text(alphabet=' -:"*.@49aex', max_size=30))
def test_no_character_that_stands_for_itself_is_lost(text: str) -> None:
    read = "".join(term.text for term in parse(text))
    assert {*read} >= {*text} & {*"9aex@*"}


_VALUES = st.text(min_size=1, max_size=20)
_PLAIN = st.sampled_from(sorted({*PREFIXES} - {"state", "outcome", "flag", "backend"}))
_LABELS = st.builds("extra.{}".format, _VALUES)
_CONDITIONS = st.one_of(
    st.tuples(st.one_of(_PLAIN, _LABELS), _VALUES),
    st.tuples(st.one_of(_PLAIN.filter(lambda name: name not in SINGLE), _LABELS).map("not_{}".format), _VALUES),
)


@given(st.lists(_CONDITIONS, max_size=5))
def test_conditions_that_are_written_are_read_back(conditions: list[tuple[str, str]]) -> None:
    assert taken(written(conditions)) == conditions


def test_what_is_no_condition_is_not_written() -> None:
    assert written([("zone", "UTC"), ("caller", "1"), ("not_since", "x"), ("extra.", "y")]) == "caller:1"
