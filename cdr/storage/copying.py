"""A transaction that copies rows into PostgreSQL while the caller does something else."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.string import BytesBinaryDumper

from cdr.storage.tables import Row, Statement


class Sending:
    """A transaction under way, in a thread that waits for the database: COPY of ``rows``, ``statements``, ``updates``.

    It fails unless each of ``updates`` changes one row.

    ``types`` are the column types of the binary COPY. The connection must not be in a transaction and cannot be used
    for anything else until ``finish`` has returned or raised.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        copy: str,
        types: Sequence[str],
        rows: Iterable[Row],
        statements: Sequence[Statement],
        updates: Sequence[Statement] = (),
    ) -> None:
        self._connection = connection
        self._error: Exception | None = None
        self._ended = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, args=(copy, types, rows, statements, updates), daemon=True)
        self._thread.start()

    def done(self) -> bool:
        """Tell whether ``finish`` will not have to wait."""
        return not self._thread.is_alive()

    def wait(self, other: int) -> None:
        """Wait until the transaction has ended, or until the file descriptor ``other`` can be read."""
        waiting = select.poll()
        waiting.register(self._ended, select.POLLIN)
        waiting.register(other, select.POLLIN)
        waiting.poll()
        if self._readable():
            self._thread.join()

    def finish(self) -> None:
        """Wait for the commit; raise ``psycopg.Error`` where there was none."""
        self._thread.join()
        os.close(self._ended)
        if self._error is not None:
            if self._connection.pgconn.transaction_status != TransactionStatus.IDLE:
                self._connection.close()
            raise self._error

    def _readable(self) -> bool:
        return bool(select.select([self._ended], [], [], 0)[0])

    def _run(
        self,
        copy: str,
        types: Sequence[str],
        rows: Iterable[Row],
        statements: Sequence[Statement],
        updates: Sequence[Statement],
    ) -> None:
        try:
            with self._connection.transaction():
                write_rows(self._connection, copy, types, rows)
                with self._connection.pipeline():  # which takes no COPY
                    for sql, values in statements:
                        self._connection.execute(sql.encode(), values)
                    updated = [self._connection.execute(sql.encode(), values) for sql, values in updates]
                if any(cursor.rowcount != 1 for cursor in updated):
                    raise psycopg.IntegrityError("a source or its proxy has been deleted")
        except OverflowError as error:
            self._error = psycopg.DataError(f"{error}")
        except Exception as error:
            self._error = error
        finally:
            os.eventfd_write(self._ended, 1)


def write_rows(connection: psycopg.Connection[Any], copy: str, types: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY rows in binary form: no text needs escaping, so nothing that a proxy sends can break out of its column."""
    with connection.cursor() as cursor:
        # The dumper that psycopg would choose for bytea is not compiled: 0.2 µs more per value.
        cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
        with cursor.copy(copy.encode()) as copying:
            copying.set_types(types)
            for row in rows:
                copying.write_row(row)
