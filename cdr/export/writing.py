"""Write exports: the worker that gets a job's lock writes it, and a killed worker is replaced.

The lock is released when its holder ends, so a worker that gets the lock of a running job takes it over. A job that
ended two workers fails.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from cdr.export.columns import FileShape
from cdr.export.formats import FORMATS
from cdr.export.jobs import ACTIVE, COUNT_LIMIT, FAILED_TWICE, INTERNAL_ERROR, RESTARTED, clear, filter_of
from cdr.export.locks import WriterLocks
from cdr.export.record import FIELDS, Record, records
from cdr.export.selection import in_words, oldest_first
from cdr.export.sink import Sink
from cdr.export.snapshot import snapshot
from cdr.export.storing import JobFile, Lost, running
from cdr.models import ExportJob
from cdr.queries.filters import CallFilter
from cdr.queries.paging import capped_count

logger = logging.getLogger(__name__)
State = ExportJob.ExportState


def write_job(pk: int) -> bool:
    """Write an export; return whether it is finished, successfully or not.

    It is not if another worker is writing it, or if the maximum number of exports is being written: it is then due
    again. Raises ``DatabaseError``; the job can then be started again.
    """
    with WriterLocks() as locks:
        if not any(locks.take(f"slot-{number}") for number in range(settings.EXPORTS_AT_ONCE)):
            ExportJob.objects.filter(pk=pk, state=State.QUEUED).update(heard_at=None)
            return False
        if not locks.take(f"job-{pk}"):
            return False
        job = _claim(pk, timezone.now())
        if job is not None:
            _write_claimed(job)
    return True


def _claim(pk: int, now: datetime) -> ExportJob | None:
    """Set a job, whose lock is held, to running; return ``None`` if there is nothing to write."""
    job = ExportJob.objects.filter(pk=pk, state__in=ACTIVE).first()
    if job is None:
        return None
    clear(job)
    lost_before = bool(job.error)
    claimed = ExportJob.objects.filter(pk=pk, state=job.state)
    if job.state == State.RUNNING:
        job.error = RESTARTED
    job.state, job.heard_at, job.written, job.size = State.RUNNING, now, 0, None
    if not claimed.update(state=job.state, heard_at=now, written=0, size=None, error=job.error):
        return None  # cancelled at this moment
    if lost_before:
        _fail(job, FAILED_TWICE)
        return None
    return job


def _write_claimed(job: ExportJob) -> None:
    try:
        _write(job)
    except Lost:
        logger.info("export %d is not to be written any further", job.pk)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("export %d failed", job.pk)
        _fail(job, INTERNAL_ERROR)


def _write(job: ExportJob) -> None:
    filters = filter_of(job)
    if filters.form.errors:
        problems = [f"{name}: {problem}" for name, problems in filters.form.errors.items() for problem in problems]
        _fail(job, "; ".join(problems))
        return
    file = JobFile(job)
    with snapshot():
        count = capped_count(filters.qs, COUNT_LIMIT)
        file.matches = count if count <= COUNT_LIMIT else None
        counted_records = file.counted(records(oldest_first(filters), filters.visibility))
        write(counted_records, filters, job.format, file, columns=job.columns, zone=job.zone, safe=job.spreadsheet_safe)
    now = timezone.now()
    file.end(state=State.DONE, finished_at=now, expires_at=now + timedelta(days=settings.EXPORT_DAYS), error="")


def write(
    calls: Iterable[Record],
    filters: CallFilter,
    format: str,  # noqa: A002
    sink: Sink,
    *,
    columns: Iterable[str],
    zone: str,
    safe: bool = True,
) -> None:
    """Write a file with the filter in its metadata. ``safe``: a CSV without formulas."""
    tzinfo = ZoneInfo(zone)
    with timezone.override(tzinfo):
        conditions = in_words(filters)
    shape = FileShape(tuple(columns) or FIELDS, tzinfo, (("filter", conditions),), safe)
    FORMATS[format].write(calls, sink, shape)


def _fail(job: ExportJob, reason: str) -> None:
    """End a job as failed, unless it was cancelled."""
    if running(job).update(state=State.FAILED, error=reason, finished_at=timezone.now()):
        clear(job)
