"""Exports that are written in the background: who asks leaves a job, and any worker writes it.

A job is claimed by one worker, which tells every few seconds that it is alive (``heard_at``). One that fell silent has
lost its job: another begins it again. What ``heard_at`` was last is also how a worker proves that the job is still its
own, so that one which only slept cannot disturb its successor, and one whose job was cancelled notices.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.http import QueryDict, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from cdr.export.asking import conditions_of, in_words, oldest_first
from cdr.export.columns import Shape
from cdr.export.formats import FORMATS
from cdr.export.record import FIELDS, Record, records
from cdr.export.sink import Sink
from cdr.export.snapshot import snapshot
from cdr.export.storing import Lost, Storing
from cdr.models import ExportChunk, ExportJob
from cdr.queries.filters import CallFilter
from cdr.queries.paging import capped_count
from cdr.queries.visibility import Visibility

logger = logging.getLogger(__name__)
State = ExportJob.State

SILENCE = timedelta(minutes=1)
COUNT_LIMIT = 10_000_000
ACTIVE = (State.QUEUED, State.RUNNING)
MOST_WAITING = 5
"""So many of a user's exports may be active at once."""
LONGEST_CONDITIONS = 50_000
CANCELLED = _("Cancelled.")
BEGUN_AGAIN = _("The worker stopped before the file was complete; the export was restarted.")
ENDED_TWICE = _("The worker stopped twice before the file was complete. Export fewer calls, or see the worker's log.")
OUR_FAULT = _("The export failed because of an internal error. The worker's log has the details.")


def ask(user: User, asked: CallFilter, format: str, *, columns: Iterable[str] = (), zone: str = "UTC") -> ExportJob:  # noqa: A002
    """Leave the job of writing the calls that ``asked`` finds, within its visibility."""
    visibility = asked.visibility
    return ExportJob.objects.create(
        user=user,
        format=format,
        conditions=conditions_of(asked),
        columns=list(columns),
        zone=zone,
        scope=None if visibility.proxies is None else sorted(visibility.proxies),
        masked=not visibility.numbers,
    )


def filter_of(job: ExportJob) -> CallFilter:
    """Return the filter of a job, within the visibility of who asked."""
    scope = None if job.scope is None else frozenset(job.scope)
    return CallFilter(QueryDict(job.conditions), Visibility(scope, not job.masked), now=job.created_at)


def has_enough(user: User) -> bool:
    """Tell whether so many exports of ``user`` are waiting or being written that no more may be asked for."""
    return ExportJob.objects.filter(user=user, state__in=ACTIVE)[:MOST_WAITING].count() >= MOST_WAITING


def may_have(user: User, job: ExportJob) -> bool:
    """Tell whether ``user`` may have the file: the own one, or any with the permission, and in neither case one that
    tells more than the user may see today.
    """
    visibility = Visibility.of(user)
    within = visibility.proxies is None or (job.scope is not None and visibility.proxies.issuperset(job.scope))
    mine = job.user_id == user.pk or user.has_perm("cdr.view_exportjob")
    return mine and within and (job.masked or visibility.numbers)


def content(job: ExportJob) -> Iterator[bytes]:
    """Yield the file of a finished job; raise ``Lost`` where it is deleted meanwhile."""
    sent, position = 0, 0
    while sent < (job.size or 0):
        chunk = ExportChunk.objects.filter(job=job, position=position).values_list("data", flat=True).first()
        if chunk is None:
            raise Lost(f"the file of export {job.pk} is gone")
        yield bytes(chunk)
        sent, position = sent + len(chunk), position + 1


def file_answer(job: ExportJob) -> StreamingHttpResponse:
    """Return the answer that sends the file of a finished job, piece by piece."""
    return StreamingHttpResponse(
        content(job),
        content_type=FORMATS[job.format].media_type,
        headers={
            "Content-Length": str(job.size),
            "Content-Disposition": f'attachment; filename="calls-{job.created_at:%Y%m%d-%H%M%S}.{job.format}"',
        },
    )


