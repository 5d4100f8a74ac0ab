"""Locks of the worker that writes an export, released whenever its process ends.

On PostgreSQL they are advisory locks of a session, on SQLite locked files in the data folder. A worker that gets the
lock of an export knows that no other process is writing it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from django.conf import settings
from django.db import connection, connections

ALIAS = "export"
"""The connection that holds the locks; it commits independently of the snapshot that is being read."""
_NAMESPACE = 0x6163636  # of our advisory locks in the database
_SECONDS_TO_NOTICE = 30  # until a dead host is noticed; PostgreSQL's default is two hours


class WriterLocks:
    """Locks by name, held until the ``with`` block ends, and the connection ``ALIAS`` for as long."""

    def __init__(self) -> None:
        self._files: list[IO[str]] = []

    def __enter__(self) -> Self:
        connections[ALIAS] = connection.copy(alias=ALIAS)
        if connection.vendor == "postgresql":
            with connections[ALIAS].cursor() as cursor:
                cursor.execute(f"SET tcp_keepalives_idle = {_SECONDS_TO_NOTICE}")
                cursor.execute("SET tcp_keepalives_interval = 10")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        connections[ALIAS].close()
        del connections[ALIAS]
        for file in self._files:
            Path(file.name).unlink()
            file.close()

    def take(self, name: str) -> bool:
        """Try to take a lock without waiting; return whether that succeeded."""
        return self._take_in_database(name) if connection.vendor == "postgresql" else self._take_file(name)

    def _take_in_database(self, name: str) -> bool:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_NAMESPACE, name])
            (taken,) = cursor.fetchone()
        return bool(taken)

    def _take_file(self, name: str) -> bool:
        path = Path(settings.DATA_DIR) / f"export-{name}.lock"
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = os.path.samestat(os.fstat(file.fileno()), path.stat())  # otherwise its holder has just removed it
        except (BlockingIOError, FileNotFoundError):
            taken = False
        if taken:
            self._files.append(file)
        else:
            file.close()
        return taken
