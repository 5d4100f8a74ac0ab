"""RADIUS packets: authenticators, answers and attributes, compared with pyrad."""

from __future__ import annotations

import io
import json
import re
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary as PyradDictionary
from pyrad.packet import AcctPacket, Packet

from cdr.formats import radius
from cdr.formats.radius_dictionary import parse
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.radius_packets import (
    INVITE,
    SECRET,
    attributes,
    kamailio,
    packet,
)
from tests.cdr.formats.recorded_lines import (
    content,
)
from tests.cdr.formats.recorded_packets import FOLDERS, GOOD, PACKETS

# The authenticator and the answer


def test_recorded_packets_are_signed_with_their_secret() -> None:
    assert all(radius.verify(raw, b"testing123") for raw in PACKETS)


def test_a_wrong_secret_does_not_verify() -> None:
    assert not any(radius.verify(raw, b"testing124") for raw in PACKETS)


def test_a_changed_packet_does_not_verify() -> None:
    assert not radius.verify(GOOD.replace(b"314159", b"314158"), SECRET)


def test_the_answer_is_pyrads() -> None:
    for raw in PACKETS:
        request = AcctPacket(packet=raw, secret=SECRET, dict=PyradDictionary())
        assert radius.answer(raw, SECRET) == request.CreateReply().ReplyPacket()


def test_the_answer_gives_proxy_states_back_in_their_order() -> None:
    raw = kamailio(1, INVITE, 200, (33, b"two"), (33, b"one"))
    reply = radius.answer(raw, SECRET)
    assert reply[20:] == attributes((33, b"two"), (33, b"one"))
    request = AcctPacket(packet=raw, secret=SECRET, dict=PyradDictionary())
    assert request.VerifyReply(Packet(packet=reply, secret=SECRET, dict=PyradDictionary()), reply)


# Held against pyrad


def pyrad_attributes(raw: bytes, dictionary: PyradDictionary) -> dict[Any, list[bytes]]:
    return dict(OrderedDict.items(AcctPacket(packet=raw, secret=SECRET, dict=dictionary)))


def grouped(found: list[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for number, value in found:
        groups.setdefault(number, []).append(value)
    return groups


def test_recorded_attributes_are_those_that_pyrad_finds() -> None:
    for raw in PACKETS:
        assert grouped(radius.attributes_of(raw)) == pyrad_attributes(raw, PyradDictionary())


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_values_are_those_that_pyrad_decodes(folder: str) -> None:
    text = content(folder, "dictionary").decode()
    # pyrad knows no ipv4addr, and turns numbers into the names of VALUE lines
    known = re.sub(r"(?m)^VALUE.*$", "", text).replace("ipv4addr", "ipaddr")
    dictionary = PyradDictionary(io.StringIO(known))
    decoder = radius.Decoder(parse(text))
    for line in content(folder, "radius.jsonl").splitlines():
        raw = bytes.fromhex(json.loads(line)["raw"])
        ours: dict[str, list[int | str]] = {}
        for name, value in decoder.named(radius.attributes_of(raw), Product.KAMAILIO):
            ours.setdefault(name, []).append(value)
        theirs = AcctPacket(packet=raw, secret=SECRET, dict=dictionary)
        assert ours == {name: theirs[name] for name in theirs.keys()}  # noqa: SIM118  # it decodes only by keys()


WIRE = st.lists(
    st.tuples(st.integers(0, 255).filter(lambda number: number != 26), st.binary(max_size=253)), max_size=15
)


@given(WIRE)
def test_any_attributes_are_those_that_pyrad_finds(pairs: list[tuple[int, bytes]]) -> None:
    raw = packet(*pairs)
    assert radius.attributes_of(raw) == pairs
    assert grouped(pairs) == pyrad_attributes(raw, PyradDictionary())


@given(WIRE, st.binary(max_size=20))
def test_any_packet_verifies_as_pyrad_says(pairs: list[tuple[int, bytes]], secret: bytes) -> None:
    raw = packet(*pairs, secret=secret)
    assert radius.verify(raw, secret)
    assert AcctPacket(packet=raw, secret=secret, dict=PyradDictionary()).VerifyAcctRequest()
