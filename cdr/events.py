"""The normal form of accounting events, the same for every source.

A SIP proxy accounts transactions, not calls. An event reports the result of one transaction (or one provisional
response, one failed branch, one dialog); ``cdr.correlation`` decides which of them start and stop a call.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from proxyconf.vocabulary.layout import Backend

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Label and text, in the order received; a label may occur several times."""

SECOND, MILLISECOND, MICROSECOND = 1_000_000, 1_000, 1
"""Resolutions of a time, in microseconds."""


class EventKind(StrEnum):
    """What an event reports. It is derived from method, code and status, never from the words "transaction answered",
    which the proxies also log for failed calls.
    """

    ANSWERED = "answered"  # a request got a 2xx (INVITE: START or re-INVITE)
    FAILED = "failed"  # a final reply >= 300 went upstream
    EARLY = "early"  # a provisional reply with a body: early media
    MISSED = "missed"  # a forwarding attempt of an INVITE ended >= 300
    ACK = "ack"
    CANCEL = "cancel"
    BYE = "bye"
    MANUAL = "manual"  # written on request of the proxy's script
    CDR = "cdr"  # a dialog's own record: a whole call in one event
    INTERIM = "interim"  # known to be within a dialog (RADIUS Alive)
    ON = "on"  # the proxy starts (RADIUS Accounting-On)
    OFF = "off"  # the proxy stops (RADIUS Accounting-Off)


class AccEvent(NamedTuple):
    """One accounting event.

    ``time`` is UTC; ``precision`` is its resolution in microseconds (1 000 000 = whole seconds, truncated).
    ``code`` is 0 where the event has none. ``legs`` are as received: one entry per leg, in the proxy's order.
    ``ended_at`` and ``duration_us`` are set only for ``EventKind.CDR``, from the proxy's own record of the dialog;
    ``time`` is then the dialog's start. ``created_at`` is the arrival of the INVITE where the proxy reports it
    (OpenSIPS: ``created``).
    ``position`` orders records that belong together within their source, such as the leg rows of one SQL event; it is
    the row's id.
    ``raw`` is the input exactly as received.
    """

    kind: EventKind
    method: str
    from_tag: str
    to_tag: str
    call_id: str
    code: int
    reason: str
    time: datetime
    precision: int
    backend: Backend
    extra: Pairs = ()
    legs: tuple[Pairs, ...] = ()
    ended_at: datetime | None = None
    duration_us: int | None = None
    created_at: datetime | None = None
    position: int = 0
    flags: tuple[str, ...] = ()
    raw: bytes = b""


class Unparsable(ValueError):
    """Input that looks like accounting but cannot be parsed. The text names the input and the remedy."""


def text_of(raw: bytes) -> str:
    """Return bytes from a proxy as text that every database, page and export can store.

    Bytes that are not UTF-8 are shown as ``\\xff``, NUL as ``\\x00`` (PostgreSQL's text cannot hold NUL).
    """
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\0", "\\x00") if "\0" in text else text


def classify(method: str, code: int, *, missed: bool = False) -> EventKind:
    """Return the kind of a record that has only method and code (log line, SQL row, JSON object).

    ``missed``: the record was logged as ``call missed`` or in the table ``missed_calls``. Method and code take
    precedence: an answered request, a BYE, a CANCEL and an ACK are never missed calls.
    """
    match method:
        case "BYE":
            return EventKind.BYE
        case "CANCEL":
            return EventKind.CANCEL
        case "ACK":
            return EventKind.ACK
    if missed and not 200 <= code < 300:
        return EventKind.MISSED
    if code >= 300:
        return EventKind.FAILED
    if code >= 200:
        return EventKind.ANSWERED
    return EventKind.EARLY if code > 100 else EventKind.MANUAL


def statement(event: AccEvent) -> str:
    """Return the content of an event as one line of ASCII, different for different events.

    ``raw`` is left out: a line that came once from a file and once from the network differs in its header. Labels
    without a value are left out: RADIUS does not send them, and a table may have got the column later.
    """
    # ascii() quotes and escapes as repr() does, and alike in every Python version.
    return ascii(
        (
            f"{event.kind} {event.backend}",  # formatting is faster than reading each ``value``
            event.method,
            event.from_tag,
            event.to_tag,
            event.call_id,
            event.code,
            event.reason,
            _microseconds(event.time),
            event.position,
            event.extra and _with_value(event.extra),
            event.legs and tuple(map(_with_value, event.legs)),
            event.ended_at and _microseconds(event.ended_at),
            event.duration_us,
        )
    )


def _with_value(pairs: Pairs) -> Pairs:
    return tuple(pair for pair in pairs if pair[1])


def fingerprint(event: AccEvent, content: str = "") -> bytes:
    """Return 16 bytes that are equal for repeated deliveries of an event through one backend, and differ otherwise.

    ``content`` is the event's ``statement``, if the caller has it already.
    """
    return hashlib.blake2b((content or statement(event)).encode(), digest_size=16).digest()


def call_key(call_id: str, event_fingerprint: bytes = b"") -> int:
    """Return a signed 64-bit hash of a Call-ID of any length, by which tables are indexed.

    Two Call-IDs may have the same hash; a caller that groups by it must compare the Call-IDs as well. For an event
    without a Call-ID (a dialog CDR that carries none), ``event_fingerprint`` is hashed instead.
    """
    digest = hashlib.blake2b(call_id.encode("utf-8", "surrogatepass") or event_fingerprint, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
