"""Parse Diameter accounting: Kamailio's private dialect, and RFC 6733 as OpenSIPS sends it.

``acc_diameter`` (before 5.1, and in OpenSER and OpenSIPS up to 2.2, part of ``acc``) implements an early draft: command
271 of application 1, without sessions and peers. Each AVP is prepended, so the message has them in reverse order:
record type (279, one ASCII digit), message id (406), service (404), method (551), From tag (553), To tag (554), Call-ID
(550), code (552), extras, legs, Destination-Realm (283). The values of the second and later legs have wrong codes, even
core ones: the true core value is the one added first, which is the *last* of its code in the message. The message has
no time and no reason. Failed and missed calls are never sent, and neither is an event with an empty value.

OpenSIPS' ``aaa_diameter`` (3.2 and newer) sends Accounting-Requests of RFC 6733 (application 3) with the same
attributes as over RADIUS, under OpenSIPS' own numbers. Accounting-Record-Type is always EVENT; Acct-Status-Type has the
kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeAlias

from cdr.events import MICROSECOND, AccEvent, Pairs, Unparsable, classify, text_of
from cdr.formats.json_values import json_object
from cdr.formats.limits import limited
from cdr.formats.radius import hex_bytes, received
from cdr.formats.radius_dictionary import OPENSIPS_NUMBERS, Dictionary, Value, decode_value
from cdr.formats.radius_event import event_of
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.record_lines import lines
from proxyconf.vocabulary.layout import Backend

ACCOUNTING = 271
ACC_DIAMETER, BASE_ACCOUNTING = 1, 3  # the applications
SUCCESS = 2001

MAX_MESSAGE = 1 << 16
"""Maximum size of a message in bytes; accounting of one event is far smaller."""

_HEADER = 20
_REQUEST, _VENDOR, _MANDATORY = 0x80, 0x80, 0x40

_RECORD_TYPE, _MESSAGE_ID, _SERVICE, _RESULT_CODE, _REALM = 279, 406, 404, 268, 283
_METHOD, _FROM_TAG, _TO_TAG, _CALL_ID, _CODE = 551, 553, 554, 550, 552
_OPENING = (_RECORD_TYPE, _MESSAGE_ID, _SERVICE)
_ATTRIBUTES = (_METHOD, _FROM_TAG, _TO_TAG, _CALL_ID, _CODE)
_RECORD_TYPES = frozenset({b"1", b"2", b"4"})  # event, start, stop
_MAX_EXTRAS, _MAX_LEG_VALUES = 64, 16  # MAX_ACC_EXTRA and MAX_ACC_LEG of acc

_EVENT_TIMESTAMP = 55
_ENVELOPE = frozenset({258, 259, 263, 264, 277, 278, 282, 293, 296, 283, 480, 485})
"""AVPs of RFC 6733 about the message and its routing: sessions, peers, realms, applications, records."""
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_NTP_ERA = 1 << 32


class Avp(NamedTuple):
    """An attribute-value pair (RFC 6733 section 4)."""

    code: int
    data: bytes
    vendor: int = 0
    flags: int = 0


class DiameterMessage(NamedTuple):
    """A Diameter message (RFC 6733 section 3)."""

    flags: int
    command: int
    application: int
    hop_by_hop: int
    end_to_end: int
    avps: tuple[Avp, ...]


Entry: TypeAlias = tuple[int, str]


def message_of(raw: bytes) -> DiameterMessage:
    """Return the parts of one complete message; raise ``Unparsable`` if it is malformed."""
    if len(raw) < _HEADER or raw[0] != 1:
        raise Unparsable(f"not a Diameter message: {len(raw)} bytes that start with {raw[:4].hex() or 'nothing'}")
    length = int.from_bytes(raw[1:4], "big")
    if length != len(raw) or length > MAX_MESSAGE:
        raise Unparsable(
            f"Diameter message with length {length}, but {len(raw)} bytes came; the limit is {MAX_MESSAGE}"
        )
    numbers = [int.from_bytes(raw[offset : offset + 4], "big") for offset in (4, 8, 12, 16)]
    command = numbers[0] & 0xFFFFFF
    return DiameterMessage(raw[4], command, numbers[1], numbers[2], numbers[3], tuple(_avps(raw)))


def _avps(raw: bytes) -> Iterator[Avp]:
    at = _HEADER
    while at < len(raw):
        code, flags = int.from_bytes(raw[at : at + 4], "big"), raw[at + 4] if at + 4 < len(raw) else 0
        begin = at + (12 if flags & _VENDOR else 8)
        end = at + int.from_bytes(raw[at + 5 : at + 8], "big")
        if len(raw) - at < 8 or end < begin or end > len(raw):
            raise Unparsable(f"Diameter AVP {code} at byte {at} does not fit into the message")
        vendor = int.from_bytes(raw[at + 8 : at + 12], "big") if flags & _VENDOR else 0
        yield Avp(code, raw[begin:end], vendor, flags)
        at = end + -end % 4


def decode(raw: bytes, reading: Reading, names: Dictionary = OPENSIPS_NUMBERS) -> Parsed:
    """Return the event of a message in either dialect, or why it is none. ``names``: see ``event_from_avps``."""
    try:
        message = message_of(raw)
        if message.command != ACCOUNTING or not message.flags & _REQUEST:
            raise Unparsable(f"Diameter message with command {message.command}; accounting requests have {ACCOUNTING}")
        if message.application == BASE_ACCOUNTING:
            return event_from_avps(message.avps, reading, raw, names)
        if message.application == ACC_DIAMETER:
            return _private_event(message.avps, reading, raw)
        raise Unparsable(f"Diameter application {message.application}; acc_diameter uses 1, RFC 6733 accounting 3")
    except Unparsable as error:
        return Rejection(raw, str(error))


def answer(raw: bytes) -> bytes:
    """Return the answer that ``acc_diameter`` expects: success, its service and its message id.

    Raise ``Unparsable`` if the message has no id.
    """
    message = message_of(raw)
    echoed = {avp.code: avp for avp in message.avps if avp.code in (_SERVICE, _MESSAGE_ID)}
    if _MESSAGE_ID not in echoed:
        raise Unparsable("Diameter message without AVP 406, which the answer must repeat; is it acc_diameter's?")
    avps = [Avp(_RESULT_CODE, SUCCESS.to_bytes(4, "big"), flags=_MANDATORY)]
    avps += [echoed[code] for code in (_SERVICE, _MESSAGE_ID) if code in echoed]
    body = b"".join(map(_packed, avps))
    return b"".join(
        (
            b"\x01",
            (_HEADER + len(body)).to_bytes(3, "big"),
            message.command.to_bytes(4, "big"),  # no flags: an answer
            message.application.to_bytes(4, "big"),
            message.hop_by_hop.to_bytes(4, "big"),
            message.end_to_end.to_bytes(4, "big"),
            body,
        )
    )


def _packed(avp: Avp) -> bytes:
    vendor = avp.vendor.to_bytes(4, "big") if avp.flags & _VENDOR else b""
    length = 8 + len(vendor) + len(avp.data)
    head = avp.code.to_bytes(4, "big") + bytes((avp.flags,)) + length.to_bytes(3, "big")
    return head + vendor + avp.data + bytes(-length % 4)


def _private_event(avps: Sequence[Avp], reading: Reading, raw: bytes) -> AccEvent:
    """Return the event of a message of ``acc_diameter``; its time is the time of receipt, in microseconds."""
    core: dict[int, bytes] = {}
    rest: list[Entry] = []
    realm: list[tuple[str, str]] = []
    in_order = list(reversed(avps))  # in the order in which the module added them
    if in_order and in_order[-1].code == _REALM:
        realm = [("Destination-Realm", text_of(in_order.pop().data))]
    for avp in in_order:
        if avp.code in _OPENING + _ATTRIBUTES and avp.code not in core:
            core[avp.code] = avp.data
        else:
            rest.append((avp.code, text_of(avp.data)))
    if core.get(_RECORD_TYPE) not in _RECORD_TYPES:
        raise Unparsable(f"AVP 279 is {core.get(_RECORD_TYPE, b'')!r}; acc_diameter sends the digit 1, 2 or 4 in it")
    if not core.get(_METHOD) or not core.get(_CALL_ID):
        raise Unparsable("Diameter message without method (551) or Call-ID (550), which acc_diameter always sends")
    digits = core.get(_CODE, b"")
    if not (digits.isdigit() and len(digits) <= 3):
        raise Unparsable(f"AVP 552 is {digits[:40]!r}; acc_diameter sends the reply code in it")
    extra, legs = _split_legs(rest, reading)
    method, code = text_of(core[_METHOD]), int(digits)
    event = AccEvent(
        kind=classify(method, code),
        method=method,
        from_tag=text_of(core.get(_FROM_TAG, b"")),
        to_tag=text_of(core.get(_TO_TAG, b"")),
        call_id=text_of(core[_CALL_ID]),
        code=code,
        reason="",
        time=reading.received_at,
        precision=MICROSECOND,
        backend=Backend.DIAMETER,
        extra=(*extra, *realm),
        legs=legs,
        raw=raw,
    )
    return limited(event, reading.layout)


def _split_legs(rest: Sequence[Entry], reading: Reading) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return extras and legs of the AVPs after the core, in the order in which the module added them.

    No value is ever missing, so legs are recognised by count, whatever their codes; the first one starts with the first
    leg label of the layout. If the labels are unknown, the codes of the second leg reveal the legs: they are those that
    result from the module's counting error (or, in releases before that error, those of the first leg). A single leg
    then looks like extras.
    """
    labels = reading.layout.legs.get(Backend.DIAMETER)
    codes = [str(code) for code, _ in rest]
    if labels is None:
        extras, width = _guessed_shape([code for code, _ in rest])
        labels = tuple(codes[extras : extras + width])
    else:
        extras = codes.index(labels[0]) if labels and labels[0] in codes else len(rest)
    width = len(labels)
    if width and (len(rest) - extras) % width:
        extras = len(rest)
    texts = [text for _, text in rest[extras:]]
    legs = tuple(
        tuple(zip(labels, texts[start : start + width], strict=True)) for start in range(0, len(texts), width or 1)
    )
    return tuple((str(code), text) for code, text in rest[:extras]), legs


