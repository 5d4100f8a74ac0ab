"""Which RADIUS attributes a proxy sends with a profile, and by which number and type.

Numbers are a matter of agreement between proxy and server. For the attributes that acc itself sends two agreements are
in use: that of FreeRADIUS' ``dictionary.openser`` (for OpenSER and Kamailio, whose own dictionary defines none of them)
and that of OpenSIPS' ``dictionary.opensips``. Extras and legs keep the number that their field or their well-known name
has; the others get a free one of the ranges for local use (RFC 3575 section 2.1: 192-223 experimental, 224-240
implementation specific).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from zlib import crc32

from proxyconf.profile import ExtraField, LegField, Profile, RadiusType
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import IntegerForm, integer_form, parse_variable

LOCAL_NUMBERS: tuple[int, ...] = (*range(224, 241), *range(192, 224))
"""The numbers that nobody else may assign."""


class Wire(StrEnum):
    """The types in the words that all client libraries and servers understand."""

    STRING = "string"
    INTEGER = "integer"
    ADDRESS = "ipaddr"
    DATE = "date"


class Attribute(NamedTuple):
    """One attribute. ``number`` None: there was none left to give it."""

    name: str
    number: int | None
    wire: Wire
    field: ExtraField | LegField | None = None


# RFC 2865, 2866, 2869: those that an accounting request may carry
STANDARD: Mapping[str, Attribute] = {
    one.name.lower(): one
    for one in (
        Attribute("User-Name", 1, Wire.STRING),
        Attribute("NAS-IP-Address", 4, Wire.ADDRESS),
        Attribute("NAS-Port", 5, Wire.INTEGER),
        Attribute("Service-Type", 6, Wire.INTEGER),
        Attribute("Framed-IP-Address", 8, Wire.ADDRESS),
        Attribute("Filter-Id", 11, Wire.STRING),
        Attribute("Callback-Number", 19, Wire.STRING),
        Attribute("Class", 25, Wire.STRING),
        Attribute("Session-Timeout", 27, Wire.INTEGER),
        Attribute("Called-Station-Id", 30, Wire.STRING),
        Attribute("Calling-Station-Id", 31, Wire.STRING),
        Attribute("NAS-Identifier", 32, Wire.STRING),
        Attribute("Acct-Status-Type", 40, Wire.INTEGER),
        Attribute("Acct-Delay-Time", 41, Wire.INTEGER),
        Attribute("Acct-Session-Id", 44, Wire.STRING),
        Attribute("Acct-Session-Time", 46, Wire.INTEGER),
        Attribute("Acct-Terminate-Cause", 49, Wire.INTEGER),
        Attribute("Acct-Multi-Session-Id", 50, Wire.STRING),
        Attribute("Event-Timestamp", 55, Wire.DATE),
        Attribute("Connect-Info", 77, Wire.STRING),
        Attribute("NAS-Port-Id", 87, Wire.STRING),
    )
}
# in both agreements; the type follows the variable
_AGREED = {"sip-uri-user": 208, "sip-group": 211, "sip-rpid": 213, "sip-avp": 225}
_OPENSER = {
    **_AGREED,
    "sip-method": 101,
    "sip-response-code": 102,
    "sip-cseq": 103,
    "sip-to-tag": 104,
    "sip-from-tag": 105,
    "sip-translated-request-uri": 107,
    "sip-src-ip": 108,
    "sip-src-port": 109,
}
_OPENSIPS = {
    **_AGREED,
    "sip-method": 204,
    "sip-response-code": 205,
    "sip-from-tag": 206,
    "sip-to-tag": 207,
    "sip-uri-host": 209,
    "sip-call-duration": 227,
    "sip-call-setuptime": 228,
    "sip-call-created": 229,
    "sip-call-msduration": 230,
    "transaction-id": 231,
}
_ACC = {
    "Sip-Method": Wire.INTEGER,
    "Sip-Response-Code": Wire.INTEGER,
    "Sip-From-Tag": Wire.STRING,
    "Sip-To-Tag": Wire.STRING,
}
_ACC_STANDARD = ("Acct-Status-Type", "Service-Type", "Event-Timestamp", "Acct-Session-Id")
_CLIENT_LIBRARY = ("NAS-IP-Address", "NAS-Port", "NAS-Identifier", "Acct-Delay-Time")


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a profile: ``standard`` are those of the RFCs that it needs, ``acc`` those that the acc modules
    define, ``fields`` those of extras and legs that are in neither.
    """

    standard: tuple[Attribute, ...]
    acc: tuple[Attribute, ...]
    fields: tuple[Attribute, ...]


def uses_radius(profile: Profile) -> bool:
    """Return whether a proxy with this profile sends RADIUS."""
    return Backend.RADIUS in profile.backends and Backend.RADIUS in profile.known_backends


