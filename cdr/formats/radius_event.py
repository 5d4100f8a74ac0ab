"""The attributes that the acc modules send to AAA servers, become an event.

RADIUS packets, FreeRADIUS' detail files and OpenSIPS' Diameter requests carry the same attributes; each format decodes
its own and hands them over here by name. Sources: ``acc_radius_mod.c`` of Kamailio, ``acc.c`` of OpenSIPS and OpenSER.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TypeAlias

from cdr.events import MICROSECOND, SECOND, AccEvent, Kind, Pairs, Unparsable, classify
from cdr.formats.radius_dictionary import Value
from cdr.formats.reading import Reading
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NAMES

Attributes: TypeAlias = Sequence[tuple[str, Value]]
"""Names and decoded values in the order of the wire."""


class Status(IntEnum):
    """``Acct-Status-Type`` (RFC 2866 section 5.1); Alive is its Interim-Update."""

    START = 1
    STOP = 2
    ALIVE = 3
    ON = 7
    OFF = 8
    FAILED = 15


_STATUSES = frozenset(Status)

_STATUS, _METHOD, _CODE, _TIME = "Acct-Status-Type", "Sip-Method", "Sip-Response-Code", "Event-Timestamp"
_FROM_TAG, _TO_TAG, _CALL_ID, _DELAY = "Sip-From-Tag", "Sip-To-Tag", "Acct-Session-Id", "Acct-Delay-Time"
_DURATION, _MS_DURATION = "Sip-Call-Duration", "Sip-Call-MSDuration"
_SETUP_TIME, _CREATED = "Sip-Call-Setuptime", "Sip-Call-Created"
_SERVICE_TYPE, _SIP_SESSION = "Service-Type", (15, "Sip-Session", "15")
_CORE = frozenset(
    {_STATUS, _METHOD, _CODE, _TIME, _FROM_TAG, _TO_TAG, _CALL_ID, _DELAY, _DURATION, _MS_DURATION}
    | {_SETUP_TIME, _CREATED}
)
_DELIVERY = frozenset({"Proxy-State", "Message-Authenticator"})
"""Of the packet, not of the event: another delivery of the same event carries other values."""

_EPOCH_TEXT = re.compile(r"\s*(\d{1,11})(?:\.(\d{1,6}))?\s*")


def event_of(attributes: Attributes, reading: Reading, *, backend: Backend, raw: bytes) -> AccEvent:
    """Return the event that the attributes tell; raise ``Unparsable`` where they are no accounting of SIP.

    ``extra`` keeps every attribute that is neither part of the core nor a leg, with numbers as decimal text;
    ``Acct-Delay-Time``, ``Proxy-State`` and the ``Service-Type`` that only says "SIP" are left out, so that another
    delivery of the same event is the same event. RADIUS tells no reason, and a missed call looks like a failed one:
    both are ``Kind.FAILED``.
    """
    core, rest, before_duration = _sort_out(attributes)
    status = _integer(core, _STATUS)
    if status in (Status.ON, Status.OFF):
        kind, method, code, call_id = Kind.ON if status == Status.ON else Kind.OFF, "", 0, ""
    else:
        method, code, call_id = _method(core, reading), _code(core), str(core.get(_CALL_ID, ""))
        kind = _kind(status, method, code)
        if not call_id:
            raise Unparsable(f"{method} without {_CALL_ID}, which holds the Call-ID; is the dictionary the proxy's?")
    time, precision = _time(core, reading)
    ended_at = duration_us = None
    if kind is Kind.CDR:
        # OpenSIPS puts the code of whatever the process accounted before into this record; the dialog was answered.
        code = 200
        duration_us = _duration_us(core)
        ended_at = None if duration_us is None else _later(time, duration_us)
    labels, extras = leg_labels(reading, backend), extra_labels(reading, backend)
    if kind is not Kind.CDR and labels and _mixes_legs(reading):
        if before_duration and _SETUP_TIME not in core and rest[before_duration - 1][0] == labels[-1]:
            del rest[before_duration - 1]
        rest = _put_right(rest, extras, labels) or rest
    extra, legs = _split_legs(rest, labels, extras)
    return AccEvent(
        kind=kind,
        method=method,
        from_tag=str(core.get(_FROM_TAG, "")),
        to_tag=str(core.get(_TO_TAG, "")),
        call_id=call_id,
        code=code,
        reason="",
        time=time,
        precision=precision,
        backend=backend,
        extra=extra,
        legs=legs,
        ended_at=ended_at,
        duration_us=duration_us,
        created_at=_created_at(core),
        raw=raw,
    )


def _sort_out(attributes: Attributes) -> tuple[dict[str, Value], list[tuple[str, str]], int]:
    """Return the core attributes, the others as text, and how many of these stood before ``Sip-Call-Duration``."""
    core: dict[str, Value] = {}
    rest: list[tuple[str, str]] = []
    before_duration = 0
    for name, value in attributes:
        if name in _CORE and name not in core:
            core[name] = value
            if name == _DURATION:
                before_duration = len(rest)
        elif name not in _DELIVERY and not (name == _SERVICE_TYPE and value in _SIP_SESSION):
            rest.append((name, str(value)))
    return core, rest, before_duration


def _integer(core: Mapping[str, Value], name: str, default: int | None = None) -> int:
    value = core.get(name, default)
    if isinstance(value, int):
        return value
    if value is None:
        raise Unparsable(f"no {name}: no accounting of SIP, or the dictionary is not the proxy's")
    if value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    raise Unparsable(f"{name} reads {value!r}, which is no number; is the dictionary the proxy's?")


def _method(core: Mapping[str, Value], reading: Reading) -> str:
    """Return the SIP method: by its number, or as FreeRADIUS named it. A number not used by the product stays."""
    value = core.get(_METHOD)
    if isinstance(value, str) and value[:1].isalpha():
        return value.upper()
    number = _integer(core, _METHOD)
    return METHOD_NAMES[reading.product].get(number, str(number))


def _code(core: Mapping[str, Value]) -> int:
    code = _integer(core, _CODE, 0)
    if not 0 <= code <= 999:
        raise Unparsable(f"{_CODE} is {code}; SIP has codes of three digits, so is the dictionary the proxy's?")
    return code


def _kind(status: int, method: str, code: int) -> Kind:
    """Return the kind of a record about a request.

    OpenSER sends re-INVITE and ACK as Start, Kamailio and OpenSIPS as Alive: the method decides before the status.
    Only OpenSIPS' dialog record is a Stop with method INVITE.
    """
    if status not in _STATUSES:
        raise Unparsable(f"{_STATUS} is {status}; acc sends Start 1, Stop 2, Alive 3, Failed 15")
    if method == "INVITE" and status == Status.STOP:
        return Kind.CDR
    if status == Status.ALIVE and method not in ("ACK", "BYE", "CANCEL"):
        return Kind.INTERIM
    return classify(method, code)


def _time(core: Mapping[str, Value], reading: Reading) -> tuple[datetime, int]:
    """Return time and precision: the proxy's clock, else when the packet came less what it waited.

    Kamailio with ``rad_time_mode`` 1 sends text, seconds and microseconds.
    """
    value = core.get(_TIME)
    if value is None:
        arrived = reading.received_at.replace(microsecond=0)
        return _later(arrived, _integer(core, _DELAY, 0) * -1_000_000), SECOND
    match = _EPOCH_TEXT.fullmatch(str(value))
    if match is None:
        raise Unparsable(f"{_TIME} reads {value!r}; expected seconds since 1970, with or without a fraction")
    seconds, fraction = match.groups()
    time = _moment(int(seconds), _TIME)
    if not fraction:
        return time, SECOND
    return time.replace(microsecond=int(fraction.ljust(6, "0"))), MICROSECOND


def _moment(seconds: int, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unparsable(f"{name} is {seconds} seconds since 1970: no time that a calendar holds") from None


def _later(time: datetime, microseconds: int) -> datetime:
    try:
        return time + timedelta(microseconds=microseconds)
    except OverflowError:
        raise Unparsable(f"{microseconds // 1_000_000} seconds from {time} is no time that a calendar holds") from None


def _duration_us(core: Mapping[str, Value]) -> int | None:
    """Return the duration of a dialog record; OpenSIPS before 2.2 tells whole seconds only."""
    if _MS_DURATION in core:
        return _integer(core, _MS_DURATION) * 1_000
    return _integer(core, _DURATION) * 1_000_000 if _DURATION in core else None


def _created_at(core: Mapping[str, Value]) -> datetime | None:
    """Return when the INVITE came; OpenSIPS writes 0 for records outside of a dialog."""
    seconds = core.get(_CREATED)
    return _moment(seconds, _CREATED) if isinstance(seconds, int) and seconds > 0 else None


def leg_labels(reading: Reading, backend: Backend) -> tuple[str, ...] | None:
    """Return the labels of the legs in their order; none: unknown. OpenSIPS configures all AAA servers as one."""
    legs = reading.layout.legs
    return legs.get(backend, legs.get(Backend.RADIUS))


def extra_labels(reading: Reading, backend: Backend) -> tuple[str, ...]:
    """Return the labels of the extras in their order, as far as they are known."""
    extras = reading.layout.extras
    return extras.get(backend, extras.get(Backend.RADIUS, ()))


def _split_legs(
    rest: Sequence[tuple[str, str]], labels: Sequence[str] | None, extras: Sequence[str]
) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return extras and legs. Unknown leg labels: what repeats is one, and what looks like one beside its like."""
    if labels is None:
        labels = _likely_leg_labels(tuple(name for name, _ in rest if name not in extras))
    own = frozenset(labels)
    values = [pair for pair in rest if pair[0] in own]
    if not values:
        return tuple(rest), ()
    return tuple(pair for pair in rest if pair[0] not in own), tuple(_paired(values, labels))


