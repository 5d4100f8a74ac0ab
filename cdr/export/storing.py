"""Stores the file of a job in the database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cdr.export.locks import ALIAS
from cdr.export.record import Record
from cdr.models import ExportChunk, ExportJob

CHUNK = 1_048_576
PROGRESS_INTERVAL = 2.0  # seconds between two reports of progress


class Lost(Exception):
    """The job was cancelled or deleted."""


class JobFile:
    """The sink of a running job: stores the file in chunks, and its progress.

    It writes over the connection ``ALIAS``, for the default one reads from a snapshot. The writer must hold the job's
    lock. Raises ``Lost`` where the job is not to be written any more, and stores nothing then.
    """

    def __init__(self, job: ExportJob) -> None:
        self.matches: int | None = None
        self._job = job
        self._written = 0
        self._size = 0
        self._chunks = 0
        self._buffer = bytearray()
        self._report_at = 0.0
        self._failed = False

    def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= CHUNK:
            self._store(bytes(self._buffer[:CHUNK]))
            del self._buffer[:CHUNK]

    def flush(self) -> None:
        """Keep the rest that does not fill a chunk."""

    def counted(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, and store their number so far every few seconds."""
        for record in records:
            if time.monotonic() >= self._report_at:
                self._update(written=self._written, matches=self.matches)
            yield record
            self._written += 1

    def end(self, **fields: Any) -> None:
        """Store the rest of the file, and update the job for the last time."""
        if self._buffer:
            self._store(bytes(self._buffer))
        self._update(written=self._written, size=self._size, matches=self._written, **fields)

    def _store(self, chunk: bytes) -> None:
        size = self._size + len(chunk)
        with transaction.atomic(using=ALIAS):
            self._update(written=self._written, matches=self.matches, size=size)
            ExportChunk.objects.using(ALIAS).create(job_id=self._job.pk, position=self._chunks, data=chunk)
        self._chunks, self._size = self._chunks + 1, size

    def _update(self, **fields: Any) -> None:
        if self._failed:  # the lock may be lost with the connection; a format that closes its file must not go on
            raise Lost(f"export {self._job.pk}")
        self._failed = True
        if not running(self._job).update(heard_at=timezone.now(), **fields):
            raise Lost(f"export {self._job.pk}")
        self._failed = False
        self._report_at = time.monotonic() + PROGRESS_INTERVAL


def running(job: ExportJob) -> QuerySet[ExportJob]:
    """Return the row of a job that is being written, for its writer to change; none if the job was cancelled."""
    return ExportJob.objects.using(ALIAS).filter(pk=job.pk, state=ExportJob.ExportState.RUNNING)
