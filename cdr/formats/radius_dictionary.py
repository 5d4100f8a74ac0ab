"""RADIUS dictionaries: the numbers, names and types of attributes, and the names of values.

Proxy and server must use the same numbers. Two numberings are common for the attributes of the ``acc`` modules: that of
FreeRADIUS' ``dictionary.openser`` (also radcli's ``dictionary.sip``) and that of OpenSIPS
(``etc/dictionary.opensips``). A dictionary file of the proxy takes precedence; without one, ``OPENSER_NUMBERS`` and
``OPENSIPS_NUMBERS`` are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address
from typing import NamedTuple, TypeAlias

from cdr.events import text_of
from proxyconf.vocabulary.products import Product

Value: TypeAlias = int | str
"""A decoded attribute: a number, or text."""


class DictionaryError(ValueError):
    """A dictionary file that cannot be read. The text names file, line and kind of error, and the remedy.

    It never quotes the file, because the user who names a file may not be allowed to read it.
    """


class DataType(StrEnum):
    """The types that are decoded differently; every type name in a dictionary maps to one of them."""

    TEXT = "text"
    INTEGER = "integer"
    SIGNED = "signed"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    IPV6_PREFIX = "ipv6prefix"
    OCTETS = "octets"
    UNKNOWN = "unknown"


class Attribute(NamedTuple):
    """The definition of an attribute. ``size`` is the length that its type requires, in bytes (0: any)."""

    name: str
    number: int
    type: DataType
    size: int = 0
    vendor: int = 0


_TYPES: Mapping[str, tuple[DataType, int]] = {
    **dict.fromkeys(("string", "text", "utf8string", "identity", "diameteridentity"), (DataType.TEXT, 0)),
    **dict.fromkeys(("integer", "uint32", "unsigned32", "date", "time", "enumerated"), (DataType.INTEGER, 4)),
    **dict.fromkeys(("integer64", "uint64", "unsigned64"), (DataType.INTEGER, 8)),
    **dict.fromkeys(("short", "uint16"), (DataType.INTEGER, 2)),
    **dict.fromkeys(("byte", "uint8", "bool"), (DataType.INTEGER, 1)),
    **dict.fromkeys(("signed", "int32", "integer32"), (DataType.SIGNED, 4)),
    **dict.fromkeys(("ipaddr", "ipv4addr"), (DataType.IPV4, 4)),
    **dict.fromkeys(("ipv6addr",), (DataType.IPV6, 16)),
    **dict.fromkeys(("ipv6prefix",), (DataType.IPV6_PREFIX, 0)),
}


def decode_value(raw: bytes, attribute: Attribute) -> Value:
    """Return the value of an attribute as number or text; never fail.

    A value of another length than its type, or of an unknown type, is text if it is printable, otherwise hexadecimal
    (``0x…``): proxies do send text under the number of an integer, and the reverse.
    """
    if len(raw) != (attribute.size or len(raw)):
        return readable(raw)
    match attribute.type:
        case DataType.TEXT:
            return text_of(raw)
        case DataType.INTEGER:
            return int.from_bytes(raw, "big")
        case DataType.SIGNED:
            return int.from_bytes(raw, "big", signed=True)
        case DataType.IPV4:
            return ".".join(map(str, raw))
        case DataType.IPV6:
            return str(IPv6Address(raw))
        case DataType.IPV6_PREFIX if 2 <= len(raw) <= 18 and raw[1] <= 128:
            return f"{IPv6Address(raw[2:].ljust(16, bytes(1)))}/{raw[1]}"
        case DataType.UNKNOWN:
            return readable(raw)
    return f"0x{raw.hex()}" if raw else ""


def readable(raw: bytes) -> str:
    """Return bytes of unknown type as text if they are printable, otherwise as ``0x`` and hexadecimal digits."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"0x{raw.hex()}"
    return text if text.isprintable() else f"0x{raw.hex()}"


_ALWAYS_TEXT = frozenset({"Sip-From-Tag", "Sip-To-Tag", "Acct-Session-Id"})