def _guessed_shape(codes: Sequence[int]) -> tuple[int, int]:
    """Return the number of extras and of values per leg that explain the codes."""
    for width in range(1, min(len(codes) // 2, _MAX_LEG_VALUES) + 1):
        for extras in range(len(codes) % width, min(len(codes) - 2 * width, _MAX_EXTRAS) + 1, width):
            first = extras + width
            table = [*_ATTRIBUTES, *codes[:first]]
            for again in (table[width : 2 * width], codes[extras:first]):
                if list(codes[first:]) == list(again) * ((len(codes) - first) // width):
                    return extras, width
    return len(codes), 0


def event_from_avps(
    avps: Iterable[Avp], reading: Reading, raw: bytes = b"", names: Dictionary = OPENSIPS_NUMBERS
) -> AccEvent:
    """Return the event of an Accounting-Request's AVPs as OpenSIPS sends them; raise ``Unparsable``.

    ``names`` defines their codes; if the proxy has AVPs of its own (``extra-avps-file``), it is their dictionary over
    ``OPENSIPS_NUMBERS``.
    """
    attributes: list[tuple[str, Value]] = []
    for avp in avps:
        if not avp.vendor and avp.code in _ENVELOPE:
            continue
        definition = names.definition(avp.code, avp.vendor)
        value = decode_value(avp.data, definition)
        if avp.code == _EVENT_TIMESTAMP and not avp.vendor and isinstance(value, int):
            value = _unix_seconds(value)
        attributes.append((definition.name, value))
    return event_of(attributes, reading, backend=Backend.DIAMETER, raw=raw)


def _unix_seconds(ntp: int) -> int:
    """Return the seconds since 1970 of a Diameter Time (RFC 6733 section 4.3.1), which restarts at 0 in 2036."""
    return ntp - _NTP_EPOCH if ntp & 0x8000_0000 else ntp + _NTP_ERA - _NTP_EPOCH


def read_jsonl(stream: BinaryIO, reading: Reading, names: Dictionary = OPENSIPS_NUMBERS) -> Iterator[Parsed]:
    """Read messages recorded as JSON lines: ``raw`` (hexadecimal), ``received_at`` (seconds since 1970)."""
    for line in lines(stream):
        if not line.strip():
            continue
        try:
            record = json_object(line)
            parsed = decode(hex_bytes(record, "raw"), received(record, reading), names)
        except Unparsable as error:
            parsed = Rejection(line, str(error))
        yield Rejection(line, parsed.reason) if isinstance(parsed, Rejection) else parsed
