"""Parse accounting events of OpenSIPS' event interface (``do_accounting("evi")``, 1.9 and newer).

``event_datagram`` sends one JSON-RPC notification per event and leg: ``{"jsonrpc":"2.0","method":"E_ACC_EVENT",
"params":{"method":"INVITE","from_tag":…,"to_tag":…,"callid":…,"sip_code":"200","sip_reason":"OK","time":1795391981,
extras…, leg…}}``; empty values are null. ``E_ACC_MISSED_EVENT`` also has ``setuptime`` and ``created``; ``E_ACC_CDR``
(a complete dialog; ``time`` is its start) also has ``duration`` and ``ms_duration``. Before 3.1 the same events come as
text (``text_events``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, BinaryIO

from cdr.events import SECOND, AccEvent, EventKind, Pairs, Unparsable, classify
from cdr.formats.json_values import array_elements, json_bytes, json_integer, json_object, json_text, sip_code
from cdr.formats.limits import limited
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.record_lines import lines
from cdr.formats.setup_time import FINAL_REPLIES, delayed_time
from cdr.formats.text_events import is_text_event, parameters_of, records
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role


class Name(StrEnum):
    """The events that carry accounting."""

    EVENT = "E_ACC_EVENT"
    MISSED = "E_ACC_MISSED_EVENT"
    CDR = "E_ACC_CDR"


_NAMES = frozenset(Name)
_CORE = frozenset({"method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time"})
_TIMES = frozenset({"duration", "ms_duration", "setuptime", "created"})


def read(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read a file with one object or array of objects per line, or with events as text.

    An object is a notification, its parameters, or a recorded datagram (``raw``, ``payload``).
    """
    all_lines = lines(stream)
    first = next((line for line in all_lines if line.strip()), b"")
    remaining_lines = chain([first], all_lines)
    for record in records(remaining_lines) if is_text_event(first) else remaining_lines:
        elements = array_elements(record) if record.startswith(b"[") else []
        for element in elements or [record]:
            if element.strip():
                yield parse_object(element.strip(), reading)


def parse_object(raw: bytes, reading: Reading) -> Parsed:
    """Parse one datagram (a JSON object, or text before OpenSIPS 3.1).

    Parameters without the name of the event are those of ``E_ACC_CDR`` if they include a duration, of
    ``E_ACC_MISSED_EVENT`` if they include a set-up time, otherwise of ``E_ACC_EVENT``.
    """
    try:
        if is_text_event(raw):
            return limited(event_of(*_text_event(raw), reading, raw), reading.layout)
        members = json_object(raw)
        datagram = raw
        if not members.keys() & {"jsonrpc", "callid", "params"}:  # written by a recorder
            if isinstance(recorded := members.get("raw"), str):
                datagram = json_bytes(recorded)
                members = json_object(datagram)
            elif isinstance(recorded := members.get("payload"), dict):
                members = recorded
        name, params = _notification(members)
        return limited(event_of(name, params, reading, datagram), reading.layout)
    except Unparsable as error:
        return Rejection(raw, f"OpenSIPS event: {error}")


def _text_event(raw: bytes) -> tuple[Name, dict[str, str]]:
    name, params = parameters_of(raw)
    if name not in _NAMES:
        raise Unparsable(f"{name[:80]!r} is not an accounting event; subscribe to {', '.join(Name)}")
    return Name(name), params


def _notification(members: Mapping[str, Any]) -> tuple[Name, Mapping[str, Any]]:
    """Return name and parameters of an event, with or without the envelope."""
    params = members.get("params")
    if isinstance(params, dict):
        name = members.get("method", members.get("event"))
    else:
        params = {label: value for label, value in members.items() if label != "event"}
        name = members.get("event", _likely_name(members))
    if not isinstance(name, str) or name not in _NAMES:
        raise Unparsable(f"{json_text(name)[:80]!r} is not an accounting event; subscribe to {', '.join(Name)}")
    return Name(name), params


def _likely_name(params: Mapping[str, Any]) -> Name:
    if "duration" in params:
        return Name.CDR
    return Name.MISSED if "setuptime" in params else Name.EVENT


def event_of(name: Name, params: Mapping[str, Any], reading: Reading, raw: bytes) -> AccEvent:
    """Return the event of an accounting event's parameters; raise ``Unparsable``."""
    method, call_id = json_text(params.get("method")), json_text(params.get("callid"))
    code = sip_code(params.get("sip_code"))
    if not method or not call_id:
        raise Unparsable(f"{name} without method or callid, which OpenSIPS always sends")
    time = _moment(params, "time")
    if time is None:
        raise Unparsable(f"{name} without time, which OpenSIPS always sends")
    duration_us = _duration_us(params) if name is Name.CDR else None
    created_at = _moment(params, "created")
    kind = EventKind.CDR if name is Name.CDR else classify(method, code, missed=name is Name.MISSED)
    if method == "INVITE" and kind in FINAL_REPLIES:
        time = delayed_time(time, created_at, json_text(params.get("setuptime")))
    extra, legs = _split_legs(params, reading)
    return AccEvent(
        kind=kind,
        method=method,
        from_tag=json_text(params.get("from_tag")),
        to_tag=json_text(params.get("to_tag")),
        call_id=call_id,
        code=code,
        reason=json_text(params.get("sip_reason")),
        time=time,
        precision=SECOND,
        backend=Backend.EVENTS,
        extra=extra,
        legs=legs,
        ended_at=None if duration_us is None else time + timedelta(microseconds=duration_us),
        duration_us=duration_us,
        created_at=created_at,
        raw=raw,
    )


def _moment(params: Mapping[str, Any], member: str) -> datetime | None:
    """Return a time; OpenSIPS writes 0 for none."""
    seconds = json_integer(params.get(member), member)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        raise Unparsable(
            f"member {member!r} is {seconds} seconds since 1970, which is outside of the years 1 to 9999"
        ) from None


def _duration_us(params: Mapping[str, Any]) -> int:
    """Return the duration of a dialog; releases before 2.2 send whole seconds, newer ones milliseconds."""
    member, unit = ("ms_duration", 1_000) if "ms_duration" in params else ("duration", 1_000_000)
    duration = json_integer(params.get(member), member)
    if abs(duration) >= 2**32:
        raise Unparsable(f"member {member!r} is {duration}; OpenSIPS counts with 32 bits")
    return duration * unit


def _split_legs(params: Mapping[str, Any], reading: Reading) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return extras and legs: at most one leg, because each leg has an event of its own.

    If the labels of the legs are unknown, labels that look like those of a leg are taken, provided that a source and a
    destination are among them.
    """
    pairs = [(json_text(label), json_text(value)) for label, value in params.items() if label not in _CORE | _TIMES]
    labels = reading.layout.legs.get(Backend.EVENTS)
    if labels is None:
        extras = reading.layout.extras.get(Backend.EVENTS, ())
        roles = {label: role for label, _ in pairs if label not in extras and (role := suggest_leg_role(label))}
        labels = tuple(roles) if {Role.LEG_SOURCE, Role.LEG_DESTINATION} <= set(roles.values()) else ()
    leg = tuple(pair for pair in pairs if pair[0] in labels)
    return tuple(pair for pair in pairs if pair[0] not in labels), (leg,) if leg else ()
