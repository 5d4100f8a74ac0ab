"""The only writer of new events: idempotent, in batches of constant memory. Marks their calls for correlation.

Only ``cdr.storage.reread`` replaces stored events, where their input was parsed with wrong settings.
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

_PROXY_EXISTS = f'EXISTS (SELECT FROM "{Proxy._meta.db_table}" WHERE "id" = %s FOR KEY SHARE)'
_UNIQUE = ("time", "fingerprint", "proxy_id")


@dataclass(slots=True)
class IngestCounts:
    """How many records of a source were stored, rejected or ignored.

    ``read`` = ``events`` (newly stored) + ``duplicates`` (stored before) + ``rejected`` (stored as ``Rejected``)
    + ``ignored`` (not accounting).
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
    """Return the context in which the formats parse records of ``proxy`` received at ``received_at``."""
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
    format: str,  # noqa: A002  # named like the option of the commands
    received_at: datetime | None = None,
    cursor: dict[str, Any] | None = None,
    on_progress: Callable[[IngestCounts], None] | None = None,
    batch: int = BATCH,
) -> IngestCounts:
    """Store the parsed records of ``source``; return their counts.

    Takes ``batch`` records at a time, each batch in one transaction that stores its events, marks their calls as
    pending, stores rejected input and updates the source's counters; the last one also sets the source's ``cursor``.
    Storing the same records again changes only the counters. A record that cannot be stored becomes ``Rejected`` and
    does not affect the others. ``on_progress`` is called after each batch with the counts so far. Raises
    ``DatabaseError`` when the database itself fails; earlier batches remain stored.
    """
    total = IngestCounts()
    writer = _Writer(source, format)
    records = iter(parsed)
    last = False
    while not last:
        current = list(islice(records, batch))
        last = len(current) < batch
        if current or (last and cursor is not None):
            cursor_change = {"cursor": cursor} if last and cursor is not None else {}
            total += writer.write(current, received_at or timezone.now(), cursor_change)
            if on_progress is not None:
                on_progress(total)
    return total


