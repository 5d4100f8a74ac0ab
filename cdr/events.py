"""The one shape that every source is reduced to: an accounting event in normal form.

A SIP proxy accounts transactions, not calls. An event says what became of one transaction (or one provisional reply,
one failed branch, one dialog); which of them start and stop a call is decided by ``cdr.correlation``.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from proxyconf.vocabulary.layout import Backend

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Label and text, in the order received; a label may stand more than once."""

SECOND, MILLISECOND, MICROSECOND = 1_000_000, 1_000, 1
"""Precisions of a time, in microseconds."""


class EventKind(StrEnum):
    """What an event says. It comes from method, code and status, never from the words "transaction answered":
    a failed call is logged under that prefix too.
    """

    ANSWERED = "answered"  # a request got a 2xx (INVITE: START or re-INVITE)
    FAILED = "failed"  # a final reply >= 300 went upstream
    EARLY = "early"  # a provisional reply with a body: early media
    MISSED = "missed"  # a forwarding attempt of an INVITE ended >= 300
    ACK = "ack"
    CANCEL = "cancel"
    BYE = "bye"
    MANUAL = "manual"  # the proxy's script asked for the record
    CDR = "cdr"  # a dialog's own record: a whole call in one event
    INTERIM = "interim"  # known to be within a dialog (RADIUS Alive)
    ON = "on"  # the proxy says that it starts (RADIUS Accounting-On)
    OFF = "off"


class AccEvent(NamedTuple):
    """One accounting event.

    ``time`` is UTC; ``precision`` is its resolution in microseconds (1 000 000 = whole seconds, truncated).
    ``code`` is 0 where the event has none. ``legs`` are as received: one entry per leg, in the proxy's order.
    ``ended_at`` and ``duration_us`` only for ``EventKind.CDR``: what the proxy itself says of the dialog; ``time`` is
    then the dialog's start. ``created_at`` is the arrival of the INVITE where the proxy tells it (OpenSIPS:
    ``created``).
    ``position`` orders records that belong together within their source (the row's id): leg rows of one SQL event.
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
    """Input that looks like accounting and cannot be understood. The text names what was read and what would help."""


def text_of(raw: bytes) -> str:
    """Return bytes from a proxy as text that every database, page and export can hold.

    Bytes that are no UTF-8 stay visible as ``\\xff``, NUL as ``\\x00`` (PostgreSQL's text holds no NUL).
    """
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\0", "\\x00") if "\0" in text else text


def classify(method: str, code: int, *, missed: bool = False) -> EventKind:
    """Return the kind of a record that has only method and code (log line, SQL row, JSON object).

    ``missed``: the record stood under ``call missed`` or in the table ``missed_calls``. The record itself has the last
    word: an answered request, a BYE, a CANCEL and an ACK are no missed calls, whatever their file is called.
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
    """Return everything that the event says as one line of ASCII, different for different events.

    ``raw`` does not count: a line that came once from a file and once from the network differs in its header. Neither
    does a label without a value: RADIUS leaves it out, and a table may have got the column later.
    """
    # ascii() quotes and escapes as repr() does, and alike in every Python version.
    return ascii(
        (
            f"{event.kind} {event.backend}",  # as plain text: quicker than asking each for its value
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


def fingerprint(event: AccEvent, said: str = "") -> bytes:
    """Return 16 bytes that are equal for re-deliveries of the same event through the same backend, and else differ.

    ``said`` is its ``statement``, where the caller has it already.
    """
    return hashlib.blake2b((said or statement(event)).encode(), digest_size=16).digest()


def call_key(call_id: str, own: bytes = b"") -> int:
    """Return a signed 64-bit number that is equal for equal Call-IDs: what tables are indexed by, whatever its length.

    Two Call-IDs may share a number; who groups by it compares the Call-IDs as well. An event without a Call-ID (a
    dialog CDR that carries none) belongs to nobody else: ``own``, its fingerprint, takes the place.
    """
    digest = hashlib.blake2b(call_id.encode("utf-8", "surrogatepass") or own, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
