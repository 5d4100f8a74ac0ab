"""Export jobs: request, cancel, download and expire exports, which ``cdr.export.writing`` writes in the background."""

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
"""Maximum number of active exports per user."""
LONGEST_CONDITIONS = 50_000
CANCELLED = _("Cancelled.")
RESTARTED = _("The worker stopped before the file was complete; the export was restarted.")
FAILED_TWICE = _("The worker stopped twice before the file was complete. Export fewer calls, or see the worker's log.")
INTERNAL_ERROR = _("The export failed because of an internal error. The worker's log has the details.")


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
    """Return the filter of a job, with the visibility that its user had when requesting it."""
    scope = None if job.scope is None else frozenset(job.scope)
    return CallFilter(QueryDict(job.conditions), Visibility(scope, not job.masked), now=job.created_at)


def has_enough(user: User) -> bool:
    """Tell whether ``user`` has the maximum number of active exports."""
    return ExportJob.objects.filter(user=user, state__in=ACTIVE)[:MOST_WAITING].count() >= MOST_WAITING


def may_download(user: User, job: ExportJob) -> bool:
    """Tell whether ``user`` may download the file.

    It must be the user's own or the user needs the permission; and it must not show more than the user may see now.
    """
    visibility = Visibility.of(user)
    within = visibility.proxies is None or (job.scope is not None and visibility.proxies.issuperset(job.scope))
    mine = job.user_id == user.pk or user.has_perm("cdr.view_exportjob")
    return mine and within and (job.masked or visibility.numbers)


def content(job: ExportJob) -> Iterator[bytes]:
    """Yield the file of a finished job; raise ``Lost`` if it is deleted meanwhile."""
    bytes_sent, position = 0, 0
    while bytes_sent < (job.size or 0):
        chunk = ExportChunk.objects.filter(job=job, position=position).values_list("data", flat=True).first()
        if chunk is None:
            raise Lost(f"the file of export {job.pk} is gone")
        yield bytes(chunk)
        bytes_sent, position = bytes_sent + len(chunk), position + 1


def file_response(job: ExportJob) -> StreamingHttpResponse:
    """Return the response that streams the file of a finished job."""
    return StreamingHttpResponse(
        content(job),
        content_type=FORMATS[job.format].media_type,
        headers={
            "Content-Length": str(job.size),
            "Content-Disposition": f'attachment; filename="calls-{job.created_at:%Y%m%d-%H%M%S}.{job.format}"',
        },
    )


def cancel(job: ExportJob) -> bool:
    """Cancel a job; return whether it was still active."""
    with transaction.atomic():
        waiting = ExportJob.objects.filter(pk=job.pk, state__in=ACTIVE)
        return bool(waiting.update(state=State.FAILED, error=CANCELLED, finished_at=timezone.now())) and clear(job)


def remove(job: ExportJob) -> None:
    """Delete a job with its file; it is cancelled first, so that its worker does not add to the file."""
    with transaction.atomic():
        cancel(job)
        job.delete()


def due(now: datetime) -> list[int]:
    """Return the active jobs without a heartbeat for ``SILENCE``, oldest first.

    They are queued, or their worker was killed. The lock of a worker that is merely slow keeps others away.
    """
    silent = Q(heard_at=None) | Q(heard_at__lt=now - SILENCE)
    return list(ExportJob.objects.filter(silent, state__in=ACTIVE).order_by("id").values_list("id", flat=True))


def note_sent(pk: int, now: datetime) -> None:
    """Note that a job was queued, so that it is not due for ``SILENCE``, in which a worker should start it."""
    ExportJob.objects.filter(pk=pk, state__in=ACTIVE).update(heard_at=now)


def expire(now: datetime) -> int:
    """Delete expired files; return how many."""
    over = ExportJob.objects.filter(state=State.DONE, expires_at__lte=now)
    for job in over:
        with transaction.atomic():
            ExportJob.objects.filter(pk=job.pk).update(state=State.EXPIRED)
            clear(job)
    return len(over)


def clear(job: ExportJob) -> bool:
    """Delete the chunks of a job's file."""
    ExportChunk.objects.filter(job=job).delete()
    return True
