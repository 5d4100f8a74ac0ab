"""Stored events read once more from their raw input, with what is known of their proxy now.

Tables and some lines carry the proxy's wall clock without a zone, and some records values without labels: while the
proxy had the wrong zone, layout or product here, its events were stored with wrong times or fields. Here alone are
stored events replaced.

The events of a Call-ID are replaced in one transaction, which marks the call as pending: correlation sees them all as
they were or all as they are, and tells the difference as a revision. What was read rightly stays as it is, so reading
again can be broken off and begun anew at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from django.db import DataError, transaction
from django.db.models import QuerySet

from cdr.events import AccEvent, EventKind, Pairs, fingerprint
from cdr.formats.raw_reader import Reread, reader_of
from cdr.formats.reading import Parsed, Rejection
from cdr.formats.sql_row import AccTable as Kept
from cdr.models import Event, Source
from cdr.storage import event_rows
from cdr.storage.database import database_for_writes
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.event_rows import Rows, storable
from cdr.storage.ingest import reading_of
from cdr.storage.safe_parsing import parsed_safely
from cdr.storage.tables import Row, Table
from proxyconf.vocabulary.layout import Backend

BATCH = 500
"""Call-IDs per transaction."""

_FIRST, _ALL = -(2**63), 2**64  # the least call_key, and how many there may be
_IDS = Table(Event, "id")
_UNIQUE = ("time", "fingerprint", "proxy_id")
_ONE_TIME, _OTHER_TIME = datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)
"""Times of receipt: what comes out differently with the one and the other has no time of its own."""
_ACCOUNTING_REQUEST = b"\x04"


class CannotReread(Exception):
    """The events of a source cannot be read again; the text names the source and what to mend."""


@dataclass(slots=True)
class RereadCounts:
    """What became of stored events.

    ``read`` = ``same`` + ``replaced`` + ``merged`` (the same as another event that is there: both are one now)
    + ``unreadable`` (their raw input gives no event with the present settings; they stay as they were).
    """

    read: int = 0
    same: int = 0
    replaced: int = 0
    merged: int = 0
    unreadable: int = 0

    def __iadd__(self, other: RereadCounts) -> Self:
        self.read += other.read
        self.same += other.same
        self.replaced += other.replaced
        self.merged += other.merged
        self.unreadable += other.unreadable
        return self

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def reread(
    events: QuerySet[Event], *, on_progress: Callable[[RereadCounts, float], None] | None = None, batch: int = BATCH
) -> RereadCounts:
    """Read ``events`` (all of a proxy, say, or of a source) again; return what became of them.

    Takes the events of ``batch`` Call-IDs at a time, each batch in one transaction. ``on_progress`` is called after
    each, with the counts so far and the share of the work that is done. The calls of what was replaced are pending
    afterwards. Raise ``CannotReread`` where the settings of a source forbid it; the batches before are then done.
    """
    work = _Work(events)
    total = RereadCounts()
    for keys, share in _batches(events, batch):
        total += work.take(keys)
        if on_progress is not None:
            on_progress(total, share)
    work.close()
    return total


def _batches(events: QuerySet[Event], size: int) -> Iterator[tuple[Sequence[int | None], float]]:
    """Yield Call-IDs by their keys, with how far through all possible keys that is; at last the events of no call."""
    ordered = events.order_by("call_key").values_list("call_key", flat=True).distinct()
    start = _FIRST
    while keys := list(ordered.filter(call_key__gte=start)[:size]):
        last = keys[-1]
        assert last is not None
        start = min(last + 1, _ALL + _FIRST - 1)  # the greatest key once more is harmless
        yield keys, (start - _FIRST) / _ALL
        if last == start:
            break
    yield [None], 1.0


class _Work:
    """Reading events again, one batch after the other."""

    def __init__(self, events: QuerySet[Event]) -> None:
        self._events = events
        self._database = database_for_writes()
        self._inputs: dict[tuple[int, int], KeptInput] = {}
        self._changed: set[int] = set()

    def take(self, keys: Sequence[int | None]) -> RereadCounts:
        """Read the events of these Call-IDs again; where the database refuses one, halve until it stands alone."""
        found = self._events.filter(call_key=None) if None in keys else self._events.filter(call_key__in=keys)
        try:
            with transaction.atomic():
                return self._replace(list(found.order_by("pk").select_for_update()))
        except (DataError, OverflowError):
            if len(keys) == 1:
                number = found.count()
                return RereadCounts(read=number, unreadable=number)
        middle = len(keys) // 2
        counts = self.take(keys[:middle])
        counts += self.take(keys[middle:])
        return counts

    def _replace(self, events: Sequence[Event]) -> RereadCounts:
        counts = RereadCounts(read=len(events))
        old: list[Event] = []
        new: dict[tuple[int, bytes], Row] = {}
        for event in events:
            given = self._input(event)
            parsed = given.read(event)
            if parsed is None:
                counts.unreadable += 1
            elif _is_same(event, *parsed):
                counts.same += 1
            else:
                for row in Rows(given.source, self._database.wire).of([parsed[0]], event.received_at, _refuse):
                    new.setdefault((event.proxy_id, parsed[1]), row)
                old.append(event)
        if old:
            self._database.delete(_IDS, "id", [event.pk for event in old])
            stored = self._database.insert_new(event_rows.TABLE, list(new.values()), _UNIQUE, "call_key")
            keys = {event.call_key for event in old} | {row[event_rows.KEY] for row in new.values()}
            self._database.mark({key for key in keys if key is not None})
            self._changed.update(event.source_id for event in old)
            counts.replaced, counts.merged = len(stored), len(old) - len(stored)
        return counts

    def _input(self, event: Event) -> KeptInput:
        key = (event.source_id, event.proxy_id)
        if key not in self._inputs:
            source = event.source
            source.proxy = event.proxy  # a source may have been given to another one since
            self._inputs[key] = KeptInput(source)
        return self._inputs[key]

    def close(self) -> None:
        """Set anew when the newest event of the sources whose events were replaced was."""
        for pk in sorted(self._changed):
            with transaction.atomic():
                source = Source.objects.select_for_update().get(pk=pk)  # whoever stores events waits
                newest = Event.objects.filter(source=source).order_by("-time").values_list("time", flat=True).first()
                Source.objects.filter(pk=pk).update(last_event_at=newest)


class KeptInput:
    """Reads what came through one source. Raise ``CannotReread`` where its dictionary cannot be had any more."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            settings: Any = source.parsed_settings()
            self._dictionary = dictionary_of(getattr(settings, "dictionary", ""))
        except (OSError, ValueError) as error:
            raise CannotReread(f"the settings of the source {source} do not serve: {error}") from error
        self._readers: dict[tuple[str, datetime], Reread] = {}

    def read(self, event: Event) -> tuple[AccEvent, bytes] | None:
        """Return what the input of ``event`` says, with its fingerprint; none where it cannot be read any more."""
        parsed = parsed_safely(lambda raw: self._one(event, raw), bytes(event.raw))
        if not isinstance(parsed, AccEvent):
            return None
        normal, said = storable(parsed)
        return normal, fingerprint(normal, said)

    def _one(self, event: Event, raw: bytes) -> Parsed:
        backend = Backend(event.backend)
        parsed = self._as(_format(event, raw), raw)
        if backend is Backend.JSON and not isinstance(parsed, AccEvent):
            return self._as("syslog", raw)  # an object that a container's log put around a line
        if backend not in (Backend.RADIUS, Backend.DIAMETER) or not isinstance(parsed, AccEvent):
            return parsed
        if self.source.kind == Source.Kind.IMPORT and _labels(parsed) != _labels(event):
            return Rejection(raw, "the file that this packet was taken from told names, which are not kept")
        later = self._as(_format(event, raw), raw, _OTHER_TIME)
        if not isinstance(later, AccEvent) or later.time == parsed.time:
            return parsed
        # It has no time of its own, so that at which it came stays.
        ended_at = parsed.ended_at and parsed.ended_at + (event.time - parsed.time)
        return parsed._replace(time=event.time, precision=event.precision, ended_at=ended_at)

    def _as(self, form: str, raw: bytes, received_at: datetime = _ONE_TIME) -> Parsed:
        key = form, received_at
        if key not in self._readers:
            self._readers[key] = reader_of(form, reading_of(self.source.proxy, received_at), self._dictionary)
        (parsed,) = self._readers[key](raw)
        return parsed


