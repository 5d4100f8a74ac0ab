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

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, RadiusType
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import IntegerForm, integer_form, parse_variable

LOCAL_NUMBERS: tuple[int, ...] = (*range(224, 241), *range(192, 224))
"""The numbers that nobody else may assign."""


class RadiusWire(StrEnum):
    """The types in the words that all client libraries and servers understand."""

    STRING = "string"
    INTEGER = "integer"
    ADDRESS = "ipaddr"
    DATE = "date"


class RadiusAttribute(NamedTuple):
    """One attribute. ``number`` None: there was none left to give it."""

    name: str
    number: int | None
    wire: RadiusWire
    field: ExtraDefinition | LegDefinition | None = None


# RFC 2865, 2866, 2869: those that an accounting request may carry
STANDARD: Mapping[str, RadiusAttribute] = {
    one.name.lower(): one
    for one in (
        RadiusAttribute("User-Name", 1, RadiusWire.STRING),
        RadiusAttribute("NAS-IP-Address", 4, RadiusWire.ADDRESS),
        RadiusAttribute("NAS-Port", 5, RadiusWire.INTEGER),
        RadiusAttribute("Service-Type", 6, RadiusWire.INTEGER),
        RadiusAttribute("Framed-IP-Address", 8, RadiusWire.ADDRESS),
        RadiusAttribute("Filter-Id", 11, RadiusWire.STRING),
        RadiusAttribute("Callback-Number", 19, RadiusWire.STRING),
        RadiusAttribute("Class", 25, RadiusWire.STRING),
        RadiusAttribute("Session-Timeout", 27, RadiusWire.INTEGER),
        RadiusAttribute("Called-Station-Id", 30, RadiusWire.STRING),
        RadiusAttribute("Calling-Station-Id", 31, RadiusWire.STRING),
        RadiusAttribute("NAS-Identifier", 32, RadiusWire.STRING),
        RadiusAttribute("Acct-Status-Type", 40, RadiusWire.INTEGER),
        RadiusAttribute("Acct-Delay-Time", 41, RadiusWire.INTEGER),
        RadiusAttribute("Acct-Session-Id", 44, RadiusWire.STRING),
        RadiusAttribute("Acct-Session-Time", 46, RadiusWire.INTEGER),
        RadiusAttribute("Acct-Terminate-Cause", 49, RadiusWire.INTEGER),
        RadiusAttribute("Acct-Multi-Session-Id", 50, RadiusWire.STRING),
        RadiusAttribute("Event-Timestamp", 55, RadiusWire.DATE),
        RadiusAttribute("Connect-Info", 77, RadiusWire.STRING),
        RadiusAttribute("NAS-Port-Id", 87, RadiusWire.STRING),
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
    "Sip-Method": RadiusWire.INTEGER,
    "Sip-Response-Code": RadiusWire.INTEGER,
    "Sip-From-Tag": RadiusWire.STRING,
    "Sip-To-Tag": RadiusWire.STRING,
}
_ACC_STANDARD = ("Acct-Status-Type", "Service-Type", "Event-Timestamp", "Acct-Session-Id")
_CLIENT_LIBRARY = ("NAS-IP-Address", "NAS-Port", "NAS-Identifier", "Acct-Delay-Time")


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a profile: ``standard`` are those of the RFCs that it needs, ``acc`` those that the acc modules
    define, ``fields`` those of extras and legs that are in neither.
    """

    standard: tuple[RadiusAttribute, ...]
    acc: tuple[RadiusAttribute, ...]
    fields: tuple[RadiusAttribute, ...]


def uses_radius(profile: AccountingProfile) -> bool:
    """Return whether a proxy with this profile sends RADIUS."""
    return Backend.RADIUS in profile.backends and Backend.RADIUS in profile.known_backends


def labels_of(profile: AccountingProfile) -> tuple[tuple[str, ExtraDefinition | LegDefinition], ...]:
    """Return the RADIUS labels of all extras and legs in the order of sending, each with its field."""
    legs: tuple[tuple[str, ExtraDefinition | LegDefinition], ...] = profile.leg_labels(Backend.RADIUS)
    cdr = profile.cdr_labels(Backend.RADIUS) if "aaa_extra_bye" in profile.parameters else ()
    return (*profile.extra_labels(Backend.RADIUS), *cdr, *legs)


def acc_names(profile: AccountingProfile) -> frozenset[str]:
    """Return the names, in lower case, of what acc and its client library send without being asked."""
    return frozenset(one.lower() for one in (*_acc(profile), *_ACC_STANDARD, *_CLIENT_LIBRARY))


def agreed_number(product: Product, name: str) -> int | None:
    """Return the number that everybody expects of an attribute; None if it has none."""
    if found := STANDARD.get(name.lower()):
        return found.number
    return (_OPENSIPS if product is Product.OPENSIPS else _OPENSER).get(name.lower())


def wire_of(profile: AccountingProfile, one: ExtraDefinition | LegDefinition) -> RadiusWire:
    """Return the type that fits what the proxy sends for a field: as set, else as its variable asks for.

    Kamailio sends every value that has an integer form as 4 bytes; legs and the other products always send text.
    """
    if one.radius_type is not None:
        return RadiusWire.INTEGER if one.radius_type is RadiusType.INTEGER else RadiusWire.STRING
    if isinstance(one, LegDefinition) or not sends_integers(profile):
        return RadiusWire.STRING
    try:
        form = integer_form(parse_variable(one.variable))
    except ValueError:
        return RadiusWire.STRING
    return RadiusWire.INTEGER if form is IntegerForm.ALWAYS else RadiusWire.STRING


def sends_integers(profile: AccountingProfile) -> bool:
    """Return whether the product sends the integer form of an extra value where it has one."""
    return profile.product is Product.KAMAILIO and profile.version >= (3, 0)


def attributes_of(profile: AccountingProfile) -> Attributes:
    """Return the attributes that a profile's dictionary must have; what is named twice is there once."""
    core = _acc(profile)
    timestamp = RadiusWire.STRING if profile.is_on("rad_time_mode") else RadiusWire.DATE
    standard = {name.lower(): STANDARD[name.lower()] for name in (*_CLIENT_LIBRARY, *_ACC_STANDARD)}
    standard["event-timestamp"] = standard["event-timestamp"]._replace(wire=timestamp)
    acc = {
        name.lower(): RadiusAttribute(name, agreed_number(profile.product, name), wire) for name, wire in core.items()
    }
    fields: dict[str, RadiusAttribute] = {}
    for label, one in labels_of(profile):
        key = label.lower()
        if key in STANDARD:
            standard.setdefault(key, STANDARD[key])
        elif key not in acc:
            number = one.radius_number if one.radius_number is not None else agreed_number(profile.product, label)
            fields.setdefault(key, RadiusAttribute(label, number, wire_of(profile, one), one))
    numbered = _numbered(fields.values(), _reserved(profile))
    return Attributes(
        tuple(sorted(standard.values(), key=lambda attribute: attribute.number or 0)), tuple(acc.values()), numbered
    )


def _acc(profile: AccountingProfile) -> Mapping[str, RadiusWire]:
    """Return what acc itself sends beside the standard attributes (OpenSIPS: ``acc.c``, ``rad_attrs``)."""
    if profile.product is not Product.OPENSIPS or profile.version < (1, 6):
        return _ACC
    call = ["Sip-Call-Duration", "Sip-Call-Setuptime"]
    call += ["Sip-Call-Created", "Sip-Call-MSDuration"] if profile.version >= (2, 2) else []
    return {**_ACC, **dict.fromkeys(call, RadiusWire.INTEGER)}


def _reserved(profile: AccountingProfile) -> frozenset[int]:
    agreed = _OPENSIPS if profile.product is Product.OPENSIPS else _OPENSER
    return frozenset({*agreed.values(), *(one.number for one in STANDARD.values() if one.number)})


def _numbered(fields: Iterable[RadiusAttribute], reserved: frozenset[int]) -> tuple[RadiusAttribute, ...]:
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
