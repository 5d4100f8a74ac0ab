"""Periodic work without a broker: a thread per entry of the schedule calls its task."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from celery import current_app
from django.db import close_old_connections, connections

logger = logging.getLogger(__name__)
LONGEST_PAUSE = 60.0
TICK = 0.1


class Job(threading.Thread):
    """Calls ``work`` every ``interval`` seconds until ``stopped``; after failures with pauses that grow to a minute.

    The thread is a daemon, so the process need not wait for it: an interrupted transaction is rolled back.
    """

    def __init__(self, name: str, work: Callable[[], object], interval: float, stopped: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._interval = interval
        self._stopped = stopped
        self._pause = 0.0

    def run(self) -> None:
        while not self._stopped.wait(self._pause):
            self._once()
        connections.close_all()

    def _once(self) -> None:
        close_old_connections()
        try:
            self._work()
        except Exception:
            self._pause = min(max(self._pause * 2, self._interval), LONGEST_PAUSE)
            logger.exception("%s failed; trying again in %.0f s", self.name, self._pause)
            connections.close_all()  # the connection may be the cause
        else:
            self._pause = self._interval


def jobs(schedule: Mapping[str, Mapping[str, Any]], stopped: threading.Event) -> list[Job]:
    """Return a job for each entry of a Celery beat schedule with intervals in seconds."""
    current_app.loader.import_default_modules()
    return [
        Job(name, current_app.tasks[entry["task"]], float(entry["schedule"]), stopped)
        for name, entry in schedule.items()
    ]


def run(schedule: Mapping[str, Mapping[str, Any]], stop: Callable[[], bool], *, patience: float) -> None:
    """Run the schedule until ``stop`` returns true; then wait up to ``patience`` seconds for running tasks."""
    stopped = threading.Event()
    running = jobs(schedule, stopped)
    for job in running:
        job.start()
    while not stop():
        time.sleep(TICK)
    stopped.set()
    deadline = time.monotonic() + patience
    for job in running:
        job.join(max(0.0, deadline - time.monotonic()))