@lru_cache(maxsize=1024)
def _likely_leg_labels(names: tuple[str, ...]) -> list[str]:
    count: dict[str, int] = {}
    for name in names:
        count[name] = count.get(name, 0) + 1
    roles = {name: suggest_leg_role(name) for name in count}
    named = {Role.LEG_SOURCE, Role.LEG_DESTINATION} <= set(roles.values())
    return [name for name, times in count.items() if times > 1 or (named and roles[name])]


def _paired(values: Sequence[tuple[str, str]], labels: Sequence[str]) -> Iterable[Pairs]:
    """Return one set of labels per leg: the k-th values of all labels belong together.

    Kamailio sends every value of every leg, empty ones too. OpenSIPS leaves empty ones out; where that makes the
    labels differ in number, a label that comes out of turn begins the next leg.
    """
    columns: dict[str, list[str]] = {label: [] for label in labels}
    for label, text in values:
        columns[label].append(text)
    counts = {len(column) for column in columns.values() if column}
    if len(counts) == 1:
        for index in range(counts.pop()):
            yield tuple((label, column[index] if column else "") for label, column in columns.items())
        return
    place = {label: index for index, label in enumerate(labels)}
    leg: dict[str, str] = {}
    last = -1
    for label, text in values:
        if place[label] <= last:
            yield tuple((name, leg.get(name, "")) for name in labels)
            leg = {}
        leg[label] = text
        last = place[label]
    yield tuple((name, leg.get(name, "")) for name in labels)


