"""RADIUS Accounting-Requests: the attributes in the order in which they are sent.

Sources: Kamailio ``acc_radius/acc_radius_mod.c``, OpenSIPS ``acc/acc.c`` (``acc_aaa_request``), the client library for
the last three.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.writers.common import LabelledValue, Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

START, STOP, ALIVE, FAILED = "Start", "Stop", "Alive", "Failed"
MAX_STRING = 253
"""The client library refuses a request with a longer string."""
Fields = list[tuple[str, FieldContent]]


def write(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    """Yield the request of an event; none if a value is too long for an attribute."""
    if event.kind is SimulatedKind.DIALOG:
        return
    fields = _core(writing, event)
    fields += _classic_opensips(writing, event) if _mixes_legs(writing, event) else _extras_and_legs(writing, event)
    fields += [("NAS-Port", 5060), ("Acct-Delay-Time", 0), ("NAS-IP-Address", writing.flow.proxy_address)]
    if not any(isinstance(value, str) and len(value.encode()) > MAX_STRING for _name, value in fields):
        yield SimulatedRecord(Backend.RADIUS, event, tuple(fields))


def _core(writing: Writing, event: AccountedEvent) -> Fields:
    profile = writing.profile
    service = profile.option("service_type")
    fields: Fields = [
        ("Acct-Status-Type", status_of(profile.product, event)),
        ("Service-Type", "Sip-Session" if service in (None, -1, "") else service),
        ("Sip-Response-Code", event.code),
        ("Sip-Method", event.method.capitalize()),
        ("Event-Timestamp", _timestamp(writing, event)),
    ]
    tags = (("Sip-From-Tag", event.from_tag), ("Sip-To-Tag", "" if event.is_tag_made else event.to_tag))
    fields += [(name, tag) for name, tag in tags if tag]
    return [*fields, ("Acct-Session-Id", writing.flow.call_id)]


def status_of(product: Product, event: AccountedEvent) -> str:
    """Return Acct-Status-Type by its name in the proxies' dictionary."""
    if event.kind is SimulatedKind.CALL_ENDED:
        return STOP
    is_answer = 200 <= event.code < 300
    if product is Product.OPENSER:
        if event.method in ("INVITE", "ACK") and is_answer:
            return START
        return STOP if event.method in ("BYE", "CANCEL") else FAILED
    if event.method == "INVITE" and not event.request.to_tag and is_answer:
        return START
    if event.method in ("BYE", "CANCEL"):
        return STOP
    return ALIVE if event.request.to_tag else FAILED


def _timestamp(writing: Writing, event: AccountedEvent) -> FieldContent:
    clock = writing.clock
    if writing.profile.is_on("rad_time_mode"):
        return f"{clock.epoch(event.stamp)}.{clock.microseconds(event.stamp):06d}"
    return clock.epoch(event.stamp)


def _extras_and_legs(writing: Writing, event: AccountedEvent) -> Fields:
    fields: Fields = []
    for one in writing.extras(event, Backend.RADIUS):
        content = _content(writing, one)
        if content is not None:
            fields.append((one.label, content))
    for leg in writing.legs(event, Backend.RADIUS):
        fields += [(one.label, one.value.shown) for one in leg if one.value.shown or not writing.is_opensips]
    return [*fields, *_dialog_times(writing, event)]


def _content(writing: Writing, extra: LabelledValue) -> FieldContent:
    """Return the sent value of an extra; None: it is omitted. Kamailio sends a number if the variable has one."""
    if writing.is_opensips:
        return extra.value.text or None
    return extra.value.number if extra.value.number is not None else extra.value.text


def _dialog_times(writing: Writing, event: AccountedEvent) -> Fields:
    if not writing.has_dialog_times(event):
        return []
    setup, created = ("Sip-Call-Setuptime", writing.setuptime(event)), ("Sip-Call-Created", writing.created(event))
    if event.kind is not SimulatedKind.CALL_ENDED:
        return [setup, created]
    duration = ("Sip-Call-Duration", writing.whole_seconds(event))
    return [duration, setup, created, ("Sip-Call-MSDuration", writing.milliseconds(event))]


# --- OpenSIPS 2.3 and later: except in dialog CDRs the values of a leg are sent under wrong attributes


def _mixes_legs(writing: Writing, event: AccountedEvent) -> bool:
    has_legs = bool(writing.profile.leg_labels(Backend.RADIUS))
    return has_legs and writing.profile.uses_field_declarations and event.kind is not SimulatedKind.CALL_ENDED


def _classic_opensips(writing: Writing, event: AccountedEvent) -> Fields:
    """Return extras and legs as the module indexes them: all values of leg *k* under the *k*-th name."""
    extras = writing.extras(event, Backend.RADIUS)
    names = [one.label for one in extras] + [label for label, _one in writing.profile.leg_labels(Backend.RADIUS)]
    fields: Fields = [(one.label, one.value.text) for one in extras if one.value.text]
    for index, leg in enumerate(writing.legs(event, Backend.RADIUS)):
        name = names[index] if index < len(names) else f"(unknown attribute of leg {index + 1})"
        fields += [(name, one.value.shown) for one in leg if one.value.shown]
    setuptime = writing.setuptime(event).to_bytes(4, "little", signed=False).decode("latin-1")
    return [*fields, (names[-1], setuptime), ("Sip-Call-Duration", writing.created(event))]
