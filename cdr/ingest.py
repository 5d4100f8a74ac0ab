"""The only writer of events: idempotent, in batches of constant memory, marking the calls to be correlated."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Self

from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from cdr.bulk import Database, Row, Table, collector_at_rest, database
from cdr.events import AccEvent, Kind, Pairs, call_key, fingerprint, statement
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models import Event, Rejected, Source
from cdr.models.fields import WordsField
from proxyconf.models import Proxy
from proxyconf.vocabulary.products import Product, Version

BATCH = 5_000
"""Records per transaction."""

_EVENTS = Table(
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
_KEY, _RAW = _EVENTS.columns.index("call_key"), _EVENTS.columns.index("raw")
_UNIQUE = ("time", "fingerprint", "proxy_id")
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Counts:
    """What became of the records of a source.

    ``read`` = ``events`` (stored now) + ``duplicates`` (known before) + ``rejected`` (kept as ``Rejected``)
    + ``ignored`` (no accounting).
    """

    read: int = 0
    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    ignored: int = 0

    def __iadd__(self, other: Counts) -> Self:
        self.read += other.read
        self.events += other.events
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self.ignored += other.ignored
        return self

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def reading_of(proxy: Proxy, received_at: datetime) -> Reading:
    """Return what the formats need to know to read records of ``proxy`` that came at ``received_at``."""
    return Reading(
        layout=proxy.field_layout,
        zone=proxy.zone,
        product=Product(proxy.product),
        version=Version.parse(proxy.version),
        received_at=received_at,
    )


def store(
    source: Source,
    parsed: Iterable[Parsed],
    *,
    format: str,  # noqa: A002  # the word that commands and people use
    received_at: datetime | None = None,
    cursor: dict[str, Any] | None = None,
    on_progress: Callable[[Counts], None] | None = None,
    batch: int = BATCH,
) -> Counts:
    """Store what came from ``source``; return what became of it.

    Takes ``batch`` records at a time, each batch in one transaction that stores its events, marks their calls as
    pending, keeps what is rejected and moves the source's counters; the last one also sets the source's ``cursor``.
    Storing the same again changes nothing but the counters. A record that cannot be stored is kept as ``Rejected`` and
    costs no other. ``on_progress`` is called after each batch with the counts so far. Raises ``DatabaseError`` when
    the database fails as such; the batches before are then stored.
    """
    total = Counts()
    writer = _Writer(source, format)
    records = iter(parsed)
    last = False
    while not last:
        current = list(islice(records, batch))
        last = len(current) < batch
        if current or (last and cursor is not None):
            moved = {"cursor": cursor} if last and cursor is not None else {}
            total += writer.write(current, received_at or timezone.now(), moved)
            if on_progress is not None:
                on_progress(total)
    return total


class _Writer:
    """Stores one batch after the other."""

    def __init__(self, source: Source, format: str) -> None:  # noqa: A002
        self._source = source
        self._format = format
        self._database: Database = database()
        self._expects_duplicates = False

    def write(self, records: Sequence[Parsed], received_at: datetime, moved: dict[str, Any]) -> Counts:
        events = [record for record in records if type(record) is AccEvent]
        rejections = [record for record in records if type(record) is Rejection]
        counts = Counts(read=len(records), ignored=len(records) - len(events) - len(rejections))
        with collector_at_rest(), transaction.atomic():
            keys = self._insert(events, received_at, rejections)
            self._database.mark({key for key in keys if key is not None})
            self._reject(rejections, received_at)
            counts.events = len(keys)
            counts.rejected = len(rejections)
            counts.duplicates = counts.read - counts.events - counts.rejected - counts.ignored
            self._count(counts, events, received_at, moved)
        self._expects_duplicates = counts.duplicates > 0
        return counts

    def _insert(
        self, events: Sequence[AccEvent], received_at: datetime, rejections: list[Rejection]
    ) -> list[int | None]:
        """Store those of ``events`` that are new; return their call keys. Add to ``rejections`` what cannot be stored.

        Most batches hold nothing that is known, so the rows go straight into the table, made while the database takes
        them. Where that fails, and while the batch before had duplicates, they go there by the careful way.
        """
        if not events:
            return []
        rows: dict[bytes, Row] = {}
        making = self._rows(events, received_at, rows, rejections)
        if not self._expects_duplicates:
            try:
                with transaction.atomic():
                    self._database.insert(_EVENTS, making)
                return [row[_KEY] for row in rows.values()]
            except (DatabaseError, OverflowError):  # whatever it was, the careful way meets it again and tells
                pass
        deque(making, maxlen=0)
        return self._insert_new(list(rows.values()), rejections)

    def _insert_new(self, rows: Sequence[Row], rejections: list[Rejection]) -> list[int | None]:
        """Store those of ``rows`` that are new; when the database refuses one, halve until it stands alone."""
        try:
            with transaction.atomic():
                return self._database.insert_new(_EVENTS, rows, _UNIQUE, "call_key")
        except (DataError, IntegrityError, OverflowError) as error:
            if len(rows) == 1:
                reason = f"the database cannot hold this event: {error}".strip()
                rejections.append(Rejection(rows[0][_RAW], reason))
                return []
        middle = len(rows) // 2
        return self._insert_new(rows[:middle], rejections) + self._insert_new(rows[middle:], rejections)

    def _rows(
        self, events: Iterable[AccEvent], received_at: datetime, rows: dict[bytes, Row], rejections: list[Rejection]
    ) -> Iterator[Row]:
        """Yield the row of each event that ``rows`` (by fingerprint) does not hold yet, and add it there."""
        wire = self._database.wire
        proxy, source, received, empty = (
            self._source.proxy_id,
            self._source.pk,
            wire.time(received_at),
            wire.json("[]"),
        )
        for given in events:
            event, said = _storable(given)
            own = fingerprint(event, said)
            if own in rows:
                continue
            try:
                code = wire.int4(event.code)
            except OverflowError:
                rejections.append(Rejection(event.raw, f"code={event.code} is too large a number for a SIP reply code"))
                continue
            rows[own] = row = (
                _key(event, own),
                wire.time(event.time),
                own,
                proxy,
                source,
                f"{event.kind}",  # its plain text
                event.method,
                event.from_tag,
                event.to_tag,
                event.call_id,
                code,
                event.reason,
                wire.int4(event.precision),
                f"{event.backend}",
                wire.json(_json(event.extra)) if event.extra else empty,
                wire.json(_json(event.legs)) if event.legs else empty,
                event.ended_at and wire.time(event.ended_at),
                event.duration_us,
                event.created_at and wire.time(event.created_at),
                event.position,
                WordsField.joined(event.flags) if event.flags else "",
                received,
                event.raw,
            )
            yield row

    def _reject(self, rejections: Iterable[Rejection], received_at: datetime) -> None:
        """Keep rejected input; the same once."""
        kept = [
            Rejected(
                source=self._source,
                format=self._format,
                raw=raw,
                fingerprint=hashlib.blake2b(raw or reason.encode(errors="replace"), digest_size=16).digest(),
                reason=_storable_text(reason),
                received_at=received_at,
            )
            for raw, reason in rejections
        ]
        Rejected.objects.bulk_create(kept, ignore_conflicts=True)

    def _count(self, counts: Counts, events: Iterable[AccEvent], received_at: datetime, moved: dict[str, Any]) -> None:
        """Move the source's counters and ``moved``. The last statement, for it locks the source's row."""
        newest = max((event.time for event in events), default=None)
        if newest is not None:
            moved = moved | {"last_event_at": Greatest(Coalesce(F("last_event_at"), Value(newest)), Value(newest))}
        Source.objects.filter(pk=self._source.pk).update(
            events=F("events") + counts.events,
            duplicates=F("duplicates") + counts.duplicates,
            rejected=F("rejected") + counts.rejected,
            ignored=F("ignored") + counts.ignored,
            last_received_at=received_at,
            **moved,
        )


def _key(event: AccEvent, own: bytes) -> int | None:
    """Return the number that the event's call is looked up by; ``None`` for one that is of no call."""
    if event.call_id:
        return call_key(event.call_id)
    if event.kind is Kind.ON or event.kind is Kind.OFF:
        return None
    return call_key("", own)  # nothing ties it to another event


def _storable(event: AccEvent) -> tuple[AccEvent, str]:
    """Return the event with what a database cannot hold made visible, and its statement.

    PostgreSQL's text holds no NUL (shown as ``\\x00``), UTF-8 no lone surrogate (``\\ud800``).
    """
    said = statement(event)
    if "\\x00" not in said and "\\ud" not in said:  # so are they written in a statement
        return event, said
    clean = event._replace(
        method=_storable_text(event.method),
        from_tag=_storable_text(event.from_tag),
        to_tag=_storable_text(event.to_tag),
        call_id=_storable_text(event.call_id),
        reason=_storable_text(event.reason),
        extra=_storable_pairs(event.extra),
        legs=tuple(_storable_pairs(leg) for leg in event.legs),
    )
    return clean, statement(clean)


def _storable_pairs(pairs: Pairs) -> Pairs:
    return tuple((_storable_text(label), _storable_text(text)) for label, text in pairs)


def _storable_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
