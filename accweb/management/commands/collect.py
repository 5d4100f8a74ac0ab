"""Receive and correlate without the web server."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accweb import scheduler
from accweb.supervisor import stop_on_signals

_RECEIVERS = {"collect mirrors": {"task": "cdr.tasks.collect_mirrors", "schedule": 1.0}}
_PATIENCE = 5.0


class Command(BaseCommand):
    help = (
        "Collect events from the sources until SIGTERM. Without REDIS_URL it also correlates and marks overdue calls; "
        "with it, Celery workers do."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        schedule = _RECEIVERS if settings.REDIS_URL else _RECEIVERS | settings.CELERY_BEAT_SCHEDULE
        scheduler.run(schedule, stop_on_signals(), patience=_PATIENCE)
