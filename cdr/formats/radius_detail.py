"""Parse FreeRADIUS detail files (``rlm_detail``): requests that a FreeRADIUS server received, as text.

A record is a date line, lines ``TAB name = value``, and an empty line. FreeRADIUS prints names and values of *its*
dictionary, so they are mapped back to the numbers that the proxy sent:

* Without ``dictionary.openser`` the attributes of acc have the names that IANA assigned to 101 to 109, those of
OpenSIPS
  ``Attr-204 = 0x…`` or the names of Ascend's attributes.
* Ascend's VALUE names remain for OpenSIPS' numbers 227 to 230 even when the attributes are renamed:
  ``Sip-Call-Setuptime = Route-IP-No`` means 0 (FreeRADIUS 3.2.1).
* ``Timestamp``, ``Acct-Unique-Session-Id`` and others are added by FreeRADIUS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import BinaryIO, NamedTuple

from cdr.events import Unparsable, text_of
from cdr.formats.radius_dictionary import (
    Attribute,
    DataType,
    Dictionary,
    Numberings,
    Value,
    decode_value,
    has_opensips_numbers,
)
from cdr.formats.radius_event import Attributes, event_of
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.record_lines import lines
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

MAX_RECORD = 1 << 16
"""Maximum size of a record in bytes: a packet has at most 4096 bytes, up to four characters each, and names."""

_LINE = re.compile(rb"\s+([\w.:/-]+) (?:=|:=|\+=|==) (.*)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED: Mapping[bytes, bytes] = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_NUMBERED = re.compile(r"attr-(\d{1,3})", re.IGNORECASE)
_DATE = re.compile(r"([A-Z][a-z]{2} +\d{1,2} \d{4} \d\d:\d\d:\d\d) ([\w+-]+)")

_QUARTER = 900  # seconds

_IANA_NAMES: Mapping[str, int] = {
    "error-cause": 101,
    "eap-key-name": 102,
    "digest-response": 103,
    "digest-realm": 104,
    "digest-nonce": 105,
    "digest-response-auth": 106,
    "digest-nextnonce": 107,
    "digest-method": 108,
    "digest-uri": 109,
}
_ASCEND_NAMES: Mapping[str, int] = {
    "ascend-token-expiry": 204,
    "ascend-menu-selector": 205,
    "ascend-menu-item": 206,
    "ascend-pw-warntime": 207,
    "ascend-pw-lifetime": 208,
    "ascend-dial-number": 227,
    "ascend-route-ip": 228,
    "ascend-route-ipx": 229,
    "ascend-bridge": 230,
}
_ASCEND_VALUES: Mapping[str, int] = {
    "route-ip-no": 0,
    "route-ip-yes": 1,
    "route-ipx-no": 0,
    "route-ipx-yes": 1,
    "bridge-no": 0,
    "bridge-yes": 1,
}
_OF_FREERADIUS = re.compile(
    r"acct-unique-session-id|timestamp|request-authenticator|client-ip-address|client-shortname|packet-.*"
    r"|freeradius-.*|tmp-.*|module-.*|huntgroup-name|sql-user-name|stripped-user-name|realm",
    re.IGNORECASE,
)


class DetailLine(NamedTuple):
    """A printed value: ``raw`` has its bytes if it was quoted or hexadecimal, otherwise ``word`` has its text."""

    name: str
    raw: bytes | None
    word: str = ""
    is_hex: bool = False


class DetailReader:
    """Parses records with one dictionary, for numbers that are not those of ``radius_dictionary``."""

    def __init__(self, dictionary: Dictionary | None = None) -> None:
        self._numberings = Numberings.of(dictionary)

    def parse(self, record: bytes, reading: Reading) -> Parsed:
        """Return the event of one record, or the reason why it is rejected."""
        try:
            if len(record) > MAX_RECORD:
                raise Unparsable(f"detail record of more than {MAX_RECORD} bytes; is this a detail file?")
            printed_lines = [_line(line) for line in record.split(b"\n")[1:]]
            freeradius_received_at = _received(printed_lines)
            reading = replace(reading, received_at=freeradius_received_at) if freeradius_received_at else reading
            attributes = self._attributes(printed_lines, reading, freeradius_received_at)
            return event_of(attributes, reading, backend=Backend.RADIUS, raw=record)
        except Unparsable as error:
            return Rejection(record, str(error))

    def _attributes(
        self, printed_lines: list[DetailLine], reading: Reading, freeradius_received_at: datetime | None
    ) -> Attributes:
        sent = [line for line in printed_lines if not _OF_FREERADIUS.fullmatch(line.name)]
        has_sip_names = any(line.name.lower() == "sip-method" for line in sent)
        numbers = [_number(line.name, has_sip_names=has_sip_names) for line in sent]
        opensips = has_opensips_numbers({number for number in numbers if number}, reading.product) or (
            has_sip_names and reading.product is Product.OPENSIPS
        )
        dictionary = self._numberings.opensips if opensips else self._numberings.openser
        return [
            _attribute(line, number, dictionary, reading.zone, freeradius_received_at)
            for line, number in zip(sent, numbers, strict=True)
        ]


def read(stream: BinaryIO, reading: Reading, dictionary: Dictionary | None = None) -> Iterator[Parsed]:
    """Read a detail file. ``dictionary`` is that of the proxy, if its numbers differ from ``radius_dictionary``."""
    reader = DetailReader(dictionary)
    for record in _records(stream):
        yield reader.parse(record, reading)


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the records, which end at an empty line or before the next line that is not indented."""
    record = b""
    for line in lines(stream):
        begins = bool(line) and not line[:1].isspace()
        if record and (begins or not line.strip()):
            yield record
            record = b""
        if line.strip() and len(record) <= MAX_RECORD:
            record = record + b"\n" + line if record else line if begins else b"\n" + line
    if record:
        yield record


