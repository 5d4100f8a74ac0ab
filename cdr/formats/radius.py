"""Parse RADIUS Accounting-Requests (RFC 2866) of Kamailio's ``acc_radius`` and OpenSIPS' ``aaa_radius``.

The numbers of attributes come from the proxy's dictionary. Without one, or if it does not define ``Sip-Method``, the
numbers in each packet reveal the dictionary: 101 and 102 mean FreeRADIUS' ``dictionary.openser``, 204 and 205 that of
OpenSIPS. 101 to 122 are now assigned otherwise (Error-Cause, EAP-Key-Name, Digest-*: RFC 5176, 4072, 5090), but those
attributes are never part of a SIP proxy's accounting requests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeAlias

from cdr.events import AccEvent, Unparsable, text_of
from cdr.formats.json_values import json_object
from cdr.formats.radius_dictionary import (
    OPENSER_NUMBERS,
    OPENSIPS_NUMBERS,
    Attribute,
    DataType,
    Dictionary,
    Numberings,
    Value,
    decode_value,
    has_opensips_numbers,
)
from cdr.formats.radius_event import Attributes, PacketShape, event_of
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.record_lines import lines
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product, Version

ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE, STATUS_SERVER = 4, 5, 12
MAX_PACKET = 4096  # RFC 2866 section 3
_HEADER = 20
_PROXY_STATE, _VENDOR_SPECIFIC, _MESSAGE_AUTHENTICATOR = 33, 26, 80
_MOST_SHAPES = 1024

Wire: TypeAlias = list[tuple[int, bytes]]
"""Attributes in the order of a packet: number and value."""


def attributes_of(packet: bytes) -> Wire:
    """Return the attributes of an Accounting-Request in order; raise ``Unparsable`` for a malformed packet.

    Bytes after the packet's own length are padding, to be ignored (RFC 2865 section 3).
    """
    if len(packet) >= _HEADER and packet[0] != ACCOUNTING_REQUEST:
        raise Unparsable(
            f"RADIUS packet with code {packet[0]} instead of 4 for accounting; is it sent to the accounting port?"
        )
    return _attributes(packet)


def _attributes(packet: bytes) -> Wire:
    if len(packet) < _HEADER:
        raise Unparsable(f"RADIUS packet of {len(packet)} bytes, shorter than its header of {_HEADER}")
    length = packet[2] << 8 | packet[3]
    if not _HEADER <= length <= min(len(packet), MAX_PACKET):
        raise Unparsable(f"RADIUS packet with length {length}, but {len(packet)} bytes came; the limit is {MAX_PACKET}")
    attributes: Wire = []
    offset = start = _HEADER
    try:
        while offset < length:
            start, offset = offset, offset + packet[offset + 1]
            if offset < start + 2:
                break
            attributes.append((packet[start], packet[start + 2 : offset]))
    except IndexError:  # a type without a length
        offset = length + 1
    if offset != length:
        raise Unparsable(f"RADIUS attribute {packet[start]} at byte {start} does not fit into the packet")
    return attributes


def verify(packet: bytes, secret: bytes) -> bool:
    """Tell whether the packet's authenticator was made with this secret (RFC 2866 section 3)."""
    if len(packet) < _HEADER:
        return False
    length = packet[2] << 8 | packet[3]
    if not _HEADER <= length <= len(packet):
        return False
    expected = _md5(packet[:4], bytes(16), packet[_HEADER:length], secret)
    return hmac.compare_digest(expected, packet[4:_HEADER])


def answer(packet: bytes, secret: bytes, wire: Wire | None = None) -> bytes:
    """Return the Accounting-Response to a packet, with its ``Proxy-State``; ``wire`` may have its attributes."""
    states = b""
    if _PROXY_STATE in packet:  # a fast test: most packets do not contain this byte at all
        proxy_states = [value for number, value in wire or attributes_of(packet) if number == _PROXY_STATE]
        states = b"".join([bytes((_PROXY_STATE, len(value) + 2)) + value for value in proxy_states])
    head = bytes((ACCOUNTING_RESPONSE, packet[1])) + (_HEADER + len(states)).to_bytes(2, "big")
    return head + _md5(head, packet[4:_HEADER], states, secret) + states


