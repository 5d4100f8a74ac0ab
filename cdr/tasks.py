"""The periodic work, by the names that Celery knows it by.

Each does what is there to be done and is harmless to run twice or at once with itself. None retries by itself: the
schedule brings the next run within a second or a minute, and what failed is still there to be done.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cdr.calls import correlate as correlation
from cdr.calls import progress, volumes
from cdr.export import jobs as exports

_ROUND = 20_000
"""Call-IDs between two signs of life."""


@shared_task
def correlate() -> int:
    """Make calls of all events that wait; return for how many Call-IDs."""
    done = 0
    progress.sign()
    while step := correlation.correlate_pending(limit=_ROUND):
        done += step
        progress.sign()
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
def write_exports() -> bool:
    """Write the export that has waited longest; return whether there was one."""
    return exports.write_next()


@shared_task
def expire_exports() -> int:
    """Delete the files of exports whose time is over; return how many."""
    return exports.expire(timezone.now())