def _line(line: bytes) -> DetailLine:
    match = _LINE.fullmatch(line)
    if match is None:
        raise Unparsable(f"detail line {text_of(line[:200])!r} is not of the form TAB name = value")
    name, value = text_of(match[1]), match[2].rstrip()
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        return DetailLine(name, _ESCAPE.sub(_unescape, value[1:-1]))
    if value[:2] == b"0x":
        try:
            return DetailLine(name, bytes.fromhex(value[2:].decode("ascii")), is_hex=True)
        except ValueError:
            raise Unparsable(f"{name} reads {text_of(value[:200])!r}, which is not hexadecimal") from None
    return DetailLine(name, None, text_of(value))


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, other = match.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 0xFF,))
    if hexadecimal is not None:
        return bytes.fromhex(hexadecimal.decode())
    return _ESCAPED.get(other, other)


def _received(printed_lines: list[DetailLine]) -> datetime | None:
    """Return the time at which FreeRADIUS received the packet, if the record has it."""
    for line in printed_lines:
        if line.name == "Timestamp" and re.fullmatch(r"[0-9]{1,10}", line.word):
            return datetime.fromtimestamp(int(line.word), UTC)
    return None


def _number(name: str, *, has_sip_names: bool) -> int | None:
    """Return the number of an attribute that FreeRADIUS printed under another name.

    ``has_sip_names``: the record has the names of acc's attributes, so names of IANA mean the attributes of IANA.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        return int(numbered[1])
    plain = name.lower().removeprefix("x-")
    return _ASCEND_NAMES.get(plain) or (None if has_sip_names else _IANA_NAMES.get(plain))


def _attribute(
    line: DetailLine, number: int | None, dictionary: Dictionary, zone: tzinfo, freeradius_received_at: datetime | None
) -> tuple[str, Value]:
    """Return name and value as sent by the proxy."""
    attribute = dictionary.definition(number) if number else dictionary.named(line.name)
    if attribute is None:
        return line.name, line.word if line.raw is None else f"0x{line.raw.hex()}" if line.is_hex else text_of(line.raw)
    if attribute.name == "Event-Timestamp" and (date := _DATE.fullmatch(text_of(line.raw or b""))):
        return attribute.name, _epoch(date, zone, freeradius_received_at)
    if line.raw is not None:
        renamed = number is not None or line.is_hex
        return attribute.name, decode_value(line.raw, attribute) if renamed else text_of(line.raw)
    if attribute.type in (DataType.INTEGER, DataType.SIGNED):
        return attribute.name, _whole(line.word, attribute, dictionary)
    return attribute.name, line.word


def _whole(word: str, attribute: Attribute, dictionary: Dictionary) -> Value:
    """Return the number that FreeRADIUS printed as digits or as a name; an unknown name is returned unchanged."""
    if word.isascii() and word.isdigit() and len(word) <= 20:
        return int(word)
    value = dictionary.value_of(attribute.name, word)
    return next((number for number in (value, _ASCEND_VALUES.get(word.lower())) if number is not None), word)


def _epoch(date: re.Match[str], zone: tzinfo, freeradius_received_at: datetime | None) -> int:
    """Return the seconds since 1970 of a date in FreeRADIUS' local time.

    Its zone is abbreviated: UTC, an offset, or an abbreviation of the proxy's zone. For any other, the offset in
    quarters of an hour is chosen that brings the time nearest to the receipt of the packet.
    """
    text, abbreviation = date.groups()
    try:
        naive = datetime.strptime(text, "%b %d %Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        raise Unparsable(f"Event-Timestamp reads {date[0]!r}, which is not a valid date") from None
    seconds = int(naive.replace(tzinfo=UTC).timestamp())
    if abbreviation in ("UTC", "GMT"):
        return seconds
    if offset := re.fullmatch(r"([+-])([0-9]{2}):?([0-9]{2})?", abbreviation):
        ahead = int(offset[2]) * 3600 + int(offset[3] or 0) * 60
        return seconds + (ahead if offset[1] == "-" else -ahead)
    for fold in (0, 1):
        local = naive.replace(tzinfo=zone, fold=fold)
        if local.tzname() == abbreviation:
            return int(local.timestamp())
    if freeradius_received_at is None:
        raise Unparsable(
            f"Event-Timestamp reads {date[0]!r}; the time zone {abbreviation} is unknown; set the zone of the proxy"
        )
    return seconds - round((seconds - freeradius_received_at.timestamp()) / _QUARTER) * _QUARTER
