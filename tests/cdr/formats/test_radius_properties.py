"""RADIUS packets: promises about any packet, however damaged."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, Unparsable
from cdr.formats import radius
from cdr.formats.radius_event import event_of
from cdr.formats.reading import Reading, Rejection
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.radius_packets import (
    SECRET,
    kamailio,
    opensips,
    packet,
)
from tests.cdr.formats.recorded_packets import KAMAILIO, OPENSIPS, PACKETS

# What is looked up

NUMBER = st.sampled_from([0, 1, 2, 3, 4, 7, 8, 15, 200, 404, 486, 1000, 2**32 - 1])


TIME = st.sampled_from([0, 1795390766, 2**32 - 1, "1795390766.5", "soon", b""])


MORE = st.lists(
    st.tuples(
        st.sampled_from([1, 6, 31, 33, 40, 41, 44, 55, 77, 101, 227, 228, 229, 230, 240, 241]),
        st.one_of(NUMBER, st.sampled_from(["", "x", "a!b", "\0", b"\xff", b"1795390766"])),
    ),
    max_size=5,
).map(tuple)


READINGS = (
    KAMAILIO,
    OPENSIPS,
    Reading(layout=FieldLayout(legs={Backend.RADIUS: ("Attr-240", "Attr-241")})),
    Reading(
        layout=FieldLayout(extras={Backend.RADIUS: ("Attr-240",)}, legs={Backend.RADIUS: ("Attr-241",)}),
        product=Product.OPENSIPS,
    ),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(READINGS),
            st.one_of(
                st.builds(lambda a, b, c, more: kamailio(a, b, c, *more), NUMBER, NUMBER, NUMBER, MORE),
                st.builds(lambda time, more: kamailio(1, 1, 200, *more, time=time), TIME, MORE),
                st.builds(lambda name, more: kamailio(1, 1, 200, *more, call_id=name), st.text(max_size=3), MORE),
                st.builds(lambda a, b, c, more: opensips(a, b, c, *more), NUMBER, NUMBER, NUMBER, MORE),
                st.sampled_from(PACKETS),
            ),
        ),
        max_size=8,
    )
)
def test_what_is_looked_up_is_what_would_be_worked_out(given: list[tuple[Reading, bytes]]) -> None:
    decoder = radius.Decoder()
    for reading, raw in given * 2:
        try:
            attributes = decoder.named(radius.attributes_of(raw), reading.product)
            worked_out: Any = event_of(attributes, reading, backend=Backend.RADIUS, raw=raw)
        except Unparsable as error:
            worked_out = Rejection(raw, str(error))
        assert decoder.decode(raw, reading) == worked_out


# Whatever comes

CORE = st.sampled_from([(40, 1), (40, 2), (40, 3), (101, 1), (101, 8), (102, 200), (204, 1), (205, 486), (44, "x")])


@given(st.one_of(st.binary(max_size=200), st.builds(lambda pairs: packet(*pairs), st.lists(st.one_of(
    CORE, st.tuples(st.integers(0, 255), st.binary(max_size=40)))))))  # fmt: skip
def test_no_packet_raises(raw: bytes) -> None:
    layout = FieldLayout(extras={Backend.RADIUS: ("a",)}, legs={Backend.RADIUS: ("Attr-230", "Attr-231")})
    for reading in (KAMAILIO, OPENSIPS, Reading(layout=layout, product=Product.OPENSIPS)):
        parsed = radius.decode(raw, reading)
        assert isinstance(parsed, AccEvent | Rejection)
        radius.verify(raw, SECRET)


@given(st.sampled_from(PACKETS), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_packet_does_not_raise(raw: bytes, at: int, value: int) -> None:
    damaged = bytearray(raw)
    damaged[at % len(raw)] = value
    assert isinstance(radius.decode(bytes(damaged), OPENSIPS), AccEvent | Rejection)


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([
    b'{"raw": 1}', b'{"raw": "zz"}', b'{"raw": "00", "received_at": 1e400}', b'{"raw": "00", "attributes": [{}, 1]}',
    b'{"raw": "00", "received_at": "soon"}', b"[]", b"{",
]))))  # fmt: skip
def test_no_kept_packets_raise(found: list[bytes]) -> None:
    assert all(isinstance(one, Rejection) for one in radius.read_jsonl(io.BytesIO(b"\n".join(found)), KAMAILIO))