def _with_text_tags(attribute: Attribute) -> Attribute:
    """Make the tags text in any dictionary, because the one shipped with OpenSIPS declares them as integers."""
    return attribute._replace(type=DataType.TEXT, size=0) if attribute.name in _ALWAYS_TEXT else attribute


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Attributes by vendor (0: none) and number, by name in lower case, and their named values in lower case."""

    attributes: Mapping[tuple[int, int], Attribute] = field(default_factory=dict)
    names: Mapping[str, Attribute] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def definition(self, number: int, vendor: int = 0) -> Attribute:
        """Return the attribute of a number; an unknown one is named as in FreeRADIUS (``Attr-230``)."""
        attribute = self.attributes.get((vendor, number))
        if attribute is None:
            name = f"Attr-26.{vendor}.{number}" if vendor else f"Attr-{number}"
            return Attribute(name, number, DataType.UNKNOWN, 0, vendor)
        return _with_text_tags(attribute)

    def named(self, name: str) -> Attribute | None:
        """Return the attribute of a name, ignoring case."""
        attribute = self.names.get(name.lower())
        return _with_text_tags(attribute) if attribute else None

    def value_of(self, attribute: str, name: str) -> int | None:
        """Return the number of a named value (``Start`` of ``Acct-Status-Type``)."""
        return self.values.get(attribute.lower(), {}).get(name.lower())

    def over(self, base: Dictionary) -> Dictionary:
        """Return this dictionary, with the entries of ``base`` that it lacks.

        An attribute of ``base`` is dropped if this dictionary uses its number or name.
        """
        attributes = {key: each for key, each in base.attributes.items() if each.name.lower() not in self.names}
        names = {name: each for name, each in base.names.items() if (each.vendor, each.number) not in self.attributes}
        values = {attribute: {**named} for attribute, named in base.values.items()}
        for attribute, named in self.values.items():
            values.setdefault(attribute, {}).update(named)
        return Dictionary({**attributes, **self.attributes}, {**names, **self.names}, values)


Include: TypeAlias = Callable[[str], str]
"""Returns the text of a file that ``$INCLUDE`` names, or raises ``OSError``."""

_FLAGS = ("has_tag", "encrypt=", "concat", "array", "virtual", "secret", "internal", "long", "subtype=", "key", "enum=")
_IGNORED = frozenset({"begin-tlv", "end-tlv", "begin-protocol", "end-protocol", "protocol", "flags", "alias"})
_MAX_DEPTH = 20


def parse(text: str, include: Include | None = None, name: str = "dictionary") -> Dictionary:
    """Read a dictionary in the syntax of FreeRADIUS, radcli and radiusclient-ng.

    ``include`` returns the text of included files; without it ``$INCLUDE`` is an error. ``name`` is the name of the
    file in messages. If a number or name is defined twice, the last definition counts. Raise ``DictionaryError``.
    """
    reader = _Reader(include)
    reader.read(text, name, 0)
    return Dictionary(reader.attributes, reader.names, reader.values)


class _Reader:
    """Collects the definitions of a file and of all files that it includes."""

    def __init__(self, include: Include | None) -> None:
        self.include = include
        self.attributes: dict[tuple[int, int], Attribute] = {}
        self.names: dict[str, Attribute] = {}
        self.values: dict[str, dict[str, int]] = {}
        self.vendors: dict[str, int] = {}
        self.vendor = 0

    def read(self, text: str, name: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise DictionaryError(f"{name}: more than {_MAX_DEPTH} nested $INCLUDE lines; remove the circular one")
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                self._line(words, depth)
            except DictionaryError:  # from an included file, with its location
                raise
            except ValueError as error:
                raise DictionaryError(f"{name}:{number}: {error}") from None

    def _line(self, words: list[str], depth: int) -> None:
        match words[0].lower(), words[1:]:
            case "attribute", [name, number, type_, *rest]:
                self._attribute(name, number, type_, rest)
            case "value", [attribute, name, number]:
                self.values.setdefault(attribute.lower(), {})[name.lower()] = _number(number)
            case "vendor", [name, number, *_]:
                self.vendors[name.lower()] = _number(number)
            case "begin-vendor", [name, *_]:
                self.vendor = self._vendor(name)
            case "end-vendor", _:
                self.vendor = 0
            case ("$include" | "$include-") as keyword, [name]:
                self._include(name, depth, optional=keyword.endswith("-"))
            case keyword, _ if keyword in _IGNORED:
                pass
            case _:
                raise ValueError(
                    "the line is not valid; use ATTRIBUTE name number type, VALUE attribute name number, "
                    "VENDOR name number, BEGIN-VENDOR name or $INCLUDE file"
                )

    def _attribute(self, name: str, number: str, type_: str, rest: list[str]) -> None:
        if "." in number:  # sub-attributes and the extended formats of RFC 6929: no acc module can send them
            return
        vendor = self.vendor
        if rest and not rest[0].lower().startswith(_FLAGS):
            vendor = self._vendor(rest[0])
        data_type, size = _TYPES.get(type_.lower().partition("[")[0], (DataType.OCTETS, 0))
        attribute = Attribute(name, _number(number), data_type, size, vendor)
        self.attributes[vendor, attribute.number] = attribute
        self.names[name.lower()] = attribute

    def _vendor(self, name: str) -> int:
        try:
            return self.vendors[name.lower()]
        except KeyError:
            raise ValueError("unknown vendor; define it above with a line VENDOR name number") from None

    def _include(self, name: str, depth: int, *, optional: bool) -> None:
        if self.include is None:
            raise ValueError("$INCLUDE is not supported here; replace the line with the text of the file")
        try:
            text = self.include(name)
        except OSError as error:
            if optional:
                return
            raise ValueError("the file that $INCLUDE names cannot be read; provide that file as well") from error
        self.read(text, name, depth + 1)


def _number(text: str) -> int:
    try:
        number = int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        raise ValueError("the number is not valid; use digits, or 0x and hexadecimal digits") from None
    if not 0 <= number < 2**32:
        raise ValueError("the number is out of range; numbers have at most 32 bits")
    return number


STANDARD = parse("""
# RFC 2865, 2866, 2869, 3162: what a proxy or its RADIUS client may send besides the attributes of acc
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Service-Type 6 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Filter-Id 11 string
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Callback-Number 19 string
ATTRIBUTE State 24 octets
ATTRIBUTE Class 25 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Authentic 45 integer
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Acct-Terminate-Cause 49 integer
ATTRIBUTE Acct-Multi-Session-Id 50 string
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE NAS-Port-Id 87 string
ATTRIBUTE NAS-IPv6-Address 95 ipv6addr

