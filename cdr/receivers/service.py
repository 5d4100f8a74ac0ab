"""Serve a source: take what came, store it, acknowledge it, in a process that reports its state.

Sources that share a listener are served by one ``Service``, in a process of its own (``serve``), so that a fault of one
listener, or its load, is no other's. A service does three things in each ``step``: it takes all that has come (waiting
a moment for the first), stores it in one transaction, and acknowledges it. One commit for all that waits is what makes
it fast under load and prompt without.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.db import DatabaseError, InterfaceError, connection, transaction

from cdr.events import AccEvent
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models import Source
from cdr.receivers.rejection_quota import BURST, RejectionQuota
from cdr.receivers.timed_warnings import TimedWarnings
from cdr.sources.setting import Settings
from cdr.storage.complaints import complain
from cdr.storage.ingest import IngestCounts, Storing, reading_of, store

if TYPE_CHECKING:
    from cdr.receivers.spooling import Spooling

logger = logging.getLogger(__name__)

LONGEST = 0.2
"""Seconds that a step goes on while there is always more: settings, reports and the end wait for it."""

WORTHWHILE = 64
"""How many records are made ready for the database in one go."""

PASSING = (DatabaseError, InterfaceError, OSError)
"""Faults that may pass by themselves: the service waits a moment and goes on with what it holds."""


@dataclass(slots=True)
class Served:
    """A source, its settings, what its formats need to know, and how it fares.

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
    spooling: Spooling | None = None
    """Where what comes is kept while the database is away; none: it is not."""
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
    """What came from one source: the results of reading it, in which format, and the source's cursor afterwards.

    ``received_at`` is when it came, where that was not just now.
    """

    served: Served
    parsed: Sequence[Parsed]
    format: str
    cursor: dict[str, Any] | None = None
    received_at: datetime | None = None


class Service(ABC):
    """Serves the sources of one listener (or the one source of a file or database). Used by one thread.

    ``spools``: what it takes is kept in a spool while the database is away. Files and databases wait by themselves.
    """

    spools: ClassVar[bool] = False

    def __init__(self) -> None:
        self.sources: Sequence[Served] = ()

    def configure(self, sources: Sequence[Served]) -> None:
        """Take over settings: at the beginning, and whenever the sources or their proxies were changed.

        Raise ``LookupError`` or ``ValueError`` saying what is wrong with them.
        """
        self.sources = sources

    @abstractmethod
    def step(self, wait: float) -> int:
        """Take what has come, within ``wait`` seconds; store and acknowledge it; return how many records it was.

        Raise one of ``PASSING`` for what may pass; the next call then goes on with what was not stored.
        """

    def close(self) -> None:  # noqa: B027  # a service may have nothing to let go of
        """Let go of sockets and files; called once, when ``step`` will not be called again."""


def commit(batches: Iterable[Batch]) -> None:
    """Store what came, all of it in one transaction, or keep it in the spools while the database is away.

    Raise ``DatabaseError`` or ``OSError``; then it is neither stored nor kept.
    """
    waiting = list(batches)
    spooling = _spooling_of(waiting)
    if spooling is None:
        store_batches(waiting)
    elif spooling.is_away():
        spooling.keep(waiting)
    else:
        try:
            store_batches(waiting)
        except (DatabaseError, InterfaceError) as error:
            _spool_after(error, spooling, waiting)


def _spool_after(error: Exception, spooling: Spooling, batches: Iterable[Batch]) -> None:
    """Keep in the spools what could not be stored because the database is away; else raise ``error``."""
    if not spooling.takes(error):
        raise error
    spooling.note_failure(error)
    close_connection()
    spooling.keep(batches)


def _spooling_of(batches: Iterable[Batch]) -> Spooling | None:
    """Return the spools of the process, which all of its sources share."""
    return next((batch.served.spooling for batch in batches), None)


def store_batches(batches: Iterable[Batch]) -> None:
    """Store what came, all of it in one transaction; raise ``DatabaseError`` and store nothing of it."""
    now = datetime.now(UTC)
    waiting = list(batches)
    # A single batch is one transaction by itself.
    with transaction.atomic() if len(waiting) > 1 else nullcontext():
        done = [(batch, _store(batch, now)) for batch in waiting]
    for batch, counts in done:
        _note_stored(batch, counts, now)


def _note_stored(batch: Batch, counts: IngestCounts, now: datetime) -> None:
    served = batch.served
    served.counts += counts
    served.stored_at = now
    served.newest = max((one.time for one in batch.parsed if type(one) is AccEvent), default=served.newest)


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
    """Sorts records by source on their way to ``commit``."""

    def __init__(self, format: str) -> None:  # noqa: A002
        self._format = format
        self._parsed: dict[int, tuple[Served, list[Parsed]]] = {}
        self.count = 0

    def add(self, served: Served, parsed: Parsed) -> None:
        self.count += 1
        self._parsed.setdefault(served.source.pk, (served, []))[1].append(parsed)

    def keep(self, sources: Iterable[Served]) -> None:
        """Drop what came from sources that were deleted: it could never be stored."""
        kept = {one.source.pk for one in sources}
        for pk in self._parsed.keys() - kept:
            _, lost = self._parsed.pop(pk)
            self.count -= len(lost)

    def __iter__(self) -> Iterator[Batch]:
        for _, (served, parsed) in sorted(self._parsed.items()):  # in one order: two writers never wait in a circle
            yield Batch(served, parsed, self._format)


class Hold(Batches):
    """Records that are stored by one commit while the next are taken: ``start``, something else, ``finish``."""

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
        """Make ready what was added since, ``least`` records or more, which is best done while the database is busy."""
        now = datetime.now(UTC)
        for pk, (served, parsed) in self._parsed.items():
            if len(parsed) >= self._ready[pk] + least:
                self._storing.add(served.source, parsed[self._ready[pk] :], now)
                self._ready[pk] = len(parsed)

    def start(self) -> None:
        """Begin to store what was added; raise ``DatabaseError``, and then all is as before."""
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
        """Tell whether ``finish`` need not wait for what was started."""
        return self._failure is not None or self._storing.done()

    def wait(self, other: int) -> None:
        """Wait until it is worth asking ``done`` again, or until the file descriptor ``other`` can be read."""
        try:
            self._storing.wait(other)
        except (DatabaseError, InterfaceError) as error:
            self._fail(error)

    def finish(self) -> None:
        """Wait until all is stored, or kept in the spools while the database is away.

        Raise ``DatabaseError`` or ``OSError``, and then nothing is and ``start`` may be tried again.
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
        """Leave to ``finish`` what the spools can take; else raise ``error``."""
        spooling = _spooling_of(self)
        if spooling is None or not spooling.takes(error):
            raise error
        self._failure = error


def close_connection() -> None:
    """Give up a database connection that may be the fault; the next query opens another."""
    try:
        connection.close()
    except (DatabaseError, InterfaceError):
        logger.debug("the database connection could not be closed", exc_info=True)


Signature = Mapping[int, tuple[Any, ...]]


def signature(sources: Iterable[Source]) -> Signature:
    """Return what, when it changes, makes a service be configured anew."""
    return {one.pk: (one.kind, one.settings, one.proxy_id, *_proxy_signature(one)) for one in sources}


def _proxy_signature(source: Source) -> tuple[Any, ...]:
    proxy = source.proxy
    return (proxy.name, proxy.product, proxy.version, proxy.timezone, proxy.layout, proxy.addresses)
