"""Write and read many rows on PostgreSQL, with binary COPY."""
# ruff: noqa: S608  # only table and column names of the models are put into SQL here

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

from cdr.storage.copying import Sending, write_rows
from cdr.storage.tables import Row, Statement, Table, microseconds


class PostgresqlWire:
    """Values in PostgreSQL's binary form.

    A time is microseconds since 2000 as a bigint, an interval three numbers, jsonb a version byte and text. An integer
    is packed here into four bytes, because psycopg would silently truncate one that is too large.
    """

    def time(self, time: datetime) -> int:
        since = time - _POSTGRES_EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def length(self, length: timedelta) -> bytes:
        return _INTERVAL.pack(microseconds(length), 0, 0)

    def json(self, text: str) -> bytes:
        return b"\x01" + text.encode()

    def int4(self, number: int) -> bytes:
        return number.to_bytes(4, "big", signed=True)


_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INTERVAL = struct.Struct(">qii")  # microseconds, days, months
_WIRE_TYPES: Mapping[str, str] = {
    "BigAutoField": "int8",
    "BigIntegerField": "int8",
    "BinaryField": "bytea",
    "BooleanField": "bool",
    "DateTimeField": "int8",
    "DurationField": "bytea",
    "ForeignKey": "int8",
    "IntegerField": "bytea",
    "JSONField": "bytea",
}
"""The types of the values of ``PostgresqlWire`` in COPY, by the type of the field; any other is text."""
_MARK = (
    "INSERT INTO cdr_pending (call_key) SELECT DISTINCT unnest(%s::bigint[]) ORDER BY 1"
    " ON CONFLICT (call_key) DO UPDATE SET call_key = excluded.call_key WHERE false"
)
"""DO UPDATE locks an existing mark, and WHERE false leaves it unchanged. Without the lock a correlator could take the
mark and read the call before our events are committed, and they would never be correlated. Keys are ordered, so that
two writers of the same calls cannot deadlock.
"""


def _wire_types(table: Table) -> list[str]:
    return [_WIRE_TYPES.get(kind, "text") for kind in table.types]


def _copy_command(target: str, table: Table) -> str:
    return f"COPY {target} ({table.listed}) FROM STDIN (FORMAT binary)"


class PostgresqlDatabase:
    wire = PostgresqlWire()

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        self.copy(f'"{table.name}"', table, rows)

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        key = ", ".join(f'"{name}"' for name in unique)
        with connection.cursor() as cursor, StagedRows(self, cursor, table, rows) as staged:
            cursor.execute(
                f'INSERT INTO "{table.name}" ({table.listed}) SELECT {table.listed} FROM {staged} ORDER BY {key}'
                f' ON CONFLICT ({key}) DO NOTHING RETURNING "{returning}"'
            )
            return [value for (value,) in cursor.fetchall()]

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        key, *others = table.columns
        changes = ", ".join(f'"{column}" = new."{column}"' for column in others)
        with connection.cursor() as cursor, StagedRows(self, cursor, table, rows) as staged:
            cursor.execute(
                f'UPDATE "{table.name}" AS old SET {changes} FROM {staged} AS new WHERE old."{key}" = new."{key}"'
            )

    def delete(self, table: Table, column: str, keys: Iterable[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{table.name}" WHERE "{column}" = ANY(%s::bigint[])', [_array(keys)])

    def rows(self, table: Table, column: str, keys: Iterable[int]) -> list[Row]:
        columns = ", ".join(
            f'"{name}"::text' if kind == "JSONField" else f'"{name}"'
            for name, kind in zip(table.columns, table.types, strict=True)
        )
        connection.ensure_connection()
        # psycopg's own cursor: binary results without Django's converters.
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(
                f'SELECT {columns} FROM "{table.name}" WHERE "{column}" = ANY(%s::bigint[])'.encode(),
                [_array(keys)],
                binary=True,
            )
            return cursor.fetchall()

    def new_ids(self, table: Table, count: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table.name, count]
            )
            return [number for (number,) in cursor.fetchall()]

    def mark(self, keys: Iterable[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_MARK, [_array(keys)])

    def claim(self, count: int, start: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM cdr_pending WHERE call_key = ANY(ARRAY(SELECT call_key FROM cdr_pending"
                " WHERE call_key >= %s ORDER BY call_key LIMIT %s FOR UPDATE SKIP LOCKED)) RETURNING call_key",
                [start, count],
            )
            return sorted(key for (key,) in cursor.fetchall())

    def copy(self, target: str, table: Table, rows: Iterable[Row]) -> None:
        connection.ensure_connection()
        with connection.wrap_database_errors:
            write_rows(connection.connection, _copy_command(target, table), _wire_types(table), rows)

    def sender(self, table: Table) -> CopySender | None:
        return None if connection.in_atomic_block else CopySender(table)


class CopySender:
    """Sends new rows of a table in a transaction of its own."""

    def __init__(self, table: Table) -> None:
        self._command, self._types = _copy_command(f'"{table.name}"', table), _wire_types(table)

    def send(self, rows: Iterable[Row], keys: Iterable[int], updates: Sequence[Statement]) -> Sending:
        """Start a transaction that inserts rows, marks ``keys`` as pending and runs ``updates``, each of one row."""
        connection.ensure_connection()
        return Sending(connection.connection, self._command, self._types, rows, [(_MARK, [_array(keys)])], updates)


class StagedRows:
    """Rows staged in a temporary table for the duration of a ``with`` block, which yields the table's name."""

    def __init__(self, postgres: PostgresqlDatabase, cursor: CursorWrapper, table: Table, rows: Sequence[Row]) -> None:
        self._postgres, self._cursor, self._table, self._rows = postgres, cursor, table, rows
        self._name = f'"pg_temp"."{table.staged}"'

    def __enter__(self) -> str:
        # Once per session, because creating the table takes longer than emptying it.
        self._cursor.execute(
            f'CREATE TEMPORARY TABLE IF NOT EXISTS "{self._table.staged}" ON COMMIT DELETE ROWS'
            f' AS SELECT {self._table.listed} FROM "{self._table.name}" WITH NO DATA'
        )
        self._postgres.copy(self._name, self._table, self._rows)
        return self._name

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:  # otherwise the caller's savepoint rolls the rows back
            self._cursor.execute(f"DELETE FROM {self._name}")


def _array(keys: Iterable[int]) -> str:
    return "{" + ",".join(map(str, keys)) + "}"
