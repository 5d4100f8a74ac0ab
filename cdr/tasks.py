"""Celery tasks: the work in the background.

They run in Celery's workers or, without Redis, in the scheduler, which calls the same functions. A periodic task does
all work that is due, and may run twice or concurrently with itself without harm. Periodic tasks do not retry: the
schedule runs them again within a second or a minute, and failed work is still due.
"""

from __future__ import annotations

from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone

from cdr.calls import correlate as correlation
from cdr.calls import progress, volumes
from cdr.delivery import sending
from cdr.export import jobs, writing

_ROUND = 20_000
"""Call-IDs between two heartbeats."""


@shared_task
def correlate() -> int:
    """Correlate all pending events; return the number of Call-IDs."""
    done = 0
    progress.write_heartbeat()
    while step := correlation.correlate_pending(limit=_ROUND):
        done += step
        progress.write_heartbeat()
    return done


@shared_task
def mark_overdue() -> int:
    """Mark the calls that have had no STOP for longer than the longest plausible call; return how many."""
    return correlation.mark_overdue(now=timezone.now())


@shared_task
def join_volumes() -> int:
    """Merge the rows that the correlators added to the hourly volumes; return by how many rows there are fewer."""
    return volumes.join()


@shared_task
def write_exports() -> int:
    """Queue each export that is due (without Redis: write it here); return how many."""
    now = timezone.now()
    due = jobs.due(now)
    for pk in due:
        jobs.note_sent(pk, now)
        write_export.apply_async([pk], expires=jobs.SILENCE.total_seconds())
    return len(due)


@shared_task(autoretry_for=(DatabaseError,), retry_backoff=True, max_retries=1)
def write_export(pk: int) -> bool:
    """Write an export; return whether it is finished. If the worker is killed, another one starts it again."""
    return writing.write_job(pk)


@shared_task
def plan_reports() -> int:
    """Make the runs of schedules that are due, and have each be sent by a worker or, without Redis, here."""
    now = timezone.now()
    sending.plan_runs(now)
    due = sending.due_runs(now)
    for pk in due:
        send_report.apply_async([pk], expires=60)
    return len(due)


@shared_task(autoretry_for=(DatabaseError,), retry_backoff=True, max_retries=1)
def send_report(pk: int) -> bool:
    """Send a run of a schedule; return whether it was looked at. What fails is tried again later."""
    return sending.send_run(pk)


@shared_task
def forget_old_reports() -> int:
    """Delete the history of schedules that is too old; return how many runs."""
    return sending.forget_old_runs(timezone.now())


@shared_task
def expire_exports() -> int:
    """Delete the files of expired exports; return how many."""
    return jobs.expire(timezone.now())
