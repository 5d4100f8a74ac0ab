"""Check whether the database answers, within a second even if it hangs, and whether its disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction

PATIENCE = 1.0
"""Seconds within which the database must accept a connection, and then answer each statement."""

LEAST_FREE = 32 << 20
"""Free bytes below which SQLite and the files in the data folder cannot be relied on."""

_probes = ThreadPoolExecutor(max_workers=2, thread_name_prefix="database probe")


def answers() -> bool:
    """Tell whether the database answers a new connection in time.

    The probe runs in a thread, because no timeout of libpq covers a server that accepts connections and then hangs.
    While probes hang, later ones wait for them and fail as well.
    """
    if connection.vendor != "postgresql":
        return True
    probe = _probes.submit(_ask, connection.get_connection_params())
    try:
        probe.result(PATIENCE)
    except (TimeoutError, psycopg.Error):
        probe.cancel()
        return False
    return True


def _ask(parameters: dict[str, Any]) -> None:
    options = {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
    with psycopg.connect(**options, autocommit=True) as probe:
        probe.execute("SELECT 1")


@contextmanager
def statements_limited() -> Iterator[None]:
    """Limit the time of each statement in the block, including its wait for locks (PostgreSQL only)."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [int(PATIENCE * 800)])
        yield


def is_disk_full() -> bool:
    """Tell whether the disk of the data folder (by default also of SQLite's file) is full."""
    return shutil.disk_usage(settings.DATA_DIR).free < LEAST_FREE