def status_answer(packet: bytes, secret: bytes) -> bytes:
    """Return the answer to a Status-Server request, which asks whether we are there (RFC 5997 section 4.2).

    Raise ``Unparsable`` unless its Message-Authenticator (RFC 3579 section 3.2) was made with this secret.
    """
    wire = _attributes(packet)
    shown = next((value for number, value in wire if number == _MESSAGE_AUTHENTICATOR), b"")
    blank = b"".join(
        bytes((number, len(value) + 2)) + (bytes(len(value)) if number == _MESSAGE_AUTHENTICATOR else value)
        for number, value in wire
    )
    expected = hmac.digest(secret, packet[:_HEADER] + blank, "md5")
    if not hmac.compare_digest(expected, shown):
        raise Unparsable("Status-Server request with a wrong Message-Authenticator, or none")
    return answer(packet, secret, wire)


def _md5(*parts: bytes) -> bytes:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).digest()  # required by RFC 2866


class Decoder:
    """Decodes packets with one dictionary; use one instance for many packets."""

    def __init__(self, dictionary: Dictionary | None = None) -> None:
        openser, opensips = Numberings.of(dictionary)
        self._openser = _NumberedAttributes(openser)
        self._opensips = self._openser if opensips is openser else _NumberedAttributes(opensips)
        self._shapes: dict[tuple[int, ...], PacketShape | None] = {}
        self._proxy: tuple[FieldLayout, Product, Version] | tuple[None] = (None,)

    def decode(self, packet: bytes, reading: Reading) -> Parsed:
        """Return the event of a packet, or the reason why it is rejected."""
        try:
            return self.event(packet, reading)
        except Unparsable as error:
            return Rejection(packet, str(error))

    def event(self, packet: bytes, reading: Reading) -> AccEvent:
        """Return the event of a packet; raise ``Unparsable``."""
        return self.event_of(attributes_of(packet), packet, reading)

    def event_of(self, wire: Wire, packet: bytes, reading: Reading) -> AccEvent:
        """Return the event of a packet with these attributes; raise ``Unparsable``."""
        raw = packet[: packet[2] << 8 | packet[3]]
        if wire:
            numbers, values = zip(*wire, strict=True)
            shape = self._shape(numbers, reading)
            event = shape and shape.event(values, Backend.RADIUS, raw)
            if event:
                return event
        return event_of(self.named(wire, reading.product), reading, backend=Backend.RADIUS, raw=raw)

    def named(self, wire: Wire, product: Product) -> Attributes:
        """Return the attributes by name, decoded."""
        return self._table({number for number, _ in wire}, product).by_name(wire)

    def _table(self, numbers: Set[int], product: Product) -> _NumberedAttributes:
        if self._openser is not self._opensips and has_opensips_numbers(numbers, product):
            return self._opensips
        return self._openser

    def _shape(self, numbers: tuple[int, ...], reading: Reading) -> PacketShape | None:
        """Return the shape of packets with these attributes, if they have one."""
        proxy = reading.layout, reading.product, reading.version
        if proxy[0] is not self._proxy[0] or proxy != self._proxy or len(self._shapes) > _MOST_SHAPES:
            self._proxy, self._shapes = proxy, {}
        try:
            return self._shapes[numbers]
        except KeyError:
            table = self._table(set(numbers), reading.product)
            shape = self._shapes[numbers] = table.shape(numbers, reading)
            return shape


