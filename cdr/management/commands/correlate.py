"""Correlate pending events."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from tqdm import tqdm

from cdr.calls.correlate import correlate_pending, mark_all, mark_overdue
from cdr.models import Pending

_STEP = 2000


class Command(BaseCommand):
    help = "Correlate until nothing is pending, and mark the calls whose STOP is overdue."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="correlate all events again")

    def handle(self, *, all: bool, **options: Any) -> None:  # noqa: A002
        if all:
            mark_all()
        mark_overdue(now=timezone.now())
        done = 0
        with tqdm(
            total=Pending.objects.count(), unit=" calls", leave=False, disable=not sys.stderr.isatty()
        ) as progress:
            while step := correlate_pending(limit=_STEP):
                done += step
                progress.update(step)
        self.stdout.write(f"correlated {done} Call-IDs; nothing is pending")
