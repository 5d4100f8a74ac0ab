"""Notify Celery's workers of pending calls, without waiting for the broker.

This is only a hint: the schedule, or the scheduler without Redis, finds pending calls within seconds.
"""

from __future__ import annotations

import threading

from celery import current_app
from django.conf import settings

from cdr.storage.complaints import complain

_requested = threading.Event()
_started: list[threading.Thread] = []


def correlation() -> None:
    """Request the correlation of pending calls."""
    if not settings.REDIS_URL:
        return
    if not _started:
        thread = threading.Thread(target=_send_requests, name="wake", daemon=True)
        _started.append(thread)
        thread.start()
    _requested.set()


def _send_requests() -> None:
    while True:
        _requested.wait()
        _requested.clear()
        try:
            current_app.send_task("cdr.tasks.correlate", retry=False, expires=5)
        except Exception as error:  # no fault of the broker may stop receiving
            complain("the broker cannot be reached; correlation is delayed, receiving continues", str(error))
