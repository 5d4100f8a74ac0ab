"""Time limits for the database: of the server for its statements, of the process for a server that hangs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

STATEMENT = 30.0
"""Seconds for one statement, including its wait for locks."""

STEP = 45.0
"""Seconds for one step of a service, which runs several statements."""


SPOOLING_STEP = 10.0
"""Seconds for one step of a service with a spool, whose senders wait for its answer."""


class DatabaseHangs(OperationalError):
    """The database accepts data but does not answer."""


@contextmanager
def statement_limit() -> Iterator[None]:
    """Limit the time of PostgreSQL's statements on every connection opened in the block."""
    connection_created.connect(_limit_statements)
    try:
        yield
    finally:
        connection_created.disconnect(_limit_statements)


def _limit_statements(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{STATEMENT:.0f}s"])


@contextmanager
def step_limit(seconds: float | None = None) -> Iterator[None]:
    """Raise ``DatabaseHangs`` in the block after ``seconds`` (``STEP`` by default); only in the main thread.

    No timeout of libpq or PostgreSQL covers a server that is stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds or STEP, 5.0)  # repeatedly, because the rollback may hang as well
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _give_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise DatabaseHangs("the database did not answer in time")