class _Writer:
    """Stores the batches of one source."""

    def __init__(self, source: Source, format: str) -> None:  # noqa: A002
        self._source = source
        self._format = format
        self._database: EventDatabase = database_for_writes()
        self._expects_duplicates = False

    def write(self, records: Sequence[Parsed], received_at: datetime, cursor_change: dict[str, Any]) -> IngestCounts:
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
            # Last, because it locks the source's row.
            with connection.cursor() as cursor:
                cursor.execute(*_count_statement(self._source, counts, _newest(events), received_at, cursor_change))
                if cursor.rowcount != 1:
                    raise IntegrityError(f"the source {self._source.pk} or its proxy has been deleted")
        self._expects_duplicates = counts.duplicates > 0
        return counts

    def _insert(
        self, events: Sequence[AccEvent], received_at: datetime, rejections: list[Rejection]
    ) -> list[int | None]:
        """Store the new events; return their call keys. Add events that cannot be stored to ``rejections``.

        Most batches contain only new events, so the rows are first copied straight into the table while they are
        built. If that fails, or if the previous batch had duplicates, existing rows are looked up.
        """
        if not events:
            return []
        rows = Rows(self._source, self._database.wire)
        row_iterator = rows.of(
            events, received_at, lambda event, reason: rejections.append(Rejection(event.raw, reason))
        )
        if not self._expects_duplicates:
            try:
                with transaction.atomic():
                    self._database.insert(event_rows.TABLE, row_iterator)
                return [row[event_rows.KEY] for row in rows.by_fingerprint.values()]
            except (DatabaseError, OverflowError):  # a lasting fault shows up again below
                pass
        deque(row_iterator, maxlen=0)
        return self._insert_new(list(rows.by_fingerprint.values()), rejections)

    def _insert_new(self, rows: Sequence[Row], rejections: list[Rejection]) -> list[int | None]:
        """Store the new rows; if the database refuses one, bisect until it is alone."""
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
        """Store rejected input, each once."""
        rows = [
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
        if rows:
            Rejected.objects.bulk_create(rows, ignore_conflicts=True)


def _newest(events: Iterable[AccEvent]) -> datetime | None:
    return max((event.time for event in events), default=None)


def _count_statement(
    source: Source, counts: IngestCounts, newest: datetime | None, received_at: datetime, cursor_change: dict[str, Any]
) -> Statement:
    """Return the statement that updates the source's counters, and its cursor if ``cursor_change`` has one.

    It changes no row if source or proxy are gone. PostgreSQL checks that here, once per batch; foreign keys would
    check it twice per event. Plain SQL, because Django would compile the query anew for each batch, which takes as long
    as storing 50 events.
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
    if "cursor" in cursor_change:
        changes["cursor"] = "%s", (connection.ops.adapt_json_value(cursor_change["cursor"], None),)
    listed = ", ".join(f'"{column}" = {change}' for column, (change, _) in changes.items())
    values = [value for _, parameters in changes.values() for value in parameters]
    update = f'UPDATE "{Source._meta.db_table}" SET {listed} WHERE "id" = %s'  # noqa: S608
    if connection.vendor != "postgresql":
        return update, [*values, source.pk]
    return f"{update} AND {_PROXY_EXISTS}", [*values, source.pk, source.proxy_id]


class Storing:
    """Records of several sources, stored by one transaction in the background.

    ``add`` prepares the rows, so that only the database has work left after ``start``. This is for the usual case: new
    events, on PostgreSQL. Otherwise ``finish`` returns ``None`` and nothing has been stored.
    """

    def __init__(self) -> None:
        self._sender = database_for_writes().sender(event_rows.TABLE)
        self._parts: dict[int, _Part] = {}
        self._sending: Sending | None = None

    def add(self, source: Source, records: Iterable[Parsed], received_at: datetime) -> None:
        """Prepare the rows of records that came from ``source``."""
        if self._sender is None:
            return
        part = self._parts.get(source.pk)
        if part is None:
            part = self._parts[source.pk] = _Part(source, received_at)
        if part.usual:
            with gc_paused():
                part.add(records, received_at)

    def drop(self, source: int) -> None:
        """Discard the records of the source with this primary key."""
        self._parts.pop(source, None)

    def start(self) -> None:
        """Send the rows, if all parts are usual. Raise ``DatabaseError``."""
        # In a fixed order, so that two writers cannot deadlock.
        parts = [part for _, part in sorted(self._parts.items())]
        if self._sender is None or not parts or not all(part.usual for part in parts):
            return
        self._sending = self._sender.send(
            [row for part in parts for row in part.rows],
            {key for part in parts for key in part.keys},
            [_count_statement(part.source, part.counts, part.newest, part.received_at, {}) for part in parts],
        )

    def done(self) -> bool:
        """Tell whether ``finish`` returns without waiting."""
        return self._sending is None or self._sending.done()

    def wait(self, other: int) -> None:
        """Wait until the transaction has ended, or until the file descriptor ``other`` can be read."""
        if self._sending is not None:
            self._sending.wait(other)

    def finish(self) -> dict[int, IngestCounts] | None:
        """Wait for the commit; return the counts by source, or ``None`` if nothing was stored."""
        sending, self._sending = self._sending, None
        if sending is None:
            return None
        try:
            with connection.wrap_database_errors:
                sending.finish()
        except DatabaseError:  # a lasting fault shows up again in ``store``
            return None
        return {pk: part.counts for pk, part in self._parts.items()}


class _Part:
    """The rows of one source. ``usual``: there were only events and ignored lines, no rejection."""

    def __init__(self, source: Source, received_at: datetime) -> None:
        self.source = source
        self.counts = IngestCounts()
        self.newest: datetime | None = None
        self.received_at = received_at
        self.usual = True
        self._rows = Rows(source, database_for_writes().wire)

    @property
    def rows(self) -> Iterable[Row]:
        return self._rows.by_fingerprint.values()

    @property
    def keys(self) -> Iterator[int]:
        """The call keys of the rows."""
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
            rows = list(self._rows.of(events, received_at, self._refuse))
        except OverflowError:
            self.usual = False
            return
        self.counts.events += len(rows)
        self.counts.duplicates += len(events) - len(rows)
        self.newest = max(filter(None, (self.newest, _newest(events))), default=None)

    def _refuse(self, *_: object) -> None:
        self.usual = False
