"""Create the index for parts of numbers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from cdr.queries.trigrams import make_index


class Command(BaseCommand):
    help = "Create the index for parts of numbers if `migrate` could not; calls may be written meanwhile."

    def handle(self, **options: Any) -> None:
        problem = make_index(connection, while_written=True)
        if problem:
            raise CommandError(
                f"no index for parts of numbers: {problem}; install PostgreSQL's contrib package if pg_trgm is missing,"
                " or have an administrator run CREATE EXTENSION pg_trgm in this database"
            )
        self.stdout.write("the index for parts of numbers exists")
