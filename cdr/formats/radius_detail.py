"""FreeRADIUS detail files (``rlm_detail``): what a FreeRADIUS server received, as text.

A record is a date line, lines ``TAB name = value``, and an empty line. FreeRADIUS prints values by *its* dictionary, so
names and values are led back to the numbers that the proxy sent:

* Without ``dictionary.openser`` the attributes of acc come under the names that IANA gave to 101 to 109, those of
  OpenSIPS as ``Attr-204 = 0x…`` or under the names of Ascend's attributes.
* Ascend's VALUE names stay at OpenSIPS' numbers 227 to 230 even when these are renamed: ``Sip-Call-Setuptime =
  Route-IP-No`` means 0 (FreeRADIUS 3.2.1).
* ``Timestamp``, ``Acct-Unique-Session-Id`` and the like are FreeRADIUS' own.
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
"""The longest record that is read, in bytes: a packet has at most 4096, four characters each, and its names."""

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
    """A value as printed: ``raw`` holds its bytes where it was quoted or hexadecimal, else ``word`` its text."""

    name: str
    raw: bytes | None
    word: str = ""
    is_hex: bool = False


class DetailReader:
    """Reads records with one dictionary, for numbers that are not those of ``radius_dictionary``."""

    def __init__(self, dictionary: Dictionary | None = None) -> None:
        self._numberings = Numberings.of(dictionary)

    def parse(self, record: bytes, reading: Reading) -> Parsed:
        """Return the event of one record, or why it is none."""
        try:
            if len(record) > MAX_RECORD:
                raise Unparsable(f"detail record of more than {MAX_RECORD} bytes; is this a detail file?")
            printed = [_line(line) for line in record.split(b"\n")[1:]]
            came = _received(printed)
            reading = replace(reading, received_at=came) if came else reading
            attributes = self._attributes(printed, reading, came)
            return event_of(attributes, reading, backend=Backend.RADIUS, raw=record)
        except Unparsable as error:
            return Rejection(record, str(error))

    def _attributes(self, printed: list[DetailLine], reading: Reading, came: datetime | None) -> Attributes:
        sent = [line for line in printed if not _OF_FREERADIUS.fullmatch(line.name)]
        named = any(line.name.lower() == "sip-method" for line in sent)
        numbers = [_number(line.name, named=named) for line in sent]
        opensips = has_opensips_numbers({number for number in numbers if number}, reading.product) or (
            named and reading.product is Product.OPENSIPS
        )
        dictionary = self._numberings.opensips if opensips else self._numberings.openser
        return [
            _attribute(line, number, dictionary, reading.zone, came) for line, number in zip(sent, numbers, strict=True)
        ]


def read(stream: BinaryIO, reading: Reading, dictionary: Dictionary | None = None) -> Iterator[Parsed]:
    """Read a detail file. ``dictionary`` is the proxy's, where its numbers are not those of ``radius_dictionary``."""
    reader = DetailReader(dictionary)
    for record in _records(stream):
        yield reader.parse(record, reading)


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the records: up to an empty line, or to the next line that begins at the margin."""
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


def _received(printed: list[DetailLine]) -> datetime | None:
    """Return when FreeRADIUS got the packet, where the record tells it."""
    for line in printed:
        if line.name == "Timestamp" and re.fullmatch(r"[0-9]{1,10}", line.word):
            return datetime.fromtimestamp(int(line.word), UTC)
    return None


def _number(name: str, *, named: bool) -> int | None:
    """Return the number behind a name that is not the attribute's own.

    ``named``: the record calls acc's attributes by their names, so IANA's are meant where they stand.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        return int(numbered[1])
    plain = name.lower().removeprefix("x-")
    return _ASCEND_NAMES.get(plain) or (None if named else _IANA_NAMES.get(plain))


def _attribute(
    line: DetailLine, number: int | None, dictionary: Dictionary, zone: tzinfo, came: datetime | None
) -> tuple[str, Value]:
    """Return name and value as the proxy sent them."""
    attribute = dictionary.definition(number) if number else dictionary.named(line.name)
    if attribute is None:
        return line.name, line.word if line.raw is None else f"0x{line.raw.hex()}" if line.is_hex else text_of(line.raw)
    if attribute.name == "Event-Timestamp" and (date := _DATE.fullmatch(text_of(line.raw or b""))):
        return attribute.name, _epoch(date, zone, came)
    if line.raw is not None:
        renamed = number is not None or line.is_hex
        return attribute.name, decode_value(line.raw, attribute) if renamed else text_of(line.raw)
    if attribute.type in (DataType.INTEGER, DataType.SIGNED):
        return attribute.name, _whole(line.word, attribute, dictionary)
    return attribute.name, line.word


def _whole(word: str, attribute: Attribute, dictionary: Dictionary) -> Value:
    """Return the number that FreeRADIUS printed as such or under a name; an unknown name stays."""
    if word.isascii() and word.isdigit() and len(word) <= 20:
        return int(word)
    value = dictionary.value_of(attribute.name, word)
    return next((one for one in (value, _ASCEND_VALUES.get(word.lower())) if one is not None), word)


def _epoch(date: re.Match[str], zone: tzinfo, came: datetime | None) -> int:
    """Return the seconds since 1970 of a date in FreeRADIUS' local time.

    Its zone is abbreviated: UTC, an offset, one of the proxy's zone, or whichever brings the time nearest to when the
    packet came (zones differ from UTC by quarters of an hour).
    """
    text, abbreviation = date.groups()
    try:
        naive = datetime.strptime(text, "%b %d %Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        raise Unparsable(f"Event-Timestamp reads {date[0]!r}, which is no date") from None
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
    if came is None:
        raise Unparsable(f"Event-Timestamp reads {date[0]!r}; zone {abbreviation} is not the proxy's: which is meant?")
    return seconds - round((seconds - came.timestamp()) / _QUARTER) * _QUARTER
