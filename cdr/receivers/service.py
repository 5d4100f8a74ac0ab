"""Serve sources: receive input, store it, acknowledge it.

Sources that share a listener are served by one ``Service`` in a process of its own (``serving.serve``), so that a fault
or the load of one listener does not affect others. Each ``step`` of a service takes all input that has arrived (waiting
a moment for the first), stores it in one transaction, and acknowledges it. One commit for all waiting input makes it
fast under load, and prompt without.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Protocol

from django.db import DatabaseError, InterfaceError, connection, transaction

from cdr.events import AccEvent
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models import Source
from cdr.receivers.rejection_quota import BURST, RejectionQuota
from cdr.receivers.timed_warnings import TimedWarnings
from cdr.sources.setting import Settings
from cdr.storage.complaints import complain
from cdr.storage.ingest import IngestCounts, Storing, reading_of, store

logger = logging.getLogger(__name__)

LONGEST = 0.2
"""Seconds after which a step ends although more input arrives, so that settings and reports are not delayed."""

WORTHWHILE = 64
"""How many records are at least prepared for the database together."""

TRANSIENT_ERRORS = (DatabaseError, InterfaceError, OSError)
"""Errors that may go away by themselves: the service waits a moment and retries."""


class InputSpools(Protocol):
    """Where the sources of a process keep their input while the database is down (``spooling.Spooling``)."""

    def is_away(self) -> bool: ...
    def takes(self, error: Exception) -> bool: ...
    def note_failure(self, error: Exception) -> None: ...
    def keep(self, batches: Iterable[Batch]) -> None: ...


@dataclass(slots=True)
class Served:
    """A source, its settings, the context for parsing its input, and its state.

    ``error`` keeps it from its work or a part of it; ``warning`` and the ``timed`` ones do not, and somebody should
    know. ``setup_error`` is what ``configure`` met (a dictionary that cannot be read): ``configure`` is called again
    until it is gone.
    """

    source: Source
    settings: Any
    reading: Reading
    setup_error: str = ""
    error: str = ""
    warning: str = ""
    timed: TimedWarnings = field(default_factory=TimedWarnings)
    counts: IngestCounts = field(default_factory=IngestCounts)
    refused: Counter[str] = field(default_factory=Counter)
    newest: datetime | None = None
    stored_at: datetime | None = None
    backlog: int = 0
    quota: RejectionQuota = field(default_factory=RejectionQuota)
    spooling: InputSpools | None = None
    """The spools that keep input while the database is down; ``None``: input is not spooled."""
    spool_bytes: int = 0
    spool_since: datetime | None = None
    spool_error: str = ""

    def keeps(self, parsed: Parsed) -> bool:
        """Tell whether ``parsed`` is to be stored: a rejection beyond the quota is counted and dropped."""
        if type(parsed) is not Rejection or self.quota.allows(len(parsed.raw)):
            return True
        self.refused["rejected records dropped beyond the quota"] += 1
        limit = f"{BURST >> 20} MiB an hour"
        self.timed.add("quota", f"more input cannot be parsed than the {limit} that are kept; the rest is dropped")
        complain(f"{self.source}: rejected input beyond the quota is dropped", parsed.reason)
        return False

    @property
    def warnings(self) -> str:
        return "; ".join(filter(None, (self.warning, *self.timed.current())))

    @classmethod
    def of(cls, source: Source, settings: Settings) -> Served:
        return cls(source, settings, reading_of(source.proxy, datetime.now(UTC)))


class Batch(NamedTuple):
    """Parsed records of one source, their format, and the source's cursor after them.

    ``received_at`` is their time of receipt, if that was not just now.
    """

    served: Served
    parsed: Sequence[Parsed]
    format: str
    cursor: dict[str, Any] | None = None
    received_at: datetime | None = None


class Service(ABC):
    """Serves the sources of one listener, or the single source of a file or database. Used by one thread.

    ``spools``: its input is spooled while the database is down. Files and databases keep their input by themselves.
    """

    spools: ClassVar[bool] = False

    def __init__(self) -> None:
        self.sources: Sequence[Served] = ()

    def configure(self, sources: Sequence[Served]) -> None:
        """Apply the settings of ``sources``, at the start and whenever sources or their proxies have changed.

        Raise ``LookupError`` or ``ValueError`` for invalid settings.
        """
        self.sources = sources

    @abstractmethod
    def step(self, wait: float) -> int:
        """Take the input that arrives within ``wait`` seconds, store and acknowledge it; return the number of records.

        Raise one of ``TRANSIENT_ERRORS``; the next call then continues with what was not stored.
        """

    def close(self) -> None:  # noqa: B027  # a service may have nothing to release
        """Release sockets and files; called once, after the last ``step``."""


def commit(batches: Iterable[Batch]) -> None:
    """Store the batches in one transaction, or spool them while the database is down.

    Raise ``DatabaseError`` or ``OSError`` if they could be neither stored nor spooled.
    """
    pending_batches = list(batches)
    spooling = _spooling_of(pending_batches)
    if spooling is None:
        store_batches(pending_batches)
    elif spooling.is_away():
        spooling.keep(pending_batches)
    else:
        try:
            store_batches(pending_batches)
        except (DatabaseError, InterfaceError) as error:
            _spool_after(error, spooling, pending_batches)


def _spool_after(error: Exception, spooling: InputSpools, batches: Iterable[Batch]) -> None:
    """Spool what could not be stored because the database is down; for any other ``error`` raise it."""
    if not spooling.takes(error):
        raise error
    spooling.note_failure(error)
    close_connection()
    spooling.keep(batches)


def _spooling_of(batches: Iterable[Batch]) -> InputSpools | None:
    """Return the spools of the process, which all its sources share."""
    return next((batch.served.spooling for batch in batches), None)


def store_batches(batches: Iterable[Batch]) -> None:
    """Store the batches in one transaction; raise ``DatabaseError`` if nothing was stored."""
    now = datetime.now(UTC)
    pending_batches = list(batches)
    # A single batch is one transaction by itself.
    with transaction.atomic() if len(pending_batches) > 1 else nullcontext():
        stored = [(batch, _store(batch, now)) for batch in pending_batches]
    for batch, counts in stored:
        _note_stored(batch, counts, now)


def _note_stored(batch: Batch, counts: IngestCounts, now: datetime) -> None:
    served = batch.served
    served.counts += counts
    served.stored_at = now
    served.newest = max((record.time for record in batch.parsed if type(record) is AccEvent), default=served.newest)


def _store(batch: Batch, now: datetime) -> IngestCounts:
    return store(
        batch.served.source,
        batch.parsed,
        format=batch.format,
        received_at=batch.received_at or now,
        cursor=batch.cursor,
        batch=len(batch.parsed) + 1,
    )


class Batches:
    """Groups records by source for ``commit``."""

    def __init__(self, format: str) -> None:  # noqa: A002
        self._format = format
        self._parsed: dict[int, tuple[Served, list[Parsed]]] = {}
        self.count = 0

    def add(self, served: Served, parsed: Parsed) -> None:
        self.count += 1
        self._parsed.setdefault(served.source.pk, (served, []))[1].append(parsed)

    def keep(self, sources: Iterable[Served]) -> None:
        """Drop the records of all other sources: these were deleted, so their records can never be stored."""
        source_pks = {served.source.pk for served in sources}
        for pk in self._parsed.keys() - source_pks:
            _, dropped = self._parsed.pop(pk)
            self.count -= len(dropped)

    def __iter__(self) -> Iterator[Batch]:
        for _, (served, parsed) in sorted(
            self._parsed.items()
        ):  # in a fixed order, so that two writers cannot deadlock
            yield Batch(served, parsed, self._format)


class Hold(Batches):
    """Records that one commit stores in the background: call ``start``, do something else, call ``finish``."""

    def __init__(self, format: str) -> None:  # noqa: A002
        super().__init__(format)
        self._storing = Storing()
        self._failure: Exception | None = None
        self._ready: Counter[int] = Counter()

    def keep(self, sources: Iterable[Served]) -> None:
        super().keep(sources)
        for pk in self._ready.keys() - self._parsed.keys():
            self._storing.drop(pk)
            del self._ready[pk]

    def prepare(self, least: int = WORTHWHILE) -> None:
        """Prepare the rows of sources with at least ``least`` new records; best done while the database is busy."""
        now = datetime.now(UTC)
        for pk, (served, parsed) in self._parsed.items():
            if len(parsed) >= self._ready[pk] + least:
                self._storing.add(served.source, parsed[self._ready[pk] :], now)
                self._ready[pk] = len(parsed)

    def start(self) -> None:
        """Start to store the records; after a ``DatabaseError`` nothing has changed."""
        self._failure = None
        spooling = _spooling_of(self)
        if spooling is not None and spooling.is_away():
            return
        self.prepare(1)
        try:
            self._storing.start()
        except (DatabaseError, InterfaceError) as error:
            self._fail(error)

    def done(self) -> bool:
        """Tell whether ``finish`` returns without waiting."""
        return self._failure is not None or self._storing.done()

    def wait(self, other: int) -> None:
        """Wait until the transaction has ended, or until the file descriptor ``other`` can be read."""
        try:
            self._storing.wait(other)
        except (DatabaseError, InterfaceError) as error:
            self._fail(error)

    def finish(self) -> None:
        """Wait until all records are stored, or spooled while the database is down.

        After a ``DatabaseError`` or ``OSError`` nothing is stored, and ``start`` may be called again.
        """
        if self._failure is not None:
            failure, self._failure = self._failure, None
            spooling = _spooling_of(self)
            assert spooling is not None
            _spool_after(failure, spooling, self)
            return
        counts = self._storing.finish()
        if counts is None:
            commit(self)
            return
        now = datetime.now(UTC)
        for batch in self:
            _note_stored(batch, counts[batch.served.source.pk], now)

    def _fail(self, error: Exception) -> None:
        """Leave ``error`` to ``finish`` if the records can be spooled; otherwise raise it."""
        spooling = _spooling_of(self)
        if spooling is None or not spooling.takes(error):
            raise error
        self._failure = error


def close_connection() -> None:
    """Close a database connection that may be broken; the next query opens another."""
    try:
        connection.close()
    except (DatabaseError, InterfaceError):
        logger.debug("the database connection could not be closed", exc_info=True)


Signature = Mapping[int, tuple[Any, ...]]


def signature(sources: Iterable[Source]) -> Signature:
    """Return the values whose change requires a service to be configured again."""
    return {source.pk: (source.kind, source.settings, source.proxy_id, *_proxy_signature(source)) for source in sources}


def _proxy_signature(source: Source) -> tuple[Any, ...]:
    proxy = source.proxy
    return (proxy.name, proxy.product, proxy.version, proxy.timezone, proxy.layout, proxy.addresses)
