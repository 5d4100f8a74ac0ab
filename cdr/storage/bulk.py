"""Many rows at once, the way each database does it best: COPY on PostgreSQL, ``executemany`` on SQLite.

The two writers (``cdr.storage`` of events, ``cdr.calls`` of calls) say here what they want done to a table and
hold no SQL dialect of their own. A row is a tuple of values in the order of its ``Table``'s columns. Rows read hold
aware times, ``timedelta``, JSON *text*; rows to be written hold these as the database's ``Wire`` makes them, because a
second pass over all values would cost as much as the COPY itself. All functions work within the caller's transaction
and raise Django's database errors.
"""
# ruff: noqa: S608  # what is put into SQL here are names of tables and columns, and they come from the models

from __future__ import annotations

import gc
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import psycopg
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from cdr.storage.copying import HEADER, TRAILER, Sending, encoded

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters, in the form that Django gives a cursor."""


class Table:
    """A model's table with those of its columns that are read or written together, in the order given."""

    def __init__(self, model: type[models.Model], *names: str) -> None:
        fields: list[Any] = [model._meta.get_field(name) for name in names]
        self.name: str = model._meta.db_table
        self.columns: tuple[str, ...] = tuple(field.column for field in fields)
        self.types: tuple[str, ...] = tuple(field.get_internal_type() for field in fields)

    @property
    def listed(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def staged(self) -> str:
        """The name of a temporary table with these columns."""
        return f"{self.name}_{zlib.crc32(self.listed.encode()):08x}"


class Wire(Protocol):
    """The form in which a database takes what it has types of its own for; everything else it takes as it is."""

    def time(self, time: datetime) -> int | str:
        """Return an aware time's form."""

    def length(self, length: timedelta) -> bytes | int:
        """Return a duration's form."""

    def json(self, text: str) -> bytes | str:
        """Return JSON text's form."""

    def int4(self, number: int) -> bytes | int:
        """Return the form of a number for an ``IntegerField``; raise ``OverflowError`` where it does not fit."""


class Database(Protocol):
    """What the writers need of a database."""

    @property
    def wire(self) -> Wire: ...

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert ``rows``, taken one by one while the database works; raise ``IntegrityError`` if one is there."""

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        """Insert those of ``rows`` whose ``unique`` columns are not there yet; return their column ``returning``.

        Rows are inserted in the order of ``unique``, so that two writers of the same rows wait for each other in turn
        and never in a circle.
        """

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Write ``rows`` over those with the same first column, the primary key."""

    def delete(self, table: Table, column: str, keys: Iterable[int]) -> None:
        """Delete the rows with one of ``keys`` in ``column``."""

    def sender(self, table: Table) -> Sender | None:
        """Return what stores rows of ``table`` while the caller goes on; none where that is not to be had: on SQLite,
        or while a transaction is open, which what is stored then belongs to.
        """

    def rows(self, table: Table, column: str, keys: Iterable[int]) -> list[Row]:
        """Return the rows with one of ``keys`` in ``column``, in no order."""

    def new_ids(self, table: Table, count: int) -> list[int]:
        """Return ``count`` primary keys that nobody else will use."""

    def mark(self, keys: Iterable[int]) -> None:
        """Mark calls as pending."""

    def claim(self, count: int, start: int) -> list[int]:
        """Take the marks off up to ``count`` pending calls, ``start`` or greater, that nobody else claims; return them
        in order.
        """


def database() -> Database:
    """Return the face of the default connection's database."""
    return _Postgres() if connection.vendor == "postgresql" else _Sqlite()


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep Python's collector of cycles from going, time and again, through a batch's many small objects: there are no
    cycles among them, and looking for some makes a sixth of the work.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _PostgresWire:
    """Binary forms: a time is microseconds since 2000 in eight bytes, as bigint is; an interval three numbers; jsonb a
    version byte and text. An integer is its four bytes here, for psycopg would silently cut one that is too large.
    """

    def time(self, time: datetime) -> int:
        since = time - _POSTGRES_EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def length(self, length: timedelta) -> bytes:
        return _INTERVAL.pack(_microseconds(length), 0, 0)

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
"""How COPY is to take what ``_PostgresWire`` made, by the type of the field; text is text."""

_ROWS_AT_ONCE = 500

_MARK = (
    "INSERT INTO cdr_pending (call_key) SELECT DISTINCT unnest(%s::bigint[]) ORDER BY 1"
    " ON CONFLICT (call_key) DO UPDATE SET call_key = excluded.call_key WHERE false"
)
"""DO UPDATE locks a mark that is there already, and WHERE false leaves it at that: were it not locked, a correlator
could take it, read the events before ours are committed, and nobody would look again. In order, so that two writers of
the same calls never wait in a circle.
"""


def _wire_types(table: Table) -> list[str]:
    return [_WIRE_TYPES.get(kind, "text") for kind in table.types]


def _copy_command(target: str, table: Table) -> str:
    return f"COPY {target} ({table.listed}) FROM STDIN (FORMAT binary)"


class _Postgres:
    wire = _PostgresWire()

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        self.copy(f'"{table.name}"', table, rows)

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        key = ", ".join(f'"{name}"' for name in unique)
        with connection.cursor() as cursor, _Staged(self, cursor, table, rows) as staged:
            cursor.execute(
                f'INSERT INTO "{table.name}" ({table.listed}) SELECT {table.listed} FROM {staged} ORDER BY {key}'
                f' ON CONFLICT ({key}) DO NOTHING RETURNING "{returning}"'
            )
            return [value for (value,) in cursor.fetchall()]

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        key, *others = table.columns
        changes = ", ".join(f'"{column}" = new."{column}"' for column in others)
        with connection.cursor() as cursor, _Staged(self, cursor, table, rows) as staged:
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
        # psycopg's own cursor: binary results, and none of Django's converters.
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
        """COPY in binary form: no text needs escaping, so nothing that a proxy sends can break out of its column."""
        given, types = iter(rows), _wire_types(table)
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(_copy_command(target, table)) as copy,
        ):
            copy.write(HEADER)
            while some := list(islice(given, _ROWS_AT_ONCE)):
                copy.write(encoded(some, types))
            copy.write(TRAILER)

    def sender(self, table: Table) -> Sender | None:
        return None if connection.in_atomic_block else Sender(table)


