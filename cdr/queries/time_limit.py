"""A limit for the time that statements may take, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

_STEPS_BETWEEN_CHECKS = 20_000  # of SQLite's virtual machine; some milliseconds


class TookTooLong(Exception):
    """The database was stopped because a statement took longer than the limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop statements within that take longer than ``seconds`` each (PostgreSQL) or together (SQLite).

    Raise ``TookTooLong`` then. Nothing may be written within.
    """
    limited = _limited_on_postgresql if connection.vendor == "postgresql" else _limited_on_sqlite
    with limited(seconds):
        yield


@contextmanager
def _limited_on_postgresql(seconds: float) -> Iterator[None]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('statement_timeout')")
                (before,) = cursor.fetchone()
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds * 1000:.0f}ms"])
            yield
            with connection.cursor() as cursor:  # the transaction may be the caller's, and go on
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014":  # query_canceled
            raise TookTooLong from error
        raise


@contextmanager
def _limited_on_sqlite(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    deadline = time.monotonic() + seconds
    handle = connection.connection
    handle.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
    try:
        yield
    except OperationalError as error:
        if "interrupted" in str(error):
            raise TookTooLong from error
        raise
    finally:
        handle.set_progress_handler(None, 0)
