"""Re-parse the raw input of stored events with the present settings of their proxy.

Tables and some log lines have local times without a zone, and some records have values without labels. If the zone,
layout or product of the proxy was configured wrongly, its events were stored with wrong times or fields. Stored events
are replaced only here.

The events of a Call-ID are replaced in one transaction, which marks the call as pending: correlation sees either all
old or all new events, and records the difference as a revision. Correct events stay as they are, so re-parsing can be
interrupted and started again at any time.
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
from cdr.formats.sql_row import AccTable
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

_FIRST, _ALL = -(2**63), 2**64  # the least call_key, and the number of possible keys
_IDS = Table(Event, "id")
_UNIQUE = ("time", "fingerprint", "proxy_id")
_FIRST_RECEIPT, _SECOND_RECEIPT = datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)
"""Two times of receipt: input that gives a different time with each has no time of its own."""
_ACCOUNTING_REQUEST = b"\x04"


class CannotReread(Exception):
    """The events of a source cannot be re-parsed; the text names the source and the remedy."""


@dataclass(slots=True)
class RereadCounts:
    """The results of re-parsing stored events.

    ``read`` = ``same`` + ``replaced`` + ``merged`` (became equal to another stored event; one of them remains)
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
    """Re-parse ``events``, for example all of a proxy or source; return the results.

    Takes the events of ``batch`` Call-IDs at a time, each batch in one transaction. ``on_progress`` is called after
    each, with the counts so far and the completed share of the work (0 to 1). The calls of replaced events are pending
    afterwards. Raise ``CannotReread`` if the settings of a source do not allow it; earlier batches remain done.
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
    """Yield the keys of Call-IDs with the completed share of all possible keys; ``None``, for no call, comes last."""
    ordered = events.order_by("call_key").values_list("call_key", flat=True).distinct()
    start = _FIRST
    while keys := list(ordered.filter(call_key__gte=start)[:size]):
        last = keys[-1]
        assert last is not None
        start = min(last + 1, _ALL + _FIRST - 1)  # repeating the greatest key is harmless
        yield keys, (start - _FIRST) / _ALL
        if last == start:
            break
    yield [None], 1.0


class _Work:
    """Re-parses events, batch by batch."""

    def __init__(self, events: QuerySet[Event]) -> None:
        self._events = events
        self._database = database_for_writes()
        self._inputs: dict[tuple[int, int], StoredInput] = {}
        self._changed: set[int] = set()

    def take(self, keys: Sequence[int | None]) -> RereadCounts:
        """Re-parse the events of these Call-IDs; if the database refuses one, bisect until its Call-ID is alone."""
        events = self._events.filter(call_key=None) if None in keys else self._events.filter(call_key__in=keys)
        try:
            with transaction.atomic():
                return self._replace(list(events.order_by("pk").select_for_update()))
        except (DataError, OverflowError):
            if len(keys) == 1:
                number = events.count()
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
            stored_input = self._input(event)
            parsed = stored_input.read(event)
            if parsed is None:
                counts.unreadable += 1
            elif _is_same(event, *parsed):
                counts.same += 1
            else:
                for row in Rows(stored_input.source, self._database.wire).of([parsed[0]], event.received_at, _refuse):
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

    def _input(self, event: Event) -> StoredInput:
        key = (event.source_id, event.proxy_id)
        if key not in self._inputs:
            source = event.source
            source.proxy = event.proxy  # the source may have been assigned to another proxy since
            self._inputs[key] = StoredInput(source)
        return self._inputs[key]

    def close(self) -> None:
        """Update the time of the last event of all sources whose events were replaced."""
        for pk in sorted(self._changed):
            with transaction.atomic():
                source = Source.objects.select_for_update().get(pk=pk)  # writers of new events wait
                newest = Event.objects.filter(source=source).order_by("-time").values_list("time", flat=True).first()
                Source.objects.filter(pk=pk).update(last_event_at=newest)


class StoredInput:
    """Parses the stored input of one source. Raise ``CannotReread`` if its dictionary is no longer readable."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            settings: Any = source.parsed_settings()
            self._dictionary = dictionary_of(getattr(settings, "dictionary", ""))
        except (OSError, ValueError) as error:
            raise CannotReread(f"the settings of the source {source} are not valid: {error}") from error
        self._readers: dict[tuple[str, datetime], Reread] = {}

    def read(self, event: Event) -> tuple[AccEvent, bytes] | None:
        """Parse the input of ``event``; return event and fingerprint, or ``None`` if it is not accounting any more."""
        parsed = parsed_safely(lambda raw: self._parse(event, raw), bytes(event.raw))
        if not isinstance(parsed, AccEvent):
            return None
        normal, content = storable(parsed)
        return normal, fingerprint(normal, content)

    def _parse(self, event: Event, raw: bytes) -> Parsed:
        backend = Backend(event.backend)
        parsed = self._parse_as(_format(event, raw), raw)
        if backend is Backend.JSON and not isinstance(parsed, AccEvent):
            return self._parse_as("syslog", raw)  # a log line inside the JSON object of a container log
        if backend not in (Backend.RADIUS, Backend.DIAMETER) or not isinstance(parsed, AccEvent):
            return parsed
        if self.source.kind == Source.Kind.IMPORT and _labels(parsed) != _labels(event):
            return Rejection(raw, "this packet came from a file with attribute names, which were not stored")
        parsed_later = self._parse_as(_format(event, raw), raw, _SECOND_RECEIPT)
        if not isinstance(parsed_later, AccEvent) or parsed_later.time == parsed.time:
            return parsed
        # The input has no time of its own: keep the time of receipt.
        ended_at = parsed.ended_at and parsed.ended_at + (event.time - parsed.time)
        return parsed._replace(time=event.time, precision=event.precision, ended_at=ended_at)

    def _parse_as(self, format_name: str, raw: bytes, received_at: datetime = _FIRST_RECEIPT) -> Parsed:
        key = format_name, received_at
        if key not in self._readers:
            self._readers[key] = reader_of(format_name, reading_of(self.source.proxy, received_at), self._dictionary)
        (parsed,) = self._readers[key](raw)
        return parsed


def _format(event: Event, raw: bytes) -> str:
    """Return the format of the input of a stored event."""
    match Backend(event.backend):
        case Backend.SQL if event.kind == EventKind.MISSED:
            return f"sql:{AccTable.MISSED_CALLS}"
        case Backend.SQL:  # only in acc_cdrs a dialog's record has no response code
            return f"sql:{AccTable.ACC_CDRS if event.kind == EventKind.CDR and not event.code else AccTable.ACC}"
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


def _is_same(event: Event, parsed: AccEvent, parsed_fingerprint: bytes) -> bool:
    """Tell whether a stored event equals the parsed one: the fingerprint, and the fields that it leaves out."""
    return (
        bytes(event.fingerprint) == parsed_fingerprint
        and (event.precision, event.created_at, tuple(event.flags))
        == (parsed.precision, parsed.created_at, parsed.flags)
        and _listed(event.extra) == _listed(parsed.extra)
        and list(map(_listed, event.legs)) == list(map(_listed, parsed.legs))
    )


def _listed(pairs: Pairs | list[list[str]]) -> list[list[str]]:
    return [list(pair) for pair in pairs]


def _refuse(event: AccEvent, reason: str) -> None:
    raise OverflowError(reason)
