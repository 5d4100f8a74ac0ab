"""A consistent view of the database during a long read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Have everything that is read within be of one moment; nothing may be written over this connection meanwhile.

    PostgreSQL: a REPEATABLE READ transaction. SQLite (WAL): a deferred one, which holds no writer up and, unlike
    Django's own, takes no writer's lock. Within a transaction of the caller that one counts.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
