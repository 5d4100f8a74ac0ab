"""The only writer of new events: idempotent, in batches of constant memory, marking the calls to be correlated.

(``cdr.storage.reread`` alone puts others in the place of stored ones, where their input was read with wrong settings.)
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Self

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.utils import timezone

from cdr.events import AccEvent
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models import Rejected, Source
from cdr.storage import event_rows
from cdr.storage.copying import Sending
from cdr.storage.database import EventDatabase, database_for_writes
from cdr.storage.event_rows import Rows, storable_text
from cdr.storage.garbage_collection import gc_paused
from cdr.storage.tables import Row, Statement
from proxyconf.models import Proxy
from proxyconf.vocabulary.products import Product, Version

BATCH = 5_000
"""Records per transaction."""

_UNIQUE = ("time", "fingerprint", "proxy_id")


@dataclass(slots=True)
class IngestCounts:
    """What became of the records of a source.

    ``read`` = ``events`` (stored now) + ``duplicates`` (known before) + ``rejected`` (kept as ``Rejected``)
    + ``ignored`` (no accounting).
    """

    read: int = 0
    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    ignored: int = 0

    def __iadd__(self, other: IngestCounts) -> Self:
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
    on_progress: Callable[[IngestCounts], None] | None = None,
    batch: int = BATCH,
) -> IngestCounts:
    """Store what came from ``source``; return what became of it.

    Takes ``batch`` records at a time, each batch in one transaction that stores its events, marks their calls as
    pending, keeps what is rejected and moves the source's counters; the last one also sets the source's ``cursor``.
    Storing the same again changes nothing but the counters. A record that cannot be stored is kept as ``Rejected`` and
    costs no other. ``on_progress`` is called after each batch with the counts so far. Raises ``DatabaseError`` when
    the database fails as such; the batches before are then stored.
    """
    total = IngestCounts()
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
        self._database: EventDatabase = database_for_writes()
        self._expects_duplicates = False

    def write(self, records: Sequence[Parsed], received_at: datetime, moved: dict[str, Any]) -> IngestCounts:
        events = [record for record in records if type(record) is AccEvent]
        rejections = [record for record in records if type(record) is Rejection]
        counts = IngestCounts(read=len(records), ignored=len(records) - len(events) - len(rejections))
        with gc_paused(), transaction.atomic():
            keys = self._insert(events, received_at, rejections)
            self._database.mark({key for key in keys if key is not None})
            self._reject(rejections, received_at)
            counts.events = len(keys)
            counts.rejected = len(rejections)
            counts.duplicates = counts.read - counts.events - counts.rejected - counts.ignored
            # The last statement, for it locks the source's row.
            with connection.cursor() as cursor:
                cursor.execute(*_counting(self._source, counts, _newest(events), received_at, moved))
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
        rows = Rows(self._source, self._database.wire)
        making = rows.of(events, received_at, lambda event, reason: rejections.append(Rejection(event.raw, reason)))
        if not self._expects_duplicates:
            try:
                with transaction.atomic():
                    self._database.insert(event_rows.TABLE, making)
                return [row[event_rows.KEY] for row in rows.made.values()]
            except (DatabaseError, OverflowError):  # whatever it was, the careful way meets it again and tells
                pass
        deque(making, maxlen=0)
        return self._insert_new(list(rows.made.values()), rejections)

    def _insert_new(self, rows: Sequence[Row], rejections: list[Rejection]) -> list[int | None]:
        """Store those of ``rows`` that are new; when the database refuses one, halve until it stands alone."""
        try:
            with transaction.atomic():
                return self._database.insert_new(event_rows.TABLE, rows, _UNIQUE, "call_key")
        except (DataError, IntegrityError, OverflowError) as error:
            if len(rows) == 1:
                reason = f"the database cannot hold this event: {error}".strip()
                rejections.append(Rejection(rows[0][event_rows.RAW], reason))
                return []
        middle = len(rows) // 2
        return self._insert_new(rows[:middle], rejections) + self._insert_new(rows[middle:], rejections)

    def _reject(self, rejections: Iterable[Rejection], received_at: datetime) -> None:
        """Keep rejected input; the same once."""
        kept = [
            Rejected(
                source=self._source,
                format=self._format,
                raw=raw,
                fingerprint=hashlib.blake2b(raw or reason.encode(errors="replace"), digest_size=16).digest(),
                reason=storable_text(reason),
                received_at=received_at,
            )
            for raw, reason in rejections
        ]
        if kept:
            Rejected.objects.bulk_create(kept, ignore_conflicts=True)


def _newest(events: Iterable[AccEvent]) -> datetime | None:
    return max((event.time for event in events), default=None)


def _counting(
    source: Source, counts: IngestCounts, newest: datetime | None, received_at: datetime, moved: dict[str, Any]
) -> Statement:
    """Return what moves the source's counters, and its cursor where ``moved`` has one.

    Written out, for Django would think it through anew for each batch, which costs as much as storing fifty events.
    """
    time = connection.ops.adapt_datetimefield_value
    changes: dict[str, tuple[str, Sequence[Any]]] = {
        "events": ("events + %s", (counts.events,)),
        "duplicates": ("duplicates + %s", (counts.duplicates,)),
        "rejected": ("rejected + %s", (counts.rejected,)),
        "ignored": ("ignored + %s", (counts.ignored,)),
        "last_received_at": ("%s", (time(received_at),)),
    }
    if newest is not None:
        later = "CASE WHEN last_event_at > %s THEN last_event_at ELSE %s END"
        changes["last_event_at"] = later, (time(newest), time(newest))
    if "cursor" in moved:
        changes["cursor"] = "%s", (connection.ops.adapt_json_value(moved["cursor"], None),)
    listed = ", ".join(f'"{column}" = {change}' for column, (change, _) in changes.items())
    values = [value for _, given in changes.values() for value in given]
    return f'UPDATE "{Source._meta.db_table}" SET {listed} WHERE "id" = %s', [*values, source.pk]  # noqa: S608


class Storing:
    """What came from some sources, stored by one transaction while the caller goes on.

    ``add`` makes it ready, so that nothing but the database's work is left when ``start`` sends it. It is for what
    nearly always comes: events that are new, on PostgreSQL. ``finish`` says no to anything else, and nothing is stored.
    """

    def __init__(self) -> None:
        self._sender = database_for_writes().sender(event_rows.TABLE)
        self._parts: dict[int, _Part] = {}
        self._sending: Sending | None = None

    def add(self, source: Source, records: Iterable[Parsed], received_at: datetime) -> None:
        """Make ready what came from ``source``."""
        if self._sender is None:
            return
        part = self._parts.get(source.pk)
        if part is None:
            part = self._parts[source.pk] = _Part(source, received_at)
        if part.usual:
            with gc_paused():
                part.add(records, received_at)

    def drop(self, source: int) -> None:
        """Forget what came from the source with this primary key."""
        self._parts.pop(source, None)

    def start(self) -> None:
        """Send what was added, if it may be sent like this. Raise ``DatabaseError``."""
        parts = [part for _, part in sorted(self._parts.items())]  # in one order: no two writers wait in a circle
        if self._sender is None or not parts or not all(part.usual for part in parts):
            return
        self._sending = self._sender.send(
            [row for part in parts for row in part.rows],
            {key for part in parts for key in part.keys},
            [_counting(part.source, part.counts, part.newest, part.received_at, {}) for part in parts],
        )

    def done(self) -> bool:
        """Tell whether ``finish`` need not wait."""
        return self._sending is None or self._sending.done()

    def wait(self, other: int) -> None:
        """Wait until it is worth asking ``done`` again, or until the file descriptor ``other`` can be read."""
        if self._sending is not None:
            self._sending.wait(other)

    def finish(self) -> dict[int, IngestCounts] | None:
        """Wait for the commit; return what became of the records by source, or none: nothing was stored."""
        sending, self._sending = self._sending, None
        if sending is None:
            return None
        try:
            with connection.wrap_database_errors:
                sending.finish()
        except DatabaseError:  # whatever it was, who stores it by ``store`` meets it again
            return None
        return {pk: part.counts for pk, part in self._parts.items()}


class _Part:
    """What came from one source, and its rows. ``usual``: new events and lines to be ignored are all there is."""

    def __init__(self, source: Source, received_at: datetime) -> None:
        self.source = source
        self.counts = IngestCounts()
        self.newest: datetime | None = None
        self.received_at = received_at
        self.usual = True
        self._made = Rows(source, database_for_writes().wire)

    @property
    def rows(self) -> Iterable[Row]:
        return self._made.made.values()

    @property
    def keys(self) -> Iterator[int]:
        """The call keys of the events."""
        keys = (row[event_rows.KEY] for row in self.rows)
        return (key for key in keys if key is not None)

    def add(self, records: Iterable[Parsed], received_at: datetime) -> None:
        events = []
        for record in records:
            self.counts.read += 1
            if type(record) is AccEvent:
                events.append(record)
            elif type(record) is Rejection:
                self.usual = False
            else:
                self.counts.ignored += 1
        self.received_at = received_at
        try:
            rows = list(self._made.of(events, received_at, self._refuse))
        except OverflowError:
            self.usual = False
            return
        self.counts.events += len(rows)
        self.counts.duplicates += len(events) - len(rows)
        self.newest = max(filter(None, (self.newest, _newest(events))), default=None)

    def _refuse(self, *_: object) -> None:
        self.usual = False
