"""Re-parse rejected input after a fix: store its events, or update the reason why it is still rejected.

A rejection is resolved in the transaction that stores its events, so that concurrent runs accept it only once. Its
events keep the time at which the input was received.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from cdr.events import AccEvent
from cdr.formats.radius_dictionary import Dictionary
from cdr.formats.raw_reader import Reread, reader_of
from cdr.formats.reading import Parsed, Rejection
from cdr.models import Rejected, Source
from cdr.sources.setting import SettingsError
from cdr.storage import wake
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.ingest import IngestCounts, reading_of, store
from cdr.storage.safe_parsing import fault_of_parser

BATCH = 200
"""Rejections per transaction; each may be as large as a megabyte."""

_NOT_STORED = "the database cannot store an event of this input"


@dataclass(slots=True)
class Replayed:
    """The results of re-parsing rejections.

    ``waited`` = ``taken`` (accounting now, with ``events`` new events) + ``ignored`` (not accounting after all)
    + ``failing``. ``last`` is the primary key of the last rejection tried, to continue from; ``more``: there are
    others after it.
    """

    waited: int = 0
    taken: int = 0
    ignored: int = 0
    failing: int = 0
    events: int = 0
    last: int = 0
    more: bool = False

    def as_dict(self) -> dict[str, int]:
        """Return the counts for the audit log."""
        return {name: getattr(self, name) for name in ("waited", "taken", "events", "ignored", "failing")}


def replay(
    rejected: QuerySet[Rejected],
    *,
    after: int = 0,
    most: int | None = None,
    on_progress: Callable[[Replayed], None] | None = None,
) -> Replayed:
    """Re-parse the pending ones of ``rejected``, oldest first; return the results.

    Starts ``after`` the rejection with that primary key, and stops when ``most`` were tried. Each batch is a
    transaction of its own; raises ``DatabaseError`` when the database itself fails, earlier batches remain stored.
    """
    result = Replayed(last=after)
    while most is None or result.waited < most:
        size = BATCH if most is None else min(BATCH, most - result.waited)
        batch = list(_pending(rejected, result.last).select_related("source__proxy")[:size])
        if not batch:
            break
        for source, rows in _by_source(batch):
            _Replay(source).take(rows, result)
        result.last = batch[-1].pk
        if on_progress is not None:
            on_progress(result)
    result.more = _pending(rejected, result.last).exists()
    if result.events:
        wake.correlation()
    return result


def _pending(rejected: QuerySet[Rejected], after: int) -> QuerySet[Rejected]:
    return rejected.filter(replayed_at=None, pk__gt=after).order_by("pk")


def _by_source(rows: Iterable[Rejected]) -> Iterable[tuple[Source, list[Rejected]]]:
    groups: dict[int, list[Rejected]] = defaultdict(list)
    for row in rows:
        groups[row.source_id].append(row)
    return [(group[0].source, group) for group in groups.values()]


class _Replay:
    """Re-parses rejections of one source with the present settings of its proxy."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readers: dict[tuple[str, datetime], Reread] = {}

    def take(self, rows: Sequence[Rejected], result: Replayed) -> None:
        """Store the events of ``rows`` in one transaction, and count the results."""
        with transaction.atomic():
            locked = Rejected.objects.select_for_update().filter(pk__in=[row.pk for row in rows], replayed_at=None)
            groups: dict[tuple[str, datetime], list[Rejected]] = defaultdict(list)
            for row in locked.order_by("pk"):
                groups[row.format, row.received_at].append(row)
            changed = [
                row
                for (stored_format, received_at), group in groups.items()
                for row in self._take_group(group, stored_format, received_at, result)
            ]
            Rejected.objects.bulk_update(changed, ["reason", "replayed_at"])

    def _take_group(
        self, rows: Sequence[Rejected], stored_format: str, received_at: datetime, result: Replayed
    ) -> Sequence[Rejected]:
        """Store the events of rows with the same format and time of receipt; return the changed rows."""
        parsed = [self._parsed(row) for row in rows]
        counts = self._store([record for records in parsed for record in records], stored_format, received_at)
        if counts is None and len(rows) > 1:  # try them one by one
            return [changed for row in rows for changed in self._take_group([row], stored_format, received_at, result)]
        for row, records in zip(rows, parsed, strict=True):
            reasons = [record.reason for record in records if isinstance(record, Rejection)]
            _resolve(row, _NOT_STORED if counts is None else next(iter(reasons), ""))
            result.waited += 1
            result.failing += row.replayed_at is None
            result.ignored += row.replayed_at is not None and not any(
                isinstance(record, AccEvent) for record in records
            )
            result.taken += row.replayed_at is not None and any(isinstance(record, AccEvent) for record in records)
        result.events += counts.events if counts else 0
        return rows

    def _store(self, parsed: Iterable[Parsed], stored_format: str, received_at: datetime) -> IngestCounts | None:
        """Store the events; store nothing and return ``None`` if the database refuses one."""
        events = [record for record in parsed if isinstance(record, AccEvent)]
        if not events:
            return IngestCounts()
        before = Source.objects.values_list("last_received_at", flat=True).get(pk=self._source.pk)
        with transaction.atomic():
            counts = store(self._source, events, format=stored_format, received_at=received_at, batch=len(events) + 1)
            if before is not None:  # do not set back the time of the last receipt
                latest = Greatest(Coalesce(F("last_received_at"), Value(before)), Value(before))
                Source.objects.filter(pk=self._source.pk).update(last_received_at=latest)
            if counts.rejected:
                transaction.set_rollback(True)
                return None
        return counts

    def _parsed(self, row: Rejected) -> list[Parsed]:
        raw = bytes(row.raw)
        try:
            return self._reader(row.format, row.received_at)(raw)
        except (LookupError, OSError, SettingsError) as error:
            return [Rejection(raw, str(error))]
        except Exception as error:  # a fault of the parser must not stop the others
            return [fault_of_parser(raw, error)]

    def _reader(self, stored_format: str, received_at: datetime) -> Reread:
        key = stored_format, received_at
        if key not in self._readers:
            self._readers[key] = reader_of(
                stored_format, reading_of(self._source.proxy, received_at), self._dictionary()
            )
        return self._readers[key]

    def _dictionary(self) -> Dictionary | None:
        """Return the dictionary that the source's settings name; raise ``OSError`` or ``ValueError``."""
        settings: Any = self._source.parsed_settings()
        return dictionary_of(getattr(settings, "dictionary", ""))


def _resolve(row: Rejected, reason: str) -> None:
    if reason:
        row.reason = reason
    else:
        row.replayed_at = timezone.now()
