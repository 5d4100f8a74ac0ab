"""Convert events to rows of their table; escape characters that a database cannot store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring

from cdr.events import AccEvent, EventKind, Pairs, call_key, fingerprint, statement
from cdr.models import Event, Source
from cdr.models.fields import WordsField
from cdr.storage.tables import Row, Table, Wire
from proxyconf.vocabulary.layout import Backend

TABLE = Table(
    Event,
    "call_key",
    "time",
    "fingerprint",
    "proxy",
    "source",
    "kind",
    "method",
    "from_tag",
    "to_tag",
    "call_id",
    "code",
    "reason",
    "precision",
    "backend",
    "extra",
    "legs",
    "ended_at",
    "duration_us",
    "created_at",
    "position",
    "flags",
    "received_at",
    "raw",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL_IN_JSON = "\\u0000"
KEY, RAW = TABLE.columns.index("call_key"), TABLE.columns.index("raw")


class Rows:
    """The rows of the events of one source, each event once."""

    def __init__(self, source: Source, wire: Wire) -> None:
        self._source, self._proxy = source.pk, source.proxy_id
        self._wire = wire
        self._arrivals = 0
        self.by_fingerprint: dict[bytes, Row] = {}
        """By fingerprint, in order of creation."""

    def of(
        self, events: Iterable[AccEvent], received_at: datetime, refuse: Callable[[AccEvent, str], None]
    ) -> Iterator[Row]:
        """Yield the row of each event that has none yet; call ``refuse`` for events with too large a response code.

        Raise ``OverflowError`` for a number that the database driver cannot pass on.
        """
        wire, by_fingerprint, proxy, source = self._wire, self.by_fingerprint, self._proxy, self._source
        time, int4, as_json = wire.time, wire.int4, wire.json
        received_value, empty = time(received_at), as_json("[]")
        for received_event in events:
            event, content = storable(received_event)
            event_fingerprint = fingerprint(event, content)
            if event_fingerprint in by_fingerprint:
                continue
            (
                kind,
                method,
                from_tag,
                to_tag,
                call_id,
                code,
                reason,
                event_time,
                precision,
                backend,
                extra,
                legs,
                ended_at,
                duration_us,
                created_at,
                position,
                flags,
                raw,
            ) = event
            try:
                code_value = int4(code)
            except OverflowError:
                refuse(event, f"code={code} is too large for a SIP response code")
                continue
            if backend is Backend.EVENTS and legs and not position:  # one datagram per leg, without a row id
                position = self._next_arrival(received_at)
            by_fingerprint[event_fingerprint] = row = (
                call_key(call_id) if call_id else _key_without_call_id(kind, event_fingerprint),
                time(event_time),
                event_fingerprint,
                proxy,
                source,
                kind._value_,  # faster than ``value``
                method,
                from_tag,
                to_tag,
                call_id,
                code_value,
                reason,
                int4(precision),
                backend._value_,
                as_json(_pairs(extra)) if extra else empty,
                as_json(f"[{','.join(map(_pairs, legs))}]") if legs else empty,
                ended_at and time(ended_at),
                duration_us,
                created_at and time(created_at),
                position,
                WordsField.joined(flags) if flags else "",
                received_value,
                raw,
            )
            yield row

    def _next_arrival(self, received_at: datetime) -> int:
        """Return a position in order of arrival: microseconds since 1970 plus the number of earlier arrivals."""
        self._arrivals += 1
        return (received_at - _EPOCH) // timedelta(microseconds=1) + self._arrivals


def _pairs(pairs: Pairs) -> str:
    """Return pairs as JSON that every database can store.

    Assembled by hand, because ``json.dumps`` of nested lists takes as long as the rest of a row. NUL and lone
    surrogates are checked here again, because ``storable`` does not see labels without a value.
    """
    text = f"[{','.join([f'[{encode_basestring(label)},{encode_basestring(value)}]' for label, value in pairs])}]"
    if text.isascii() and _NUL_IN_JSON not in text:
        return text
    clean = _storable_pairs(pairs)
    return text if clean == pairs else _pairs(clean)


def _key_without_call_id(kind: EventKind, event_fingerprint: bytes) -> int | None:
    """Return the key of an event without a Call-ID; ``None`` if it belongs to no call."""
    if kind is EventKind.ON or kind is EventKind.OFF:
        return None
    return call_key("", event_fingerprint)  # no other event belongs to the same call


def storable(event: AccEvent) -> tuple[AccEvent, str]:
    """Return the event with unstorable characters escaped, and its statement.

    PostgreSQL's text cannot hold NUL (escaped as ``\\x00``), UTF-8 no lone surrogate (``\\ud800``).
    """
    content = statement(event)
    if "\\x00" not in content and "\\ud" not in content:  # as a statement escapes them
        return event, content
    clean = event._replace(
        method=storable_text(event.method),
        from_tag=storable_text(event.from_tag),
        to_tag=storable_text(event.to_tag),
        call_id=storable_text(event.call_id),
        reason=storable_text(event.reason),
        extra=_storable_pairs(event.extra),
        legs=tuple(_storable_pairs(leg) for leg in event.legs),
    )
    return clean, statement(clean)


def _storable_pairs(pairs: Pairs) -> Pairs:
    return tuple((storable_text(label), storable_text(text)) for label, text in pairs)


def storable_text(text: str) -> str:
    """Return text with NUL and lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
