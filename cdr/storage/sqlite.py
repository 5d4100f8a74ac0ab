"""Write and read many rows on SQLite, with ``executemany``."""
# ruff: noqa: S608  # only table and column names of the models are put into SQL here

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from cdr.storage.tables import Row, Table, microseconds


class SqliteWire:
    """Values in the form that Django uses for SQLite."""

    def time(self, time: datetime) -> str:
        return str(time.astimezone(UTC).replace(tzinfo=None))

    def length(self, length: timedelta) -> int:
        return microseconds(length)

    def json(self, text: str) -> str:
        return text

    def int4(self, number: int) -> int:
        number.to_bytes(4, "big", signed=True)  # the same range as on PostgreSQL
        return number


class SqliteDatabase:
    """The operations on SQLite. A transaction starts by locking the whole database (see the settings)."""

    wire = SqliteWire()

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        self._execute_many(self._insertion(table), rows)

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        keys = [table.columns.index(name) for name in unique]
        listed = ", ".join(f'"{name}"' for name in unique)
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT coalesce(max(id), 0) FROM "{table.name}"')
            (last,) = cursor.fetchone()
            self._execute_many(
                f"{self._insertion(table)} ON CONFLICT ({listed}) DO NOTHING",
                sorted(rows, key=lambda row: tuple(row[key] for key in keys)),
            )
            cursor.execute(f'SELECT "{returning}" FROM "{table.name}" WHERE id > %s', [last])
            return [value for (value,) in cursor.fetchall()]

    def sender(self, table: Table) -> None:
        return None

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        key, *others = table.columns
        changes = ", ".join(f'"{column}" = %s' for column in others)
        self._execute_many(
            f'UPDATE "{table.name}" SET {changes} WHERE "{key}" = %s', ((*row[1:], row[0]) for row in rows)
        )

    def delete(self, table: Table, column: str, keys: Iterable[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f'DELETE FROM "{table.name}" WHERE "{column}" IN (SELECT value FROM json_each(%s))', [_json_array(keys)]
            )

    def rows(self, table: Table, column: str, keys: Iterable[int]) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT {table.listed} FROM "{table.name}" WHERE "{column}" IN (SELECT value FROM json_each(%s))',
                [_json_array(keys)],
            )
            return [_from_sqlite(table, row) for row in cursor.fetchall()]

    def new_ids(self, table: Table, count: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table.name])
            (last,) = cursor.fetchone()
            return list(range(last + 1, last + 1 + count))

    def mark(self, keys: Iterable[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO cdr_pending (call_key) SELECT value FROM json_each(%s) WHERE true ON CONFLICT DO NOTHING",
                [_json_array(keys)],
            )

    def claim(self, count: int, start: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM cdr_pending WHERE call_key IN (SELECT call_key FROM cdr_pending WHERE call_key >= %s"
                " ORDER BY call_key LIMIT %s) RETURNING call_key",
                [start, count],
            )
            return sorted(key for (key,) in cursor.fetchall())

    def _insertion(self, table: Table) -> str:
        return f'INSERT INTO "{table.name}" ({table.listed}) VALUES ({", ".join(["%s"] * len(table.columns))})'

    def _execute_many(self, statement: str, rows: Iterable[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)  # type: ignore[arg-type]  # any iterable will do


_FROM_SQLITE: Mapping[str, Callable[[Any], Any]] = {
    "BinaryField": bytes,
    "DateTimeField": lambda time: time.replace(tzinfo=UTC),
    "DurationField": lambda length: timedelta(microseconds=length),
}


def _from_sqlite(table: Table, row: Row) -> Row:
    return tuple(
        value if value is None or kind not in _FROM_SQLITE else _FROM_SQLITE[kind](value)
        for kind, value in zip(table.types, row, strict=True)
    )


def _json_array(keys: Iterable[int]) -> str:
    return "[" + ",".join(map(str, keys)) + "]"
