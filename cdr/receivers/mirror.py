"""Our own ``acc`` and ``missed_calls`` tables, which a proxy's ``db_url`` may point at, as a source of events.

Settings of such a source: ``move`` (true: rows are deleted in the transaction that stores their events; else they
stay) and ``late_seconds`` (how long a row may be committed after one with a greater id and still be found; 3600).
"""
# ruff: noqa: S608  # put into SQL here are names of our tables and of their columns (quoted), and numbers

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from cdr.events import text_of
from cdr.formats.sql_row import AccTable
from cdr.models import Acc, MissedCall, Source
from cdr.receivers.growing_table import GrowingTable, Row, collect
from cdr.receivers.row_cursor import IdGap
from cdr.storage.ingest import IngestCounts

_TABLES = tuple(
    GrowingTable(kind, model._meta.db_table, "id", kind.value)
    for kind, model in ((AccTable.ACC, Acc), (AccTable.MISSED_CALLS, MissedCall))
)


def collect_mirror(source: Source) -> IngestCounts:
    """Store the events of all rows of both tables that ``source`` has not read yet; return what became of them.

    Raises ``Unparsable`` if a table lacks a column that every such table has.
    """
    total = IngestCounts()
    for table in _TABLES:
        total += collect(source, _OWN, table)
    return total


class _OwnDatabase:
    """The tables of our own database."""

    is_ours = True

    def columns(self, table: GrowingTable) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{table.name}" LIMIT 0')
            return [column[0] for column in cursor.description]

    def greatest(self, table: GrowingTable) -> int | None:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT max(id) FROM "{table.name}"')
            found: int | None = cursor.fetchone()[0]
        return found

    def above(self, table: GrowingTable, columns: Sequence[str], high: int, most: int) -> list[Row]:
        return self._select(table, columns, f"WHERE row.id > {high}", most)

    def within(self, table: GrowingTable, columns: Sequence[str], gaps: Sequence[IdGap], most: int) -> list[Row]:
        wanted = ", ".join(f"({gap.first}, {gap.last})" for gap in gaps)
        joined = f"JOIN (VALUES {wanted}) AS gap ON row.id BETWEEN gap.column1 AND gap.column2"
        return self._select(table, columns, joined, most)

    def _select(self, table: GrowingTable, columns: Sequence[str], condition: str, most: int) -> list[Row]:
        # As text, which is what proxies write and every database can show: no value of a column that an administrator
        # added has a type that the reader of rows does not know.
        texts = ", ".join(f'CAST(row."{column.replace(chr(34), chr(34) * 2)}" AS text)' for column in columns)
        with connection.cursor() as cursor, _lenient_text():
            cursor.execute(
                f'SELECT row.id, {texts} FROM "{table.name}" AS row {condition} ORDER BY row.id LIMIT {most}'
            )
            return [(pk, [None if cell is None else str(cell) for cell in cells]) for pk, *cells in cursor.fetchall()]

    def delete(self, table: GrowingTable, ids: Sequence[int]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(f'DELETE FROM "{table.name}" WHERE id = %s', [(pk,) for pk in ids])


_OWN = _OwnDatabase()


@contextmanager
def _lenient_text() -> Iterator[None]:
    """Have SQLite give text that is no UTF-8 as ``text_of`` shows it, instead of failing; PostgreSQL holds none."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    usual, connection.connection.text_factory = connection.connection.text_factory, text_of
    try:
        yield
    finally:
        connection.connection.text_factory = usual