def cancel(job: ExportJob) -> bool:
    """Have a job not be written (any further); return whether there was still something to cancel."""
    with transaction.atomic():
        waiting = ExportJob.objects.filter(pk=job.pk, state__in=ACTIVE)
        return bool(waiting.update(state=State.FAILED, error=CANCELLED, finished_at=timezone.now())) and _clear(job)


def remove(job: ExportJob) -> None:
    """Delete a job with its file; cancelled first, so that whoever writes it does not add to what is being deleted."""
    with transaction.atomic():
        cancel(job)
        job.delete()


def write_next() -> bool:
    """Write the export that has waited longest; return whether there was one.

    After an error of the database the job stays claimed, and is begun again once that was silent for long enough.
    """
    job = _claim(timezone.now())
    if job is None:
        return False
    try:
        _write(job)
    except Lost:
        logger.info("export %d is not to be written any further", job.pk)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("export %d failed", job.pk)
        _fail(job, OUR_FAULT)
    return True


def expire(now: datetime) -> int:
    """Delete the files whose time is over; return how many."""
    over = ExportJob.objects.filter(state=State.DONE, expires_at__lte=now)
    for job in over:
        with transaction.atomic():
            ExportJob.objects.filter(pk=job.pk).update(state=State.EXPIRED)
            _clear(job)
    return len(over)


def _claim(now: datetime) -> ExportJob | None:
    """Take the job that has waited longest, unless as many as may be are being written."""
    with transaction.atomic():
        alive = ExportJob.objects.filter(state=State.RUNNING, heard_at__gte=now - SILENCE)
        if alive[: settings.EXPORTS_AT_ONCE].count() >= settings.EXPORTS_AT_ONCE:
            return None
        waiting = Q(state=State.QUEUED) | Q(state=State.RUNNING, heard_at__lt=now - SILENCE)
        job = ExportJob.objects.select_for_update(skip_locked=True).filter(waiting).order_by("id").first()
        if job is None:
            return None
        _clear(job)
        lost_before = bool(job.error)
        if job.state == State.RUNNING and not lost_before:
            job.error = BEGUN_AGAIN
        job.state, job.heard_at, job.written, job.size = State.RUNNING, now, 0, None
        job.save(update_fields=["state", "heard_at", "written", "size", "error"])
    if lost_before:
        _fail(job, ENDED_TWICE)
        return None
    return job


def _write(job: ExportJob) -> None:
    asked = filter_of(job)
    if asked.form.errors:
        _fail(job, "; ".join(f"{name}: {said}" for name, all_said in asked.form.errors.items() for said in all_said))
        return
    with Storing(job) as storing, snapshot():
        count = capped_count(asked.qs, COUNT_LIMIT)
        storing.matches = count if count <= COUNT_LIMIT else None
        found = storing.counted(records(oldest_first(asked), asked.visibility))
        write(found, asked, job.format, storing, columns=job.columns, zone=job.zone)
    now = timezone.now()
    storing.end(state=State.DONE, finished_at=now, expires_at=now + timedelta(days=settings.EXPORT_DAYS), error="")


def write(
    found: Iterable[Record],
    asked: CallFilter,
    format: str,  # noqa: A002
    sink: Sink,
    *,
    columns: Iterable[str],
    zone: str,
) -> None:
    """Write a file that says of itself what ``asked`` for it."""
    place = ZoneInfo(zone)
    with timezone.override(place):
        told = in_words(asked)
    FORMATS[format].write(found, sink, Shape(tuple(columns) or FIELDS, place, (("filter", told),)))


def _fail(job: ExportJob, why: str) -> None:
    """End a job as failed, unless it is another worker's by now."""
    with transaction.atomic():
        mine = ExportJob.objects.filter(pk=job.pk, state=State.RUNNING, heard_at=job.heard_at)
        if mine.update(state=State.FAILED, error=why, finished_at=timezone.now()):
            _clear(job)


def _clear(job: ExportJob) -> bool:
    ExportChunk.objects.filter(job=job).delete()
    return True
