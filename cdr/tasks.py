"""The periodic work, by the names that Celery knows it by.

Each does what is there to be done and is harmless to run twice or at once with itself. None retries by itself: the
schedule brings the next run within a second or a minute, and what failed is still there to be done.
"""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from cdr import correlate as correlation
from cdr.models import Source
from cdr.receivers.mirror import collect_mirror

logger = logging.getLogger(__name__)


@shared_task
def correlate() -> int:
    """Make calls of all events that wait; return for how many Call-IDs."""
    return correlation.correlate_pending()


@shared_task
def mark_overdue() -> int:
    """Mark the calls whose longest plausible time has passed without a STOP; return how many."""
    return correlation.mark_overdue(now=timezone.now())


@shared_task
def collect_mirrors() -> int:
    """Take new rows from our own ``acc`` and ``missed_calls`` tables; return how many events. One source that fails
    leaves the others alone.
    """
    found = 0
    for source in Source.objects.filter(kind=Source.Kind.MIRROR, enabled=True).select_related("proxy"):
        try:
            found += collect_mirror(source).events
        except Exception:
            logger.exception("source %s could not be read; it is tried again", source)
    if found:
        _wake()
    return found


def _wake() -> None:
    """Ask for correlation at once: a courtesy, the schedule asks for it anyway."""
    try:
        correlate.delay()
    except OperationalError as error:
        logger.warning("the broker does not answer (%s); the calls have to wait for it", error)
