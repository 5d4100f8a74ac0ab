"""Tells Celery's workers that there is something to correlate, and never waits for the broker.

Only a hint: the schedule finds the same within seconds, and without Redis the scheduler of this machine does.
"""

from __future__ import annotations

import threading

from celery import current_app
from django.conf import settings

from cdr.storage.complaints import complain

_wanted = threading.Event()
_started: list[threading.Thread] = []


def correlation() -> None:
    """Have pending calls be correlated soon."""
    if not settings.REDIS_URL:
        return
    if not _started:
        thread = threading.Thread(target=_tell, name="wake", daemon=True)
        _started.append(thread)
        thread.start()
    _wanted.set()


def _tell() -> None:
    while True:
        _wanted.wait()
        _wanted.clear()
        try:
            current_app.send_task("cdr.tasks.correlate", retry=False, expires=5)
        except Exception as error:  # whatever is wrong with the broker, receiving goes on
            complain("the broker cannot be reached; correlation waits, receiving goes on", str(error))