class _NumberedAttributes:
    """A dictionary indexed by number."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._attributes = [dictionary.definition(number) for number in range(256)]
        self._dictionary = dictionary

    def by_name(self, wire: Wire) -> Attributes:
        attributes = self._attributes
        named: list[tuple[str, Value]] = []
        for number, value in wire:
            attribute = attributes[number]
            name, _, type_, size, _ = attribute
            if type_ is DataType.TEXT:  # these two types are nearly all that is sent
                named.append((name, text_of(value)))
            elif type_ is DataType.INTEGER and len(value) == size:
                named.append((name, int.from_bytes(value, "big")))
            elif number == _VENDOR_SPECIFIC:
                named += self._of_vendor(value)
            else:
                named.append((name, decode_value(value, attribute)))
        return named

    def shape(self, numbers: Sequence[int], reading: Reading) -> PacketShape | None:
        """Return the shape of packets with these attributes, if they have one."""
        if _VENDOR_SPECIFIC in numbers:
            return None
        attributes = [self._attributes[number] for number in numbers]

        def decode(index: int, value: bytes) -> Value:
            return decode_value(value, attributes[index])

        return PacketShape.of([attribute.name for attribute in attributes], decode, reading, Backend.RADIUS)

    def _of_vendor(self, value: bytes) -> Iterator[tuple[str, Value]]:
        """Yield a vendor's attributes (RFC 2865 section 5.26); the whole value if it has another structure."""
        vendor, offset = int.from_bytes(value[:4], "big"), 4
        attributes: list[tuple[str, Value]] = []
        while offset < len(value):
            end = offset + value[offset + 1] if offset + 1 < len(value) else offset
            if end < offset + 2 or end > len(value):
                break
            attribute = self._dictionary.definition(value[offset], vendor)
            attributes.append((attribute.name, decode_value(value[offset + 2 : end], attribute)))
            offset = end
        yield from attributes if attributes and offset == len(value) else [("Vendor-Specific", f"0x{value.hex()}")]


_BUILT_IN = Decoder()


def decode(packet: bytes, reading: Reading) -> Parsed:
    """Return the event of a packet with the built-in numbers, or a rejection; see ``Decoder`` for other numbers."""
    return _BUILT_IN.decode(packet, reading)


def read_jsonl(stream: BinaryIO, reading: Reading, dictionary: Dictionary | None = None) -> Iterator[Parsed]:
    """Read packets recorded as JSON lines: ``raw`` (hexadecimal), ``received_at`` (seconds since 1970).

    Without a dictionary, the numbers and names in ``attributes`` (``type``, ``name``, ``value``) are used as one.
    """
    learned = _LearnedDictionary()
    decoder = Decoder(dictionary)
    for line in lines(stream):
        if not line.strip():
            continue
        try:
            record = json_object(line)
            if dictionary is None and learned.learn(record.get("attributes")):
                decoder = Decoder(learned.dictionary())
            yield decoder.event(hex_bytes(record, "raw"), received(record, reading))
        except Unparsable as error:
            yield Rejection(line, str(error))


class _LearnedDictionary:
    """Numbers and names of attributes as recorded packets list them."""

    def __init__(self) -> None:
        self._attributes: dict[tuple[int, int], Attribute] = {}

    def learn(self, listed: Any) -> bool:
        """Add the definitions of a record; tell whether any was new."""
        before = len(self._attributes)
        for entry in listed if isinstance(listed, list) else ():
            match entry:
                case {"type": int(number)} if (0, number) in self._attributes:
                    continue  # the first definition counts
                case {"type": int(number), "name": str(name), "value": value} if 0 < number < 256 and name:
                    standard = OPENSIPS_NUMBERS.named(name) or OPENSER_NUMBERS.named(name)
                    guessed = (DataType.INTEGER, 4) if isinstance(value, int) else (DataType.TEXT, 0)
                    type_, size = (standard.type, standard.size) if standard else guessed
                    self._attributes.setdefault((0, number), Attribute(name, number, type_, size))
        return len(self._attributes) > before

    def dictionary(self) -> Dictionary:
        return Dictionary(self._attributes, {each.name.lower(): each for each in self._attributes.values()})


def hex_bytes(record: dict[str, Any], member: str) -> bytes:
    """Return the bytes of a hexadecimal member of a record; raise ``Unparsable``."""
    value = record.get(member)
    try:
        return bytes.fromhex(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Unparsable(f"member {member!r} is not hexadecimal; it must be the packet as received") from None


def received(record: dict[str, Any], reading: Reading) -> Reading:
    """Return ``reading`` with the time of receipt of a record."""
    value = record.get("received_at")
    if value is None:
        return reading
    try:
        return replace(reading, received_at=datetime.fromtimestamp(value, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        raise Unparsable(f"member 'received_at' is {value!r}; it must be seconds since 1970") from None
