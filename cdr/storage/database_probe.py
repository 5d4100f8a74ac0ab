"""Whether the database answers, found out within a second also where it hangs, and whether its disk is full."""

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
"""Seconds within which the database must answer a new connection, and then each statement."""

LEAST_FREE = 32 << 20
"""Free bytes below which SQLite, and what is kept in the data folder, cannot be relied on."""

_probes = ThreadPoolExecutor(max_workers=2, thread_name_prefix="database probe")


def answers() -> bool:
    """Tell whether a new connection is answered in time.

    The probe runs in a thread, as no time limit of libpq covers a server that accepts connections and then hangs.
    While such probes hang, those that follow wait for them, and so fail, too.
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
    own = {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
    with psycopg.connect(**own, autocommit=True) as probe:
        probe.execute("SELECT 1")


@contextmanager
def statements_limited() -> Iterator[None]:
    """Have PostgreSQL end each statement within that takes too long, waiting for a lock included."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [int(PATIENCE * 800)])
        yield


def is_disk_full() -> bool:
    """Tell whether the disk of the data folder, which holds SQLite's file by default, is full."""
    return shutil.disk_usage(settings.DATA_DIR).free < LEAST_FREE
