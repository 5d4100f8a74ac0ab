"""Parse accounting lines of SER, and of OpenSER up to 1.1, whose fields are configured by ``log_fmt``.

``ACC: transaction answered: method=INVITE, i-uri=sip:…, o-uri=sip:…, call_id=…, from=Doe, Jane <sip:…>;tag=18806,
code=200, …``: separated by commas, in any order, without a time. The time is that of the line's syslog header; if that
has no year, the line is assumed to be at most a year old (flag ``assumed_year``). Tags are in the headers ``from`` and
``to``, if ``log_fmt`` includes them. All fields but method, Call-ID and code are extras.

A value may contain a comma, so fields start only outside of quotes and angle brackets. A line with a repeated core
field is rejected: one of the two is part of a value from a caller.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from cdr.events import SECOND, AccEvent, EventKind, Unparsable, classify, text_of
from cdr.formats.local_time import to_utc
from proxyconf.vocabulary.layout import Backend

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|<[^>]*+>|(?:\A|,)\s*([A-Za-z][\w-]{0,63})=')
_FIRST = re.compile(rb"\s*(?:method|i-uri|o-uri|call_id|from|to|code|cseq|uid|from_tag|to_tag)=")
_TAG = re.compile(r";\s*tag=([^;,\s>]+)[^>]*\Z")
_HEADER_TIME = re.compile(
    rb"(?:<\d{1,3}>)?(?:\d{1,2} )?(?:(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    rb"|(?P<bsd>[A-Z][a-z]{2} [ \d]\d (?:(?P<year>\d{4}) )?\d\d:\d\d:\d\d))"
)
_DAY = timedelta(days=1)
_KINDS = {b"request accounted": EventKind.MANUAL, b"request acknowledged": EventKind.ACK}


def is_openser_body(body: bytes) -> bool:
    """Tell whether the text after an accounting prefix has the fields of these releases."""
    return _FIRST.match(body) is not None


def openser_event(prefix: bytes, body: bytes, line: bytes, zone: tzinfo, received_at: datetime) -> AccEvent:
    """Return the event of a line; raise ``Unparsable``."""
    fields = _fields(body)
    values = dict(reversed(fields))
    method, call_id, digits = (values.get(name, "") for name in ("method", "call_id", "code"))
    for name in ("method", "call_id", "code"):
        if [label for label, _ in fields].count(name) > 1:
            raise Unparsable(f"the field {name} occurs twice; one of them comes from a caller")
    if not method or not call_id or not re.fullmatch(r"\d{3}", digits):
        raise Unparsable("no method, call_id or code of three digits; log_fmt must contain m, c and s")
    time, flags = _time_of(line, zone, received_at)
    kind = None if method == "BYE" else _KINDS.get(prefix)  # a STOP even if the script accounts it
    return AccEvent(
        kind or classify(method, int(digits), missed=prefix == b"call missed"),
        method,
        values.get("from_tag") or _tag(values.get("from", "")),
        values.get("to_tag") or _tag(values.get("to", "")),
        call_id,
        int(digits),
        "",
        time,
        SECOND,
        Backend.SYSLOG,
        tuple((name, text) for name, text in fields if name not in ("method", "call_id", "code")),
        flags=flags,
        raw=line,
    )


def _fields(body: bytes) -> list[tuple[str, str]]:
    marks = [match for match in _TOKEN.finditer(body) if match[1]]
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return [(text_of(mark[1]), text_of(body[mark.end() : end]).strip()) for mark, end in zip(marks, ends, strict=True)]


def _tag(header: str) -> str:
    match = _TAG.search(header)
    return match[1] if match else ""


def _time_of(line: bytes, zone: tzinfo, received_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    match = _HEADER_TIME.match(line)
    if match is None:
        raise Unparsable("no time: these releases do not write it, and the line has no syslog header with a time")
    try:
        if match["iso"]:
            moment = datetime.fromisoformat(match["iso"].decode().replace(",", "."))
            if moment.tzinfo is not None:
                return moment.astimezone(UTC).replace(microsecond=0), ()
            return _utc(moment.replace(microsecond=0), zone)
        if match["year"]:
            return _utc(datetime.strptime(match["bsd"].decode(), "%b %d %Y %H:%M:%S"), zone)  # noqa: DTZ007
        return _latest(match["bsd"].decode(), zone, received_at)
    except (ValueError, OverflowError):
        raise Unparsable(f'the time of the syslog header, "{text_of(match[0])}", is not valid') from None


def _utc(wall: datetime, zone: tzinfo) -> tuple[datetime, tuple[str, ...]]:
    time, ambiguous = to_utc(wall, zone)
    return time, ("ambiguous_time",) if ambiguous else ()


def _latest(text: str, zone: tzinfo, received_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    """Return the latest time with this date that is at most a day after the receipt."""
    for year in range(received_at.year + 1, received_at.year - 9, -1):  # nine years, for 29 February
        try:
            time, flags = _utc(datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S"), zone)  # noqa: DTZ007
        except ValueError:
            continue
        if time <= received_at + _DAY:
            return time, flags if received_at - time < _DAY else (*flags, "assumed_year")
    raise ValueError("no such day")