def _mixes_legs(reading: Reading) -> bool:
    """Tell whether the proxy names leg values wrongly in all but its dialog records: OpenSIPS since 2.3."""
    return reading.product is Product.OPENSIPS and reading.version >= (2, 3)


def _put_right(
    rest: Sequence[tuple[str, str]], extras: Sequence[str], labels: Sequence[str]
) -> list[tuple[str, str]] | None:
    """Give the leg values of an OpenSIPS record their names; none where it cannot be told what belongs where.

    All values of leg k go out, in the labels' order, under the k-th name of extras and legs together; before them, each
    extra that is not empty goes out under its own. A leg with an empty value has one attribute less, so the rest
    cannot be told apart and stays as it came.
    """
    names = [*extras, *labels]
    width = len(labels)
    own = frozenset(names)
    sent = [pair for pair in rest if pair[0] in own]
    fitting = []
    for count in range(1, min(len(sent) // width, len(names)) + 1):
        first = len(sent) - count * width
        in_turn = iter(extras)
        if all(name == names[index // width] for index, (name, _) in enumerate(sent[first:])) and all(
            name in in_turn for name, _ in sent[:first]
        ):
            fitting.append(first)
    if len(fitting) != 1:
        return None
    first = fitting[0]
    legs = [(labels[index % width], text) for index, (_, text) in enumerate(sent[first:])]
    return [*sent[:first], *(pair for pair in rest if pair[0] not in own), *legs]
