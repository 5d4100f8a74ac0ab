"""Diameter messages: the private dialect of Kamailio's ``acc_diameter``, and OpenSIPS' ``aaa_diameter`` (RFC 6733)."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.writers import radius
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _

START, STOP, EVENT = "2", "4", "1"
RECORD_TYPE, MESSAGE_ID, SERVICE, METHOD, FROM_TAG, TO_TAG, CALL_ID, CODE, REALM = (
    *(279, 406, 404, 551, 553, 554, 550, 552, 283),
)
_CORE_ORDER = (METHOD, FROM_TAG, TO_TAG, CALL_ID, CODE)
_MANDATORY = frozenset({RECORD_TYPE, SERVICE, REALM})
_HEADER = bytes.fromhex("010000008000010f000000010000000000000000")
Avps = list[tuple[int, bytes]]


def write(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    """Yield the message of an event, if one is sent: see ``why_not_sent``."""
    if event.kind is SimulatedKind.DIALOG:
        return
    if writing.is_opensips:
        yield _standard(writing, event)
    elif not why_not_sent(writing, event):
        avps = _avps(writing, event)
        fields = tuple((str(code), _text(code, value)) for code, value in avps)
        yield SimulatedRecord(Backend.DIAMETER, event, fields, _packed(avps).hex())


def record_type(event: AccountedEvent) -> str:
    """Return Kamailio's value of AVP 279; empty if the module does not send such an event."""
    if event.method in ("INVITE", "ACK") and 200 <= event.code < 300:
        return START
    if event.method in ("BYE", "CANCEL"):
        return STOP
    return EVENT if 200 <= event.code <= 300 else ""


def why_not_sent(writing: Writing, event: AccountedEvent) -> str:
    """Return why Kamailio's module sends no message for an event; empty if it sends one."""
    if not record_type(event):
        return _("failed and missed calls are not sent")
    names = [label for label, value in _values(writing, event) if not value]
    return _("{names} is empty, and an empty value aborts the message", names=", ".join(names)) if names else ""


def _values(writing: Writing, event: AccountedEvent) -> list[tuple[str, str]]:
    core = dict(writing.core(event))
    core.pop("sip_reason")
    values = list(core.items())
    values += [(one.label, one.value.shown) for one in writing.extras(event, Backend.DIAMETER)]
    for leg in writing.legs(event, Backend.DIAMETER):
        values += [(one.label, one.value.shown) for one in leg]
    return values


def _avps(writing: Writing, event: AccountedEvent) -> Avps:
    """Return the AVPs in wire order: the module prepends each to the others."""
    core = dict(writing.core(event))
    texts = (core["method"], core["from_tag"], core["to_tag"], core["callid"], core["sip_code"])
    avps: Avps = [
        (RECORD_TYPE, record_type(event).encode()),
        (MESSAGE_ID, (1).to_bytes(4, "little")),
        (SERVICE, b"9"),
        *((code, text.encode()) for code, text in zip(_CORE_ORDER, texts, strict=True)),
    ]
    extras = [(_number(one.label), one.value.shown.encode()) for one in writing.extras(event, Backend.DIAMETER)]
    avps += extras
    legs = writing.legs(event, Backend.DIAMETER)
    if legs:
        leg_codes = [_number(one.label) for one in legs[0]]
        table = [*_CORE_ORDER, *(code for code, _value in extras), *leg_codes]
        for number, leg in enumerate(legs):
            codes = leg_codes if number == 0 else table[len(leg) : 2 * len(leg)]  # the index is overwritten after leg 1
            avps += [(code, one.value.shown.encode()) for code, one in zip(codes, leg, strict=False)]
    avps.append((REALM, writing.flow.domain.encode()))
    return avps[::-1]


def _number(label: str) -> int:
    return int(label) if label.isdigit() else 0


def _text(code: int, value: bytes) -> FieldContent:
    return int.from_bytes(value, "little") if code == MESSAGE_ID else value.decode()


def _packed(avps: Avps) -> bytes:
    body = b""
    for code, value in avps:
        flags = 0x40 if code in _MANDATORY else 0
        length = 8 + len(value)
        body += code.to_bytes(4, "big") + bytes([flags]) + length.to_bytes(3, "big") + value + b"\0" * (-length % 4)
    length = len(_HEADER) + len(body)
    return _HEADER[:1] + length.to_bytes(3, "big") + _HEADER[4:] + body


def _standard(writing: Writing, event: AccountedEvent) -> SimulatedRecord:
    inner = next(radius.write(writing, event), None)
    carried = inner.fields if inner else ()
    names_of_client = ("NAS-Port", "Acct-Delay-Time", "NAS-IP-Address")
    fields: list[tuple[str, FieldContent]] = [("Accounting-Record-Type", "EVENT"), ("Accounting-Record-Number", 0)]
    fields += [(name, value) for name, value in carried if name not in names_of_client]
    return SimulatedRecord(Backend.DIAMETER, event, tuple(fields))
