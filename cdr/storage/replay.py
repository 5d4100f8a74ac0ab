"""Rejected input read again after a fix: what is accounting now is stored, what is not stays with today's reason.

A rejection is settled in the transaction that stores its events, so it is taken once, however often and by however many
it is tried. Its events count as received when the input was.
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

BATCH = 200
"""Rejections per transaction; a rejection may hold a megabyte."""

_NOT_STORED = "the database cannot hold an event that this tells of"


@dataclass(slots=True)
class Replayed:
    """What became of rejections that waited.

    ``waited`` = ``taken`` (accounting now; ``events`` of it are new, the others were known) + ``ignored`` (no
    accounting, as it turned out) + ``failing``. ``last`` is the number of the last one tried, to go on from;
    ``more``: others wait behind it.
    """

    waited: int = 0
    taken: int = 0
    ignored: int = 0
    failing: int = 0
    events: int = 0
    last: int = 0
    more: bool = False

    def as_dict(self) -> dict[str, int]:
        """Return the counts, as the audit log keeps them."""
        return {name: getattr(self, name) for name in ("waited", "taken", "events", "ignored", "failing")}


def replay(
    rejected: QuerySet[Rejected],
    *,
    after: int = 0,
    most: int | None = None,
    on_progress: Callable[[Replayed], None] | None = None,
) -> Replayed:
    """Read those of ``rejected`` that wait again, oldest first; return what became of them.

    Goes on ``after`` the rejection of that number, and stops when ``most`` were tried. Each batch is a transaction of
    its own; raises ``DatabaseError`` when the database fails as such, the batches before are then stored.
    """
    done = Replayed(last=after)
    while most is None or done.waited < most:
        size = BATCH if most is None else min(BATCH, most - done.waited)
        batch = list(_waiting(rejected, done.last).select_related("source__proxy")[:size])
        if not batch:
            break
        for source, rows in _by_source(batch):
            _Replay(source).take(rows, done)
        done.last = batch[-1].pk
        if on_progress is not None:
            on_progress(done)
    done.more = _waiting(rejected, done.last).exists()
    if done.events:
        wake.correlation()
    return done


def _waiting(rejected: QuerySet[Rejected], after: int) -> QuerySet[Rejected]:
    return rejected.filter(replayed_at=None, pk__gt=after).order_by("pk")


def _by_source(rows: Iterable[Rejected]) -> Iterable[tuple[Source, list[Rejected]]]:
    groups: dict[int, list[Rejected]] = defaultdict(list)
    for row in rows:
        groups[row.source_id].append(row)
    return [(group[0].source, group) for group in groups.values()]


class _Replay:
    """Reads rejections of one source with what is known of its proxy today."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readers: dict[tuple[str, datetime], Reread] = {}

    def take(self, rows: Sequence[Rejected], done: Replayed) -> None:
        """Store in one transaction what ``rows`` tell, and count it."""
        with transaction.atomic():
            held = Rejected.objects.select_for_update().filter(pk__in=[row.pk for row in rows], replayed_at=None)
            groups: dict[tuple[str, datetime], list[Rejected]] = defaultdict(list)
            for row in held.order_by("pk"):
                groups[row.format, row.received_at].append(row)
            changed = [
                row for (kept_as, at), group in groups.items() for row in self._take_alike(group, kept_as, at, done)
            ]
            Rejected.objects.bulk_update(changed, ["reason", "replayed_at"])

    def _take_alike(
        self, rows: Sequence[Rejected], kept_as: str, received_at: datetime, done: Replayed
    ) -> Sequence[Rejected]:
        """Store what rows of one format that came at once tell; return them changed."""
        parsed = [self._parsed(row) for row in rows]
        counts = self._store([one for each in parsed for one in each], kept_as, received_at)
        if counts is None and len(rows) > 1:  # the database refuses one of them: which?
            return [changed for row in rows for changed in self._take_alike([row], kept_as, received_at, done)]
        for row, each in zip(rows, parsed, strict=True):
            reasons = [one.reason for one in each if isinstance(one, Rejection)]
            _settle(row, _NOT_STORED if counts is None else next(iter(reasons), ""))
            done.waited += 1
            done.failing += row.replayed_at is None
            done.ignored += row.replayed_at is not None and not any(isinstance(one, AccEvent) for one in each)
            done.taken += row.replayed_at is not None and any(isinstance(one, AccEvent) for one in each)
        done.events += counts.events if counts else 0
        return rows

    def _store(self, parsed: Iterable[Parsed], kept_as: str, received_at: datetime) -> IngestCounts | None:
        """Store the events; nothing of them, and ``None``, where the database refuses one."""
        events = [one for one in parsed if isinstance(one, AccEvent)]
        if not events:
            return IngestCounts()
        before = Source.objects.values_list("last_received_at", flat=True).get(pk=self._source.pk)
        with transaction.atomic():
            counts = store(self._source, events, format=kept_as, received_at=received_at, batch=len(events) + 1)
            if before is not None:  # it came when it came, and the source was heard of since
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
        except Exception as error:  # a fault of ours must not keep the others waiting
            return [Rejection(raw, f"a fault in reading it, to be reported: {type(error).__name__}: {error}")]

    def _reader(self, kept_as: str, received_at: datetime) -> Reread:
        key = kept_as, received_at
        if key not in self._readers:
            self._readers[key] = reader_of(kept_as, reading_of(self._source.proxy, received_at), self._dictionary())
        return self._readers[key]

    def _dictionary(self) -> Dictionary | None:
        """Return the dictionary that the source's settings name, if any; raise ``OSError`` or ``ValueError``."""
        settings: Any = self._source.parsed_settings()
        return dictionary_of(getattr(settings, "dictionary", ""))


def _settle(row: Rejected, reason: str) -> None:
    if reason:
        row.reason = reason
    else:
        row.replayed_at = timezone.now()
