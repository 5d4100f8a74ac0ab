"""Write and read many rows at once: with COPY on PostgreSQL, with ``executemany`` on SQLite.

The writers of events (``cdr.storage``) and calls (``cdr.calls``) use it, so that no SQL dialect is needed elsewhere.
All functions work within the caller's transaction and raise Django's database errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import connection

from cdr.storage.postgresql import CopySender, PostgresqlDatabase
from cdr.storage.sqlite import SqliteDatabase
from cdr.storage.tables import Row, Table, Wire


class EventDatabase(Protocol):
    """The operations that the writers need."""

    @property
    def wire(self) -> Wire: ...

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert ``rows``, iterating while the database works; raise ``IntegrityError`` if one exists."""

    def insert_new(self, table: Table, rows: Sequence[Row], unique: Sequence[str], returning: str) -> list[Any]:
        """Insert the rows whose ``unique`` columns are not stored yet; return their column ``returning``.

        Rows are inserted in the order of ``unique``, so that two writers of the same rows cannot deadlock.
        """

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Overwrite the rows with the same first column, the primary key."""

    def delete(self, table: Table, column: str, keys: Iterable[int]) -> None:
        """Delete the rows with one of ``keys`` in ``column``."""

    def sender(self, table: Table) -> CopySender | None:
        """Return a sender that stores rows of ``table`` in the background.

        ``None`` on SQLite, and inside a transaction, to which the rows would have to belong.
        """

    def rows(self, table: Table, column: str, keys: Iterable[int]) -> list[Row]:
        """Return the rows with one of ``keys`` in ``column``, in any order."""

    def new_ids(self, table: Table, count: int) -> list[int]:
        """Reserve ``count`` primary keys."""

    def mark(self, keys: Iterable[int]) -> None:
        """Mark calls as pending."""

    def claim(self, count: int, start: int) -> list[int]:
        """Remove the marks of up to ``count`` pending calls from ``start`` on that no other worker has claimed.

        Return their keys in order.
        """


def database_for_writes() -> EventDatabase:
    """Return the operations of the default connection's database."""
    return PostgresqlDatabase() if connection.vendor == "postgresql" else SqliteDatabase()
