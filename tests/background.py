"""Work beside the test: threads with a database connection of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

from tests.servers import PATIENCE

Result = TypeVar("Result")


def in_background(function: Callable[..., Result], *arguments: Any, **named: Any) -> Future[Result]:
    """Run ``function`` in a thread; ``.result(PATIENCE)`` waits for it and raises what it raised."""

    def run() -> Result:
        try:
            return function(*arguments, **named)
        finally:
            connection.close()

    executor = ThreadPoolExecutor(max_workers=1)
    future = executor.submit(run)
    executor.shutdown(wait=False)
    return future


def wait_until_blocked() -> None:
    """Wait until another connection to this PostgreSQL database waits for a lock."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            # Who waits for a lock holds others in its database; other tests run in other databases of the server.
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise TimeoutError("no connection waits for a lock")