def _format(event: Event, raw: bytes) -> str:
    """Return the name of the form that the input of a stored event has."""
    match Backend(event.backend):
        case Backend.SQL if event.kind == EventKind.MISSED:
            return f"sql:{Kept.MISSED_CALLS}"
        case Backend.SQL:  # a dialog's record has no reply code in acc_cdrs alone
            return f"sql:{Kept.ACC_CDRS if event.kind == EventKind.CDR and not event.code else Kept.ACC}"
        case Backend.RADIUS:
            return "radius" if raw[:1] == _ACCOUNTING_REQUEST else "radius-detail"
        case Backend.DIAMETER:
            return "diameter"
        case Backend.EVENTS:
            return "opensips-events"
        case Backend.JSON if raw[:1] in (b"{", b"["):
            return "acc-json"
    return "syslog"


def _labels(event: AccEvent | Event) -> list[str]:
    return sorted(label for part in (event.extra, *event.legs) for label, _ in part)


def _is_same(event: Event, read: AccEvent, own: bytes) -> bool:
    """Tell whether the stored event is what was read: its fingerprint is the same, and what that leaves out, too."""
    return (
        bytes(event.fingerprint) == own
        and (event.precision, event.created_at, tuple(event.flags)) == (read.precision, read.created_at, read.flags)
        and _listed(event.extra) == _listed(read.extra)
        and list(map(_listed, event.legs)) == list(map(_listed, read.legs))
    )


def _listed(pairs: Pairs | list[list[str]]) -> list[list[str]]:
    return [list(pair) for pair in pairs]


def _refuse(event: AccEvent, reason: str) -> None:
    raise OverflowError(reason)
