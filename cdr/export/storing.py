"""A job's file on its way into the database."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cdr.export.record import Record
from cdr.models import ExportChunk, ExportJob

CHUNK = 1_048_576
BEAT = 5.0
_END = b""


class Lost(Exception):
    """The job was cancelled or deleted, or another worker has it now."""


class Storing:
    """The sink of a claimed job: stores its file by the chunk, and tells every few seconds that the writer is alive.

    A thread with a connection of its own does both: the writer's connection reads from a snapshot, and may be busy
    with one question for long. What goes wrong there is raised to the writer at its next step. ``heard_at`` of the job
    that was given follows.
    """

    def __init__(self, job: ExportJob) -> None:
        self.matches: int | None = None
        self._job = job
        self._written = 0
        self._size = 0
        self._chunks = 0
        self._buffer = bytearray()
        self._ready: queue.Queue[bytes] = queue.Queue(maxsize=2)  # the writer waits for a slow database
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"export {job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and self._buffer:
            self._ready.put(bytes(self._buffer))
        self._ready.put(_END)
        self._thread.join()
        if kind is None:
            self._check()

    def write(self, data: bytes) -> None:
        self._check()
        self._buffer += data
        while len(self._buffer) >= CHUNK:
            self._ready.put(bytes(self._buffer[:CHUNK]))
            del self._buffer[:CHUNK]

    def flush(self) -> None:
        """Keep what is not a whole chunk yet."""

    def counted(self, found: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, and tell how many there were so far."""
        for record in found:
            self._check()
            yield record
            self._written += 1

    def end(self, **fields: Any) -> None:
        """Change the job for the last time, from the writer's own thread; raise ``Lost`` where it is not its own."""
        if not self._mine().update(written=self._written, size=self._size, matches=self._written, **fields):
            raise Lost(f"export {self._job.pk}")

    def _mine(self) -> QuerySet[ExportJob]:
        job = self._job
        return ExportJob.objects.filter(pk=job.pk, state=ExportJob.State.RUNNING, heard_at=job.heard_at)

    def _check(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            while (chunk := self._next()) != _END:
                self._keep(chunk)
        except Exception as error:
            self._problem = error
            while self._ready.get() != _END:  # the writer must not wait for us
                pass
        finally:
            connections.close_all()

    def _next(self) -> bytes | None:
        """Return a chunk, or nothing but the occasion to tell that we live."""
        try:
            return self._ready.get(timeout=BEAT)
        except queue.Empty:
            return None

    def _keep(self, chunk: bytes | None) -> None:
        now = timezone.now()
        size = self._size + len(chunk or b"")
        with transaction.atomic():
            if not self._mine().update(heard_at=now, written=self._written, matches=self.matches, size=size):
                raise Lost(f"export {self._job.pk}")
            if chunk is not None:
                ExportChunk.objects.create(job=self._job, position=self._chunks, data=chunk)
                self._chunks += 1
        self._job.heard_at, self._size = now, size
