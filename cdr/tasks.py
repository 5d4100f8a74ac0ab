"""The work that nobody waits for, by the names that Celery knows it by.

Celery's workers do it, or without Redis the scheduler, which calls the same functions. The periodic tasks do what is
there to be done and are harmless to run twice or at once with themselves. None retries by itself: the schedule brings
the next run within a second or a minute, and what failed is still there to be done.
"""

from __future__ import annotations

from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone

from cdr.calls import correlate as correlation
from cdr.calls import progress, volumes
from cdr.export import jobs, writing

_ROUND = 20_000
"""Call-IDs between two signs of life."""


@shared_task
def correlate() -> int:
    """Make calls of all events that wait; return for how many Call-IDs."""
    done = 0
    progress.write_heartbeat()
    while step := correlation.correlate_pending(limit=_ROUND):
        done += step
        progress.write_heartbeat()
    return done


@shared_task
def mark_overdue() -> int:
    """Mark the calls whose longest plausible time has passed without a STOP; return how many."""
    return correlation.mark_overdue(now=timezone.now())


@shared_task
def join_volumes() -> int:
    """Join the rows that the correlators added to the hourly volumes; return how many rows fewer there are."""
    return volumes.join()


@shared_task
def write_exports() -> int:
    """Have each export that is due be written, by a worker or, without Redis, here; return how many."""
    now = timezone.now()
    due = jobs.due(now)
    for pk in due:
        jobs.note_sent(pk, now)
        write_export.apply_async([pk], expires=jobs.SILENCE.total_seconds())
    return len(due)


@shared_task(autoretry_for=(DatabaseError,), retry_backoff=True, max_retries=1)
def write_export(pk: int) -> bool:
    """Write an export; return whether it is done with. Where its worker is killed, another writes it anew."""
    return writing.write_job(pk)


@shared_task
def expire_exports() -> int:
    """Delete the files of exports whose time is over; return how many."""
    return jobs.expire(timezone.now())
