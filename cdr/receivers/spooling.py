"""Spool the input of a process's sources while the database is down, one spool per source.

No file is opened while the database works. When it answers again, new input is stored immediately and the spools are
drained alongside, some records at a time: events may be stored in any order.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import Ignored, Parsed, Rejection
from cdr.receivers.service import Batch, Served, close_connection, store_batches
from cdr.receivers.spool import Spool, SpoolFull, SpoolRecord
from cdr.receivers.spool_files import mark_full, spool_path
from cdr.storage import database_probe
from proxyconf.vocabulary.layout import Backend

logger = logging.getLogger(__name__)

RETRY = 2.0
"""Seconds between checks whether the database is back, and before the next attempt to drain a spool."""

TOLD = 30.0
"""Seconds between log lines that say how much of a source waits."""

CHUNK = 1 << 20
"""Bytes of a spool that are stored per transaction, approximately."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Spooling:
    """The spools of one process, in ``folder``, each of at most ``limit`` bytes."""

    def __init__(
        self, folder: Path, limit: int, *, answers: Callable[[], bool] = database_probe.answers, retry: float = RETRY
    ) -> None:
        self._folder = folder
        self._limit = limit
        self._answers = answers
        self._retry = retry
        self._spools: dict[int, Spool] = {}
        self._is_away = False
        self._probe_at = 0.0
        self._drain_at = 0.0
        self._chunk = CHUNK
        self._tell_at: dict[int, float] = {}

    def is_away(self) -> bool:
        """Tell whether the database is down: it failed, and has not answered since."""
        if self._is_away and time.monotonic() >= self._probe_at:
            self._is_away = not self._answers()
            self._probe_at = time.monotonic() + self._retry
            if not self._is_away:
                logger.info("the database answers again")
        return self._is_away

    def takes(self, error: Exception) -> bool:
        """Tell whether to spool input after ``error``: the database failed, and the input is not the cause."""
        failed = isinstance(error, DatabaseError | InterfaceError)
        return failed and not isinstance(error, IntegrityError | DataError) and bool(self._limit)

    def note_failure(self, error: Exception) -> None:
        """Note that the database is down."""
        self._is_away = True
        self._probe_at = time.monotonic() + self._retry
        logger.error("the database is down, input is spooled in %s: %s", self._folder, " ".join(f"{error}".split()))

    def keep(self, batches: Iterable[Batch]) -> None:
        """Write the batches to disk; after an ``OSError`` (also ``SpoolFull``) nothing was written."""
        now = datetime.now(UTC)
        waiting = [batch for batch in batches if any(not isinstance(parsed, Ignored) for parsed in batch.parsed)]
        opened = [(batch.served, self._open(batch.served.source.pk), _serialized(batch, now)) for batch in waiting]
        for served, spool, data in opened:
            if not spool.has_room(len(data)):
                served.refused["times that the spool was full"] += 1
                mark_full(spool_path(self._folder, served.source.pk), is_full=True)
                raise SpoolFull(
                    f"the spool of {served.source} is full ({self._limit >> 20} MiB), nothing more is acknowledged;"
                    " bring the database back or raise ACCWEB_SPOOL_MEGABYTES"
                )
        for served, spool, data in opened:
            spool.append((now - _EPOCH) // _MICROSECOND, data)
            served.spool_bytes = spool.length
            served.spool_since = served.spool_since or _oldest(spool)
            self._tell(served)

    def _tell(self, served: Served) -> None:
        """Write to the log now and then how much waits: while the database is away no page can show it."""
        now = time.monotonic()
        if now < self._tell_at.get(served.source.pk, 0.0):
            return
        self._tell_at[served.source.pk] = now + TOLD
        logger.warning(
            "%s: %.1f MiB of %d wait in the spool, the oldest since %s",
            served.source,
            served.spool_bytes / (1 << 20),
            self._limit >> 20,
            f"{served.spool_since:%Y-%m-%dT%H:%M:%SZ}",
        )

    def drain(self, sources: Sequence[Served]) -> int:
        """Store some of the spooled records; return how many.

        Records that cannot be stored stay in the spool, and the source reports why. New input is stored all the same.
        """
        if self._is_away or time.monotonic() < self._drain_at:
            return 0
        return sum(self._drain(served) for served in sources)

    def close(self) -> None:
        while self._spools:
            self._spools.popitem()[1].close()

    def _drain(self, served: Served) -> int:
        try:
            spool = self._existing(served.source.pk)
            if spool is None:
                return 0
            records = _next_chunk(spool, self._chunk)
            batches = [_deserialized(served, record) for record in records]
            store_batches(batches)
            if records:
                spool.advance(records[-1].end)
        except (DatabaseError, InterfaceError, OSError, ValueError, TypeError, LookupError) as error:
            self._drain_at = time.monotonic() + self._retry
            self._chunk //= 8  # it may have been more than a busy database stores in time
            served.spool_error = f"the spool cannot be drained: {' '.join(f'{error}'.split())}"
            logger.error("%s: %s", served.source, served.spool_error)
            close_connection()
            return 0
        self._chunk = min(CHUNK, 2 * self._chunk + 1)
        served.spool_error = ""
        served.spool_bytes, served.spool_since = spool.length, _oldest(spool)
        mark_full(spool_path(self._folder, served.source.pk), is_full=False)
        if not spool.length:
            self._spools.pop(served.source.pk).close()
        return sum(len(batch.parsed) for batch in batches)

    def _existing(self, source: int) -> Spool | None:
        return self._open(source) if source in self._spools or spool_path(self._folder, source).exists() else None

    def _open(self, source: int) -> Spool:
        spool = self._spools.get(source)
        if spool is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = spool_path(self._folder, source)
            spool = self._spools[source] = Spool(path, self._limit)
            if spool.cut_off:
                logger.warning("%s: %d bytes of an unfinished record cut off", path, spool.cut_off)
        return spool


def _oldest(spool: Spool) -> datetime | None:
    """Return the time of receipt of the oldest spooled record."""
    first = next(spool.records(), None)
    return _EPOCH + first.time * _MICROSECOND if first else None


def _next_chunk(spool: Spool, size: int) -> list[SpoolRecord]:
    total_size = 0

    def fits(record: SpoolRecord) -> bool:
        nonlocal total_size
        total_size += len(record.data)
        return total_size - len(record.data) < size

    return list(takewhile(fits, spool.records()))


def _serialized(batch: Batch, received_at: datetime) -> bytes:
    records = [_as_json(parsed) for parsed in batch.parsed if not isinstance(parsed, Ignored)]
    content = {"format": batch.format, "received_at": received_at.isoformat(), "records": records}
    return json.dumps(content, separators=(",", ":")).encode()


def _deserialized(served: Served, record: SpoolRecord) -> Batch:
    content = json.loads(record.data)
    parsed = [_from_json(members) for members in content["records"]]
    return Batch(served, parsed, content["format"], received_at=datetime.fromisoformat(content["received_at"]))


def _as_json(parsed: AccEvent | Rejection) -> dict[str, Any]:
    members: dict[str, Any] = parsed._asdict()
    for name in ("time", "ended_at", "created_at"):
        if members.get(name) is not None:
            members[name] = members[name].isoformat()
    return {**members, "raw": b64encode(parsed.raw).decode()}


def _from_json(members: dict[str, Any]) -> Parsed:
    raw = b64decode(members["raw"])
    if "kind" not in members:
        return Rejection(raw, members["reason"])
    moments = {
        name: datetime.fromisoformat(members[name]) for name in ("time", "ended_at", "created_at") if members[name]
    }
    return AccEvent(
        **{
            **members,
            **moments,
            "kind": EventKind(members["kind"]),
            "backend": Backend(members["backend"]),
            "extra": _pairs(members["extra"]),
            "legs": tuple(_pairs(leg) for leg in members["legs"]),
            "flags": tuple(members["flags"]),
            "raw": raw,
        }
    )


def _pairs(pairs: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, value) for label, value in pairs)
