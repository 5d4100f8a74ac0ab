"""Events as rows of their table: the columns, and what a database cannot hold made visible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from json.encoder import encode_basestring

from cdr.events import AccEvent, EventKind, Pairs, call_key, fingerprint, statement
from cdr.models import Event, Source
from cdr.models.fields import WordsField
from cdr.storage.tables import Row, Table, Wire

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
_NUL_IN_JSON = "\\u0000"
KEY, RAW = TABLE.columns.index("call_key"), TABLE.columns.index("raw")


class Rows:
    """Makes the rows of what came from one source, each event once."""

    def __init__(self, source: Source, wire: Wire) -> None:
        self._source, self._proxy = source.pk, source.proxy_id
        self._wire = wire
        self.made: dict[bytes, Row] = {}
        """By fingerprint, in the order in which they were made."""

    def of(
        self, events: Iterable[AccEvent], received_at: datetime, refuse: Callable[[AccEvent, str], None]
    ) -> Iterator[Row]:
        """Yield the row of each event that has none yet; ``refuse`` those that have a number too large for its column.

        Raise ``OverflowError`` for a number that is too large for psycopg or SQLite's driver already.
        """
        wire, made, proxy, source = self._wire, self.made, self._proxy, self._source
        time, int4, as_json = wire.time, wire.int4, wire.json
        received, empty = time(received_at), as_json("[]")
        for given in events:
            event, said = storable(given)
            own = fingerprint(event, said)
            if own in made:
                continue
            (
                kind,
                method,
                from_tag,
                to_tag,
                call_id,
                code,
                reason,
                at,
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
                narrow = int4(code)
            except OverflowError:
                refuse(event, f"code={code} is too large a number for a SIP reply code")
                continue
            made[own] = row = (
                call_key(call_id) if call_id else _key_without_call_id(kind, own),
                time(at),
                own,
                proxy,
                source,
                kind._value_,  # its plain text
                method,
                from_tag,
                to_tag,
                call_id,
                narrow,
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
                received,
                raw,
            )
            yield row


def _pairs(pairs: Pairs) -> str:
    """Return pairs as JSON that every database can store.

    Built here because ``json.dumps`` of nested lists costs as much as the rest of a row. The check for NUL and lone
    surrogates is needed beside ``storable``, whose statement leaves out labels without a value.
    """
    text = f"[{','.join([f'[{encode_basestring(label)},{encode_basestring(value)}]' for label, value in pairs])}]"
    if text.isascii() and _NUL_IN_JSON not in text:
        return text
    clean = _storable_pairs(pairs)
    return text if clean == pairs else _pairs(clean)


def _key_without_call_id(kind: EventKind, own: bytes) -> int | None:
    """Return the number that an event without a Call-ID is looked up by; ``None`` for one that is of no call."""
    if kind is EventKind.ON or kind is EventKind.OFF:
        return None
    return call_key("", own)  # nothing ties it to another event


def storable(event: AccEvent) -> tuple[AccEvent, str]:
    """Return the event with what a database cannot hold made visible, and its statement.

    PostgreSQL's text holds no NUL (shown as ``\\x00``), UTF-8 no lone surrogate (``\\ud800``).
    """
    said = statement(event)
    if "\\x00" not in said and "\\ud" not in said:  # so are they written in a statement
        return event, said
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
    """Return text with NUL and lone surrogates made visible."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