class Sender:
    """Sends new rows of a table in a transaction of theirs."""

    def __init__(self, table: Table) -> None:
        self._command, self._types = _copy_command(f'"{table.name}"', table), _wire_types(table)

    def encoded(self, rows: Sequence[Row]) -> bytes:
        """Return rows ready for ``send``; raise ``OverflowError`` for a number that no column holds."""
        return encoded(rows, self._types)

    def send(self, chunks: Iterable[bytes], keys: Iterable[int], then: Iterable[Statement]) -> Sending:
        """Begin a transaction that inserts rows, marks ``keys`` as pending and does ``then``."""
        connection.ensure_connection()
        with connection.cursor() as cursor, connection.wrap_database_errors:
            others = [cursor.mogrify(sql, values) for sql, values in ((_MARK, [_array(keys)]), *then)]
            return Sending(connection.connection, "; ".join([self._command, *others]), chunks)


class _Staged:
    """Rows of a table in a temporary one, for as long as the ``with`` block; its name is what ``with`` gives."""

    def __init__(self, postgres: _Postgres, cursor: CursorWrapper, table: Table, rows: Sequence[Row]) -> None:
        self._postgres, self._cursor, self._table, self._rows = postgres, cursor, table, rows
        self._name = f'"pg_temp"."{table.staged}"'

    def __enter__(self) -> str:
        # Once per session, for creating one costs more than emptying it.
        self._cursor.execute(
            f'CREATE TEMPORARY TABLE IF NOT EXISTS "{self._table.staged}" ON COMMIT DELETE ROWS'
            f' AS SELECT {self._table.listed} FROM "{self._table.name}" WITH NO DATA'
        )
        self._postgres.copy(self._name, self._table, self._rows)
        return self._name

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:  # else the caller's savepoint takes the rows back
            self._cursor.execute(f"DELETE FROM {self._name}")


class _SqliteWire:
    """The forms that Django gives SQLite."""

    def time(self, time: datetime) -> str:
        return str(time.astimezone(UTC).replace(tzinfo=None))

    def length(self, length: timedelta) -> int:
        return _microseconds(length)

    def json(self, text: str) -> str:
        return text

    def int4(self, number: int) -> int:
        number.to_bytes(4, "big", signed=True)  # as narrow as on PostgreSQL
        return number


class _Sqlite:
    """There is one writer: a transaction begins with the lock on the whole database (see the settings)."""

    wire = _SqliteWire()

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        self._many(self._insertion(table), rows)

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        keys = [table.columns.index(name) for name in unique]
        listed = ", ".join(f'"{name}"' for name in unique)
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT coalesce(max(id), 0) FROM "{table.name}"')
            (last,) = cursor.fetchone()
            self._many(
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
        self._many(f'UPDATE "{table.name}" SET {changes} WHERE "{key}" = %s', ((*row[1:], row[0]) for row in rows))

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

    def _many(self, sql: str, rows: Iterable[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)  # type: ignore[arg-type]  # any iterable will do


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


def _microseconds(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds


def _array(keys: Iterable[int]) -> str:
    return "{" + ",".join(map(str, keys)) + "}"


def _json_array(keys: Iterable[int]) -> str:
    return "[" + ",".join(map(str, keys)) + "]"
