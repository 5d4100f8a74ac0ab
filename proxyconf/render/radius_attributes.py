"""The RADIUS attributes that a proxy sends with a profile, with their numbers and types.

Proxy and server must agree on the numbers. For the attributes that acc itself sends, two assignments are in use: that
of FreeRADIUS' ``dictionary.openser`` (for OpenSER and Kamailio, whose own dictionary defines none of them) and that of
OpenSIPS' ``dictionary.opensips``. Extras and legs have the number of their field or of their well-known name; the
others get a free number from the ranges for local use (RFC 3575 section 2.1: 192-223 experimental, 224-240
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
"""The numbers for local use."""


class RadiusWire(StrEnum):
    """The types that all client libraries and servers support."""

    STRING = "string"
    INTEGER = "integer"
    ADDRESS = "ipaddr"
    DATE = "date"


class RadiusAttribute(NamedTuple):
    """An attribute. ``number`` None: no free number was left."""

    name: str
    number: int | None
    wire: RadiusWire
    field: ExtraDefinition | LegDefinition | None = None


# RFC 2865, 2866, 2869: the attributes that an accounting request may contain
STANDARD: Mapping[str, RadiusAttribute] = {
    attribute.name.lower(): attribute
    for attribute in (
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
# in both assignments; the type follows the variable
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
    """The attributes of a profile.

    ``standard`` are the RFC attributes that it needs, ``acc`` those that the acc modules define, ``fields`` those of
    extras and legs that are in neither.
    """

    standard: tuple[RadiusAttribute, ...]
    acc: tuple[RadiusAttribute, ...]
    fields: tuple[RadiusAttribute, ...]


def uses_radius(profile: AccountingProfile) -> bool:
    """Return whether a proxy with this profile sends RADIUS."""
    return Backend.RADIUS in profile.backends and Backend.RADIUS in profile.known_backends


def labels_of(profile: AccountingProfile) -> tuple[tuple[str, ExtraDefinition | LegDefinition], ...]:
    """Return the RADIUS labels of all extras and legs in the order in which they are sent, each with its field."""
    legs: tuple[tuple[str, ExtraDefinition | LegDefinition], ...] = profile.leg_labels(Backend.RADIUS)
    cdr = profile.cdr_labels(Backend.RADIUS) if "aaa_extra_bye" in profile.parameters else ()
    return (*profile.extra_labels(Backend.RADIUS), *cdr, *legs)


def acc_names(profile: AccountingProfile) -> frozenset[str]:
    """Return the names, in lower case, of the attributes that acc and its client library always send."""
    return frozenset(name.lower() for name in (*_acc(profile), *_ACC_STANDARD, *_CLIENT_LIBRARY))


def agreed_number(product: Product, name: str) -> int | None:
    """Return the well-known number of an attribute, or None."""
    if standard := STANDARD.get(name.lower()):
        return standard.number
    return (_OPENSIPS if product is Product.OPENSIPS else _OPENSER).get(name.lower())


def wire_of(profile: AccountingProfile, field: ExtraDefinition | LegDefinition) -> RadiusWire:
    """Return the type of a field's attribute: the configured one, else the one that matches its variable.

    Kamailio sends integer values as 4 bytes; the values of legs and of the other products are always text.
    """
    if field.radius_type is not None:
        return RadiusWire.INTEGER if field.radius_type is RadiusType.INTEGER else RadiusWire.STRING
    if isinstance(field, LegDefinition) or not sends_integers(profile):
        return RadiusWire.STRING
    try:
        form = integer_form(parse_variable(field.variable))
    except ValueError:
        return RadiusWire.STRING
    return RadiusWire.INTEGER if form is IntegerForm.ALWAYS else RadiusWire.STRING


def sends_integers(profile: AccountingProfile) -> bool:
    """Return whether the product sends integer values of extras as integers."""
    return profile.product is Product.KAMAILIO and profile.version >= (3, 0)


def attributes_of(profile: AccountingProfile) -> Attributes:
    """Return the attributes for a profile's dictionary, each name once."""
    core = _acc(profile)
    timestamp = RadiusWire.STRING if profile.is_on("rad_time_mode") else RadiusWire.DATE
    standard = {name.lower(): STANDARD[name.lower()] for name in (*_CLIENT_LIBRARY, *_ACC_STANDARD)}
    standard["event-timestamp"] = standard["event-timestamp"]._replace(wire=timestamp)
    acc = {
        name.lower(): RadiusAttribute(name, agreed_number(profile.product, name), wire) for name, wire in core.items()
    }
    fields: dict[str, RadiusAttribute] = {}
    for label, field in labels_of(profile):
        key = label.lower()
        if key in STANDARD:
            standard.setdefault(key, STANDARD[key])
        elif key not in acc:
            number = field.radius_number if field.radius_number is not None else agreed_number(profile.product, label)
            fields.setdefault(key, RadiusAttribute(label, number, wire_of(profile, field), field))
    numbered = _numbered(fields.values(), _reserved(profile))
    return Attributes(
        tuple(sorted(standard.values(), key=lambda attribute: attribute.number or 0)), tuple(acc.values()), numbered
    )


def _acc(profile: AccountingProfile) -> Mapping[str, RadiusWire]:
    """Return the attributes that acc sends in addition to the standard ones (OpenSIPS: ``acc.c``, ``rad_attrs``)."""
    if profile.product is not Product.OPENSIPS or profile.version < (1, 6):
        return _ACC
    call = ["Sip-Call-Duration", "Sip-Call-Setuptime"]
    call += ["Sip-Call-Created", "Sip-Call-MSDuration"] if profile.version >= (2, 2) else []
    return {**_ACC, **dict.fromkeys(call, RadiusWire.INTEGER)}


def _reserved(profile: AccountingProfile) -> frozenset[int]:
    agreed = _OPENSIPS if profile.product is Product.OPENSIPS else _OPENSER
    return frozenset({*agreed.values(), *(one.number for one in STANDARD.values() if one.number)})


def _numbered(fields: Iterable[RadiusAttribute], reserved: frozenset[int]) -> tuple[RadiusAttribute, ...]:
    """Assign a free number to each attribute that has none.

    The number is derived from the name, not from the position in the list: the server may already know the numbers, so
    they must not change if fields are reordered or added (except for two names with the same hash).
    """
    attributes = list(fields)
    used = reserved | {attribute.number for attribute in attributes if attribute.number is not None}
    free = [number for number in LOCAL_NUMBERS if number not in used]
    numbered = []
    for attribute in attributes:
        if attribute.number is None and free:
            start = crc32(attribute.name.lower().encode()) % len(LOCAL_NUMBERS)
            rotated = [*LOCAL_NUMBERS[start:], *LOCAL_NUMBERS[:start]]
            number = next(candidate for candidate in rotated if candidate in free)
            free.remove(number)
            numbered.append(attribute._replace(number=number))
        else:
            numbered.append(attribute)
    return tuple(numbered)
