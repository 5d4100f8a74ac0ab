"""Parse the output of Kamailio's ``acc_json`` (5.2 and newer): one JSON object per event, from its queue or syslog.

``{"time": 1795391610, "method": "INVITE", "from_tag": …, "to_tag": …, "callid": …, "sip_code": "200", "sip_reason": …,
extras…}``. The object has no kind: missed and failed calls look alike. The form of ``time`` depends on
``acc_time_mode``: seconds (0, 1), seconds with a fraction (2), or text in local time (3) or UTC (4). A dialog's record
(``cdr_enable``, 5.4 and newer) has ``start_time``, ``end_time`` and ``duration`` instead of all of these.
In syslog the objects have the ident ``json_acc``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, EventKind, Pairs, Unparsable, classify
from cdr.formats.framing import frame_of
from cdr.formats.json_values import array_elements, json_object, json_text, sip_code
from cdr.formats.limits import limited
from cdr.formats.local_time import to_utc
from cdr.formats.reading import IGNORED, Parsed, Reading, Rejection
from cdr.formats.record_lines import lines
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role, TimeLayout

IDENT = b"json_acc"

_CORE = frozenset({"time", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason"})
_CDR = frozenset({"start_time", "end_time", "duration"})
_OF_ACC_JSON = (_CORE | _CDR) - {"time", "method", "duration"}  # others log these too
_EPOCH = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?")
_UTC_MODE = 4


def read(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read a file with one object or array of objects per line, with or without a syslog header.

    Other lines of a log are ignored.
    """
    for line in lines(stream):
        elements = array_elements(line) if line.startswith(b"[") else []
        for record in elements or [line]:
            if record.strip():
                yield parse_line(record, reading)


def parse_line(line: bytes, reading: Reading) -> Parsed:
    """Parse a line: an object, or a syslog line with the ident ``json_acc`` that contains one.

    Any other line is ignored, and so is an object without any of the module's members: logs may be JSON as well.
    """
    frame = frame_of(line)
    raw = line[frame.start :].strip()
    if frame.ident != IDENT and not raw.startswith((b"{", b"[{")):
        return IGNORED
    parsed = parse_object(raw, reading)
    if isinstance(parsed, Rejection) and frame.ident != IDENT and _is_foreign(raw):
        return IGNORED
    return parsed


def parse_object(raw: bytes, reading: Reading) -> Parsed:
    """Return the event of one JSON object, or the reason why it is not one."""
    try:
        return limited(event_of(json_object(raw), reading, raw), reading.layout)
    except Unparsable as error:
        return Rejection(raw, f"acc_json: {error}")


def _is_foreign(raw: bytes) -> bool:
    try:
        return _OF_ACC_JSON.isdisjoint(json_object(raw))
    except Unparsable:
        return False


def event_of(members: Mapping[str, Any], reading: Reading, raw: bytes) -> AccEvent:
    """Return the event of an object's members; raise ``Unparsable``."""
    if "method" not in members and not _CDR.isdisjoint(members):
        return _dialog_record(members, reading, raw)
    method, call_id = json_text(members.get("method")), json_text(members.get("callid"))
    if not method or not call_id:
        raise Unparsable("no method or callid; acc_json writes both, or start_time and duration in a dialog's record")
    code = sip_code(members.get("sip_code"))
    time, precision, flags = _time(members.get("time"), reading)
    extra, legs = _split_legs(members, reading)
    return AccEvent(
        kind=classify(method, code),
        method=method,
        from_tag=json_text(members.get("from_tag")),
        to_tag=json_text(members.get("to_tag")),
        call_id=call_id,
        code=code,
        reason=json_text(members.get("sip_reason")),
        time=time,
        precision=precision,
        backend=Backend.JSON,
        extra=extra,
        legs=legs,
        flags=flags,
        raw=raw,
    )