VALUE Acct-Status-Type Start 1
VALUE Acct-Status-Type Stop 2
VALUE Acct-Status-Type Alive 3
VALUE Acct-Status-Type Interim-Update 3
VALUE Acct-Status-Type Accounting-On 7
VALUE Acct-Status-Type Accounting-Off 8
VALUE Acct-Status-Type Failed 15
VALUE Service-Type Sip-Session 15
""")
"""Standard attributes."""

OPENSER_NUMBERS = parse("""
ATTRIBUTE Sip-Method 101 integer
ATTRIBUTE Sip-Response-Code 102 integer
ATTRIBUTE Sip-Cseq 103 string
ATTRIBUTE Sip-To-Tag 104 string
ATTRIBUTE Sip-From-Tag 105 string
ATTRIBUTE Sip-Translated-Request-URI 107 string
ATTRIBUTE Sip-Src-IP 108 string
ATTRIBUTE Sip-Src-Port 109 string
ATTRIBUTE Sip-Uri-User 208 string
ATTRIBUTE Sip-Group 211 string
ATTRIBUTE Sip-Rpid 213 string
ATTRIBUTE SIP-AVP 225 string
""").over(STANDARD)
"""The attributes of acc with the numbers of FreeRADIUS' ``dictionary.openser`` and radcli's ``dictionary.sip``."""

OPENSIPS_NUMBERS = parse("""
ATTRIBUTE Sip-Method 204 integer
ATTRIBUTE Sip-Response-Code 205 integer
ATTRIBUTE Sip-From-Tag 206 string
ATTRIBUTE Sip-To-Tag 207 string
ATTRIBUTE Sip-Uri-User 208 string
ATTRIBUTE Sip-Uri-Host 209 string
ATTRIBUTE Sip-Group 211 string
ATTRIBUTE Sip-Rpid 213 string
ATTRIBUTE SIP-AVP 225 string
ATTRIBUTE Sip-Call-Duration 227 integer
ATTRIBUTE Sip-Call-Setuptime 228 integer
ATTRIBUTE Sip-Call-Created 229 integer
ATTRIBUTE Sip-Call-MSDuration 230 integer
ATTRIBUTE Transaction-Id 231 string
""").over(STANDARD)
"""The numbers of OpenSIPS' ``etc/dictionary.opensips``; its ``aaa_diameter`` uses the same codes."""


class Numberings(NamedTuple):
    """The dictionaries whose numbers a proxy may use; both are the same one if that is known."""

    openser: Dictionary
    opensips: Dictionary

    @classmethod
    def of(cls, dictionary: Dictionary | None) -> Numberings:
        """Return the possible dictionaries; a ``dictionary`` that defines ``Sip-Method`` is the only one."""
        if dictionary is not None and dictionary.named("Sip-Method"):
            complete = dictionary.over(STANDARD)
            return cls(complete, complete)
        own = dictionary or Dictionary()
        return cls(OPENSER_NUMBERS.over(own), OPENSIPS_NUMBERS.over(own))


def has_opensips_numbers(numbers: Set[int], product: Product) -> bool:
    """Tell whether a packet with these attributes uses OpenSIPS' numbers.

    ``Sip-Method`` and ``Sip-Response-Code`` are always sent, as 101 and 102 or as 204 and 205. If all four are present,
    one pair are attributes of the proxy's own, and the product decides.
    """
    if numbers >= {204, 205}:
        return not numbers >= {101, 102} or product is Product.OPENSIPS
    return False
