"""Convert the attributes that the acc modules send to AAA servers into an event.

RADIUS packets, FreeRADIUS' detail files and OpenSIPS' Diameter requests have the same attributes; each format decodes
them and passes them here by name. Sources: ``acc_radius_mod.c`` of Kamailio, ``acc.c`` of OpenSIPS and OpenSER.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache, partial
from typing import Any, TypeAlias

from cdr.events import MICROSECOND, SECOND, AccEvent, EventKind, Pairs, Unparsable, classify, text_of
from cdr.formats.limits import LONGEST_VALUE, MOST_EXTRAS, limited
from cdr.formats.radius_dictionary import Value
from cdr.formats.reading import Reading
from cdr.formats.setup_time import FINAL_REPLIES, delayed_time
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NAMES

Attributes: TypeAlias = Sequence[tuple[str, Value]]
"""Names and decoded values, in the order received."""


class Status(IntEnum):
    """``Acct-Status-Type`` (RFC 2866 section 5.1); Alive is its Interim-Update."""

    START = 1
    STOP = 2
    ALIVE = 3
    ON = 7
    OFF = 8
    FAILED = 15


_STATUSES = frozenset(Status)
_OF_NO_CALL = frozenset({EventKind.ON, EventKind.OFF})

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
"""Attributes of the packet, not of the event: another delivery of the event has other values."""

_USUAL_CORE = frozenset({_STATUS, _METHOD, _CODE, _TIME, _FROM_TAG, _TO_TAG, _CALL_ID})

_CACHED_VALUES = 4096
"""How many values of one attribute are cached."""

_EPOCH_TEXT = re.compile(r"\s*(\d{1,11})(?:\.(\d{1,6}))?\s*")


def event_of(attributes: Attributes, reading: Reading, *, backend: Backend, raw: bytes) -> AccEvent:
    """Return the event of the attributes; raise ``Unparsable`` if they are not SIP accounting.

    ``extra`` has every attribute that is neither part of the core nor of a leg, with numbers as decimal text.
    ``Acct-Delay-Time``, ``Proxy-State`` and the ``Service-Type`` of SIP are left out, so that another delivery of the
    event gives the same event. RADIUS has no reason, and missed calls look like failed ones: both are
    ``EventKind.FAILED``.
    """
    core, rest, before_duration = _split_core(attributes)
    kind, method, code = _kind_method_code(core, reading)
    call_id = "" if kind in _OF_NO_CALL else str(core.get(_CALL_ID, ""))
    if not call_id and kind not in _OF_NO_CALL:
        raise Unparsable(f"{method} without {_CALL_ID}, which has the Call-ID; is the dictionary that of the proxy?")
    time, precision = _time(core, reading)
    ended_at = duration_us = None
    if method == "INVITE" and kind in FINAL_REPLIES:
        time = delayed_time(time, _created_at(core), str(core.get(_SETUP_TIME, "")))
    if kind is EventKind.CDR:
        # In this record OpenSIPS sends the code of whatever the process accounted before; the dialog was answered.
        code = 200
        duration_us = _duration_us(core)
        ended_at = None if duration_us is None else _later(time, duration_us)
    labels, extras = leg_labels(reading, backend), extra_labels(reading, backend)
    if kind is not EventKind.CDR and labels and _mixes_legs(reading):
        if before_duration and _SETUP_TIME not in core and rest[before_duration - 1][0] == labels[-1]:
            del rest[before_duration - 1]
        rest = _with_right_names(rest, extras, labels) or rest
    extra, legs = _split_legs(rest, labels, extras)
    event = AccEvent(
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
    # An attribute of RADIUS holds 253 bytes, and a dictionary names it.
    is_short = backend is Backend.RADIUS and len(rest) <= MOST_EXTRAS and len(raw) <= LONGEST_VALUE
    return event if is_short else limited(event, reading.layout)


def _split_core(attributes: Attributes) -> tuple[dict[str, Value], list[tuple[str, str]], int]:
    """Return the core attributes, the others as text, and how many of these came before ``Sip-Call-Duration``."""
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
        raise Unparsable(f"no {name}: this is not SIP accounting, or the dictionary is not that of the proxy")
    if value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    raise Unparsable(f"{name} is {value!r}, which is not a number; is the dictionary that of the proxy?")


def _kind_method_code(core: Mapping[str, Value], reading: Reading) -> tuple[EventKind, str, int]:
    status = _integer(core, _STATUS)
    if status in (Status.ON, Status.OFF):
        return EventKind.ON if status == Status.ON else EventKind.OFF, "", 0
    method, code = _method(core, reading), _code(core)
    return _kind(status, method, code), method, code


def _method(core: Mapping[str, Value], reading: Reading) -> str:
    """Return the SIP method, sent as a number or named by FreeRADIUS; a number unknown for the product as text."""
    value = core.get(_METHOD)
    if isinstance(value, str) and value[:1].isalpha():
        return value.upper()
    number = _integer(core, _METHOD)
    return METHOD_NAMES[reading.product].get(number, str(number))


def _code(core: Mapping[str, Value]) -> int:
    code = _integer(core, _CODE, 0)
    if not 0 <= code <= 999:
        raise Unparsable(f"{_CODE} is {code}, but SIP codes have three digits; is the dictionary that of the proxy?")
    return code


def _kind(status: int, method: str, code: int) -> EventKind:
    """Return the kind of a record about a request.

    OpenSER sends re-INVITE and ACK as Start, Kamailio and OpenSIPS as Alive, so the method takes precedence over the
    status. Only OpenSIPS' dialog record is a Stop with method INVITE.
    """
    if status not in _STATUSES:
        raise Unparsable(f"{_STATUS} is {status}; acc sends Start 1, Stop 2, Alive 3, Failed 15")
    if method == "INVITE" and status == Status.STOP:
        return EventKind.CDR
    if status == Status.ALIVE and method not in ("ACK", "BYE", "CANCEL"):
        return EventKind.INTERIM
    return classify(method, code)


def _time(core: Mapping[str, Value], reading: Reading) -> tuple[datetime, int]:
    """Return time and precision: from the proxy's clock, or else the time of receipt minus the delay.

    Kamailio with ``rad_time_mode`` 1 sends text, seconds and microseconds.
    """
    value = core.get(_TIME)
    if value is None:
        arrived = reading.received_at.replace(microsecond=0)
        return _later(arrived, _integer(core, _DELAY, 0) * -1_000_000), SECOND
    match = _EPOCH_TEXT.fullmatch(str(value))
    if match is None:
        raise Unparsable(f"{_TIME} is {value!r}; expected seconds since 1970, with or without a fraction")
    seconds, fraction = match.groups()
    time = _moment(int(seconds), _TIME)
    if not fraction:
        return time, SECOND
    return time.replace(microsecond=int(fraction.ljust(6, "0"))), MICROSECOND


def _moment(seconds: int, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unparsable(f"{name} is {seconds} seconds since 1970, which is outside of the years 1 to 9999") from None


def _later(time: datetime, microseconds: int) -> datetime:
    try:
        return time + timedelta(microseconds=microseconds)
    except OverflowError:
        raise Unparsable(f"{microseconds // 1_000_000} seconds from {time} is outside of the years 1 to 9999") from None


def _duration_us(core: Mapping[str, Value]) -> int | None:
    """Return the duration of a dialog record; OpenSIPS before 2.2 sends only whole seconds."""
    if _MS_DURATION in core:
        return _integer(core, _MS_DURATION) * 1_000
    return _integer(core, _DURATION) * 1_000_000 if _DURATION in core else None


def _created_at(core: Mapping[str, Value]) -> datetime | None:
    """Return the arrival of the INVITE; OpenSIPS sends 0 for records outside of a dialog."""
    seconds = core.get(_CREATED)
    return _moment(seconds, _CREATED) if isinstance(seconds, int) and seconds > 0 else None


def leg_labels(reading: Reading, backend: Backend) -> tuple[str, ...] | None:
    """Return the labels of the legs in order, or ``None`` if unknown. OpenSIPS configures all AAA servers alike."""
    legs = reading.layout.legs
    return legs.get(backend, legs.get(Backend.RADIUS))


def extra_labels(reading: Reading, backend: Backend) -> tuple[str, ...]:
    """Return the labels of the extras in order, as far as they are known."""
    extras = reading.layout.extras
    return extras.get(backend, extras.get(Backend.RADIUS, ()))


def _split_legs(
    rest: Sequence[tuple[str, str]], labels: Sequence[str] | None, extras: Sequence[str]
) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return extras and legs. If the leg labels are unknown, they are guessed from repetitions and names."""
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

    Kamailio sends every value of every leg, even empty ones. OpenSIPS leaves empty ones out; if the labels then occur
    in different numbers, a label out of order starts the next leg.
    """
    columns: dict[str, list[str]] = {label: [] for label in labels}
    for label, text in values:
        columns[label].append(text)
    counts = {len(column) for column in columns.values() if column}
    if len(counts) == 1:
        for index in range(counts.pop()):
            yield tuple((label, column[index] if column else "") for label, column in columns.items())
        return
    order = {label: index for index, label in enumerate(labels)}
    leg: dict[str, str] = {}
    last_place = -1
    for label, text in values:
        if order[label] <= last_place:
            yield tuple((name, leg.get(name, "")) for name in labels)
            leg = {}
        leg[label] = text
        last_place = order[label]
    yield tuple((name, leg.get(name, "")) for name in labels)


def _mixes_legs(reading: Reading) -> bool:
    """Tell whether the proxy names leg values wrongly except in dialog records: OpenSIPS since 2.3."""
    return reading.product is Product.OPENSIPS and reading.version >= (2, 3)


def _with_right_names(
    rest: Sequence[tuple[str, str]], extras: Sequence[str], labels: Sequence[str]
) -> list[tuple[str, str]] | None:
    """Correct the names of the leg values in an OpenSIPS record; return ``None`` if the assignment is ambiguous.

    All values of leg k are sent, in the order of the labels, under the k-th name of extras and legs together; before
    them, each extra that is not empty is sent under its own name. A leg with an empty value has one attribute less, so
    the values cannot be assigned and stay as received.
    """
    names = [*extras, *labels]
    width = len(labels)
    own = frozenset(names)
    sent = [pair for pair in rest if pair[0] in own]
    candidates = []
    for count in range(1, min(len(sent) // width, len(names)) + 1):
        first = len(sent) - count * width
        in_turn = iter(extras)
        if all(name == names[index // width] for index, (name, _) in enumerate(sent[first:])) and all(
            name in in_turn for name, _ in sent[:first]
        ):
            candidates.append(first)
    if len(candidates) != 1:
        return None
    first = candidates[0]
    legs = [(labels[index % width], text) for index, (_, text) in enumerate(sent[first:])]
    return [*sent[:first], *(pair for pair in rest if pair[0] not in own), *legs]


class PacketShape:
    """Fast path: builds the events of packets with the same attributes in the same order, like ``event_of``.

    A proxy sends few kinds of packets and repeats most values, so decoded values are cached.
    """

    def __init__(
        self, names: Sequence[str], decode: Callable[[int, bytes], Value], reading: Reading, backend: Backend
    ) -> None:
        """``decode(index, raw)`` returns the value of the attribute ``names[index]``."""
        self._reading = reading
        self._decode = decode
        index_of = {name: index for index, name in enumerate(names)}
        self._status_indexes = index_of[_STATUS], index_of[_METHOD], index_of[_CODE]
        self._tag_indexes = index_of[_FROM_TAG], index_of[_TO_TAG], index_of[_CALL_ID]
        self._time_index, self._created_index, self._service_index = (
            index_of[_TIME],
            index_of.get(_CREATED),
            index_of.get(_SERVICE_TYPE),
        )
        self._setup_index = index_of.get(_SETUP_TIME)
        self._kinds = _Cached(self._decode_kind)
        self._times = _Cached(self._decode_time)
        self._creations = _Cached(self._decode_created)
        self._services = _Cached(self._is_sip_service)
        rest = [
            (index, name)
            for index, name in enumerate(names)
            if name not in _CORE and name not in _DELIVERY and name != _SERVICE_TYPE
        ]
        self._rest = [(index, _Cached(partial(self._pair, index, name))) for index, name in rest]
        # What is an extra and what belongs to which leg depends on the names alone: split their places in the rest.
        places = [(name, str(place)) for place, (_, name) in enumerate(rest)]
        extras, legs = _split_legs(places, leg_labels(reading, backend), extra_labels(reading, backend))
        self._extras = [int(place) for _, place in extras]
        self._legs = [[(label, int(place or -1)) for label, place in leg] for leg in legs]

    @classmethod
    def of(
        cls, names: Sequence[str], decode: Callable[[int, bytes], Value], reading: Reading, backend: Backend
    ) -> PacketShape | None:
        """Return the shape of packets with these attributes; ``None`` if they need ``event_of``."""
        once = [name for name in names if name in _CORE or name == _SERVICE_TYPE]
        if len(set(once)) < len(once) or not _USUAL_CORE.issubset(once):
            return None
        if len(names) - len(once) > MOST_EXTRAS or (leg_labels(reading, backend) and _mixes_legs(reading)):
            return None
        return cls(names, decode, reading, backend)

    def event(self, values: Sequence[bytes], backend: Backend, raw: bytes) -> AccEvent | None:
        """Return the event of a packet with these values; ``None`` if it needs ``event_of``."""
        status_index, method_index, code_index = self._status_indexes
        decoded_kind = self._kinds[values[status_index], values[method_index], values[code_index]]
        time = self._times[values[self._time_index]]
        from_tag, to_tag, call_id = [text_of(values[index]) for index in self._tag_indexes]
        if decoded_kind is None or time is None or not call_id:
            return None
        if self._service_index is not None and not self._services[values[self._service_index]]:
            return None
        created_at = self._creations[values[self._created_index]] if self._created_index is not None else (None,)
        if created_at is None:
            return None
        rest = [pairs[values[index]] for index, pairs in self._rest]
        extra = tuple([rest[place] for place in self._extras])
        legs: tuple[Pairs, ...] = ()
        if self._legs:
            legs = tuple([tuple([rest[at] if at >= 0 else (label, "") for label, at in leg]) for leg in self._legs])
        moment = time[0]
        if self._setup_index is not None and decoded_kind[1] == "INVITE" and decoded_kind[0] in FINAL_REPLIES:
            moment = delayed_time(
                moment, created_at[0], str(self._decode(self._setup_index, values[self._setup_index]))
            )
        return AccEvent(
            decoded_kind[0],
            decoded_kind[1],
            from_tag,
            to_tag,
            call_id,
            decoded_kind[2],
            "",
            moment,
            time[1],
            backend,
            extra,
            legs,
            created_at=created_at[0],
            raw=raw,
        )

    def _decode_kind(self, values: tuple[bytes, ...]) -> tuple[EventKind, str, int] | None:
        names = (_STATUS, _METHOD, _CODE)
        core = {
            name: self._decode(index, value)
            for name, index, value in zip(names, self._status_indexes, values, strict=True)
        }
        try:
            decoded_kind = _kind_method_code(core, self._reading)
        except Unparsable:
            return None
        return None if decoded_kind[0] in _OF_NO_CALL or decoded_kind[0] is EventKind.CDR else decoded_kind

    def _decode_time(self, value: bytes) -> tuple[datetime, int] | None:
        try:
            return _time({_TIME: self._decode(self._time_index, value)}, self._reading)
        except Unparsable:
            return None

    def _decode_created(self, value: bytes) -> tuple[datetime | None] | None:
        try:
            return (_created_at({_CREATED: self._decode(self._created_index or 0, value)}),)
        except Unparsable:
            return None

    def _is_sip_service(self, value: bytes) -> bool:
        return self._decode(self._service_index or 0, value) in _SIP_SESSION

    def _pair(self, index: int, name: str, value: bytes) -> tuple[str, str]:
        return name, str(self._decode(index, value))


class _Cached(dict[Any, Any]):
    """Caches the results of a function; cleared when it is full."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: Any) -> Any:
        if len(self) >= _CACHED_VALUES:
            self.clear()
        self[key] = result = self._function(key)
        return result