def _split_legs(members: Mapping[str, Any], reading: Reading) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return extras and legs. The module writes only the leg that was added last."""
    labels = reading.layout.legs.get(Backend.JSON, ())
    pairs = [(json_text(label), json_text(value)) for label, value in members.items() if label not in _CORE]
    leg = tuple(pair for pair in pairs if pair[0] in labels)
    return tuple(pair for pair in pairs if pair[0] not in labels), (leg,) if leg else ()


def _dialog_record(members: Mapping[str, Any], reading: Reading, raw: bytes) -> AccEvent:
    """Return the event of a dialog's record; Call-ID and tags are known only from extras with these roles."""
    start, precision = _epoch(members.get("start_time"), "start_time")
    end, _ = _epoch(members.get("end_time"), "end_time")
    extra = tuple((json_text(label), json_text(value)) for label, value in members.items() if label not in _CDR)
    return AccEvent(
        kind=EventKind.CDR,
        method="INVITE",
        from_tag=_with_role(extra, Role.FROM_TAG, reading),
        to_tag=_with_role(extra, Role.TO_TAG, reading),
        call_id=_with_role(extra, Role.CALL_ID, reading),
        code=0,
        reason="",
        time=start,
        precision=precision,
        backend=Backend.JSON,
        extra=extra,
        ended_at=end,
        duration_us=_microseconds(members.get("duration")),
        raw=raw,
    )


def _with_role(extra: Pairs, role: Role, reading: Reading) -> str:
    return next((text for label, text in extra if text and reading.layout.role_of(label) == role), "")


def _time(value: Any, reading: Reading) -> tuple[datetime, int, tuple[str, ...]]:
    """Return time, precision and flags of the member ``time``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        time = _moment(value, "time")
        return (time, SECOND, ()) if isinstance(value, int) else (time, MICROSECOND, ())
    text = json_text(value)
    if _EPOCH.fullmatch(text):
        return (*_epoch(text, "time"), ())
    layout = _time_layout(reading.layout)
    wall = _wall_time(text, layout)
    zone = wall.tzinfo or (UTC if layout.mode == _UTC_MODE else reading.zone)
    try:
        time, ambiguous = to_utc(wall.replace(tzinfo=None), zone)
    except ValueError as error:
        raise Unparsable(f"member 'time' is {text[:80]!r}: {error}") from None
    return time, SECOND, ("ambiguous_time",) if ambiguous else ()


def _time_layout(layout: FieldLayout) -> TimeLayout:
    """Return the time layout of acc_json: that of its own parameters, else that of ``acc``.

    Layouts entered manually before acc_json had fields of its own have its time mode in ``time``.
    """
    return layout.time if layout.json_time == TimeLayout() else layout.json_time


def _wall_time(text: str, layout: TimeLayout) -> datetime:
    """Parse a time in the form of ``acc_time_format``, or of ISO 8601."""
    try:
        return datetime.strptime(text, layout.format)  # noqa: DTZ007
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        expected = f"seconds since 1970 or a time like {layout.format}"
        raise Unparsable(f"member 'time' is {text[:80]!r}; expected {expected}") from None


def _moment(seconds: int | float, member: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=round(seconds % 1 * 1_000_000))
    except (ValueError, OverflowError, OSError):
        raise Unparsable(
            f"member {member!r} is {seconds} seconds since 1970, which is outside of the years 1 to 9999"
        ) from None


def _epoch(value: Any, member: str) -> tuple[datetime, int]:
    """Parse seconds since 1970 with a fraction, as text; the fraction's length is the precision."""
    match = _EPOCH.fullmatch(json_text(value))
    if match is None:
        raise Unparsable(f"member {member!r} is {json_text(value)[:80]!r}; it must be seconds since 1970")
    fraction = match[2] or ""
    precision = SECOND if len(fraction) < 2 else MILLISECOND if len(fraction) <= 3 else MICROSECOND
    return _moment(int(match[1]), member) + timedelta(microseconds=int(fraction[:6].ljust(6, "0"))), precision


def _microseconds(value: Any) -> int:
    """Parse a duration in seconds with a fraction, as text; it is negative if the clock was set back."""
    text = json_text(value)
    match = _EPOCH.fullmatch(text.removeprefix("-"))
    if match is None:
        raise Unparsable(f"member 'duration' is {text[:80]!r}; it must be seconds")
    microseconds = int(match[1]) * 1_000_000 + int((match[2] or "")[:6].ljust(6, "0"))
    return -microseconds if text.startswith("-") else microseconds
