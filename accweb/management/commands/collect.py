"""Receive and correlate without the web server."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accweb.runtime.collector import collect
from accweb.runtime.supervisor import stop_on_signals


class Command(BaseCommand):
    help = (
        "Collect events from the sources until SIGTERM. Without REDIS_URL it also correlates and marks overdue calls; "
        "with it, Celery workers do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="PROXY/NAME|KIND",
            help="serve only this source or this kind of sources; may be repeated",
        )

    def handle(self, *args: Any, only: list[str], **options: Any) -> None:
        collect(stop_on_signals(), only)