def labels_of(profile: Profile) -> tuple[tuple[str, ExtraField | LegField], ...]:
    """Return the RADIUS labels of all extras and legs in the order of sending, each with its field."""
    legs: tuple[tuple[str, ExtraField | LegField], ...] = profile.leg_labels(Backend.RADIUS)
    cdr = profile.cdr_labels(Backend.RADIUS) if "aaa_extra_bye" in profile.parameters else ()
    return (*profile.extra_labels(Backend.RADIUS), *cdr, *legs)


def acc_names(profile: Profile) -> frozenset[str]:
    """Return the names, in lower case, of what acc and its client library send without being asked."""
    return frozenset(one.lower() for one in (*_acc(profile), *_ACC_STANDARD, *_CLIENT_LIBRARY))


def agreed_number(product: Product, name: str) -> int | None:
    """Return the number that everybody expects of an attribute; None if it has none."""
    if found := STANDARD.get(name.lower()):
        return found.number
    return (_OPENSIPS if product is Product.OPENSIPS else _OPENSER).get(name.lower())


def wire_of(profile: Profile, one: ExtraField | LegField) -> Wire:
    """Return the type that fits what the proxy sends for a field: as set, else as its variable asks for.

    Kamailio sends every value that has an integer form as 4 bytes; legs and the other products always send text.
    """
    if one.radius_type is not None:
        return Wire.INTEGER if one.radius_type is RadiusType.INTEGER else Wire.STRING
    if isinstance(one, LegField) or not sends_integers(profile):
        return Wire.STRING
    try:
        form = integer_form(parse_variable(one.variable))
    except ValueError:
        return Wire.STRING
    return Wire.INTEGER if form is IntegerForm.ALWAYS else Wire.STRING


def sends_integers(profile: Profile) -> bool:
    """Return whether the product sends the integer form of an extra value where it has one."""
    return profile.product is Product.KAMAILIO and profile.version >= (3, 0)


def attributes_of(profile: Profile) -> Attributes:
    """Return the attributes that a profile's dictionary must have; what is named twice is there once."""
    core = _acc(profile)
    timestamp = Wire.STRING if profile.is_on("rad_time_mode") else Wire.DATE
    standard = {name.lower(): STANDARD[name.lower()] for name in (*_CLIENT_LIBRARY, *_ACC_STANDARD)}
    standard["event-timestamp"] = standard["event-timestamp"]._replace(wire=timestamp)
    acc = {name.lower(): Attribute(name, agreed_number(profile.product, name), wire) for name, wire in core.items()}
    fields: dict[str, Attribute] = {}
    for label, one in labels_of(profile):
        key = label.lower()
        if key in STANDARD:
            standard.setdefault(key, STANDARD[key])
        elif key not in acc:
            number = one.radius_number if one.radius_number is not None else agreed_number(profile.product, label)
            fields.setdefault(key, Attribute(label, number, wire_of(profile, one), one))
    numbered = _numbered(fields.values(), _reserved(profile))
    return Attributes(
        tuple(sorted(standard.values(), key=lambda attribute: attribute.number or 0)), tuple(acc.values()), numbered
    )


def _acc(profile: Profile) -> Mapping[str, Wire]:
    """Return what acc itself sends beside the standard attributes (OpenSIPS: ``acc.c``, ``rad_attrs``)."""
    if profile.product is not Product.OPENSIPS or profile.version < (1, 6):
        return _ACC
    call = ["Sip-Call-Duration", "Sip-Call-Setuptime"]
    call += ["Sip-Call-Created", "Sip-Call-MSDuration"] if profile.version >= (2, 2) else []
    return {**_ACC, **dict.fromkeys(call, Wire.INTEGER)}


def _reserved(profile: Profile) -> frozenset[int]:
    agreed = _OPENSIPS if profile.product is Product.OPENSIPS else _OPENSER
    return frozenset({*agreed.values(), *(one.number for one in STANDARD.values() if one.number)})


def _numbered(fields: Iterable[Attribute], reserved: frozenset[int]) -> tuple[Attribute, ...]:
    """Give a free number to each attribute that has none.

    The number comes from the name, not from the place in the list: reordering fields or adding one leaves the numbers
    of the others, which a server may know already, as they are (but for two names that want the same number).
    """
    wanted = list(fields)
    used = reserved | {one.number for one in wanted if one.number is not None}
    free = [number for number in LOCAL_NUMBERS if number not in used]
    given = []
    for one in wanted:
        if one.number is None and free:
            start = crc32(one.name.lower().encode()) % len(LOCAL_NUMBERS)
            rotated = [*LOCAL_NUMBERS[start:], *LOCAL_NUMBERS[:start]]
            number = next(candidate for candidate in rotated if candidate in free)
            free.remove(number)
            given.append(one._replace(number=number))
        else:
            given.append(one)
    return tuple(given)
