"""Many rows at once, the way each database does it best: COPY on PostgreSQL, ``executemany`` on SQLite.

The writers (``cdr.storage`` of events, ``cdr.calls`` of calls) say here what they want done to a table and hold no SQL
dialect of their own. All functions work within the caller's transaction and raise Django's database errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import connection

from cdr.storage.postgresql import CopySender, PostgresqlDatabase
from cdr.storage.sqlite import SqliteDatabase
from cdr.storage.tables import Row, Table, Wire


class EventDatabase(Protocol):
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

    def sender(self, table: Table) -> CopySender | None:
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


def database_for_writes() -> EventDatabase:
    """Return the face of the default connection's database."""
    return PostgresqlDatabase() if connection.vendor == "postgresql" else SqliteDatabase()
