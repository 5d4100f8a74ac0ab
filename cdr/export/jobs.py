"""Exports that are written in the background: who asks leaves a job; ``cdr.export.writing`` writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from cdr.export.formats import FORMATS
from cdr.export.selection import conditions_of
from cdr.export.storing import Lost
from cdr.models import ExportChunk, ExportJob
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility

logger = logging.getLogger(__name__)
State = ExportJob.ExportState

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


def queue_export(
    user: User,
    call_filter: CallFilter,
    format: str,  # noqa: A002
    *,
    columns: Iterable[str] = (),
    zone: str = "UTC",
    spreadsheet_safe: bool = True,
) -> ExportJob:
    """Queue an export of the calls that ``call_filter`` selects, within its visibility."""
    visibility = call_filter.visibility
    return ExportJob.objects.create(
        user=user,
        format=format,
        conditions=conditions_of(call_filter),
        columns=list(columns),
        zone=zone,
        spreadsheet_safe=spreadsheet_safe,
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
        return bool(waiting.update(state=State.FAILED, error=CANCELLED, finished_at=timezone.now())) and clear(job)


def remove(job: ExportJob) -> None:
    """Delete a job with its file; cancelled first, so that whoever writes it does not add to what is being deleted."""
    with transaction.atomic():
        cancel(job)
        job.delete()


def due(now: datetime) -> list[int]:
    """Return the active jobs of which nothing was heard for ``SILENCE``, or never; those that wait longest first.

    They wait for a writer, or have lost it. Where one is busy for longer, its lock keeps others away.
    """
    silent = Q(heard_at=None) | Q(heard_at__lt=now - SILENCE)
    return list(ExportJob.objects.filter(silent, state__in=ACTIVE).order_by("id").values_list("id", flat=True))


def note_sent(pk: int, now: datetime) -> None:
    """Keep a job from being due until ``SILENCE`` has passed, for a writer to begin it meanwhile."""
    ExportJob.objects.filter(pk=pk, state__in=ACTIVE).update(heard_at=now)


def expire(now: datetime) -> int:
    """Delete the files whose time is over; return how many."""
    over = ExportJob.objects.filter(state=State.DONE, expires_at__lte=now)
    for job in over:
        with transaction.atomic():
            ExportJob.objects.filter(pk=job.pk).update(state=State.EXPIRED)
            clear(job)
    return len(over)


def clear(job: ExportJob) -> bool:
    """Delete what there is of a job's file."""
    ExportChunk.objects.filter(job=job).delete()
    return True
