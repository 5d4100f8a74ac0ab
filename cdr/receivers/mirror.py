"""Read our own ``acc`` and ``missed_calls`` tables, to which a proxy's ``db_url`` may point.

Settings of such a source: ``move`` (true: rows are deleted in the transaction that stores their events) and
``late_seconds`` (how long after a row with a greater id another one may be committed and still be found; 3600).
"""
# ruff: noqa: S608  # only names of our tables, their quoted columns, and numbers are put into SQL here

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
    """Store the events of all rows of both tables that ``source`` has not read yet; return their counts.

    Raises ``Unparsable`` if a table lacks a mandatory column.
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
            value: int | None = cursor.fetchone()[0]
        return value

    def above(self, table: GrowingTable, columns: Sequence[str], high: int, most: int) -> list[Row]:
        return self._select(table, columns, f"WHERE row.id > {high}", most)

    def within(self, table: GrowingTable, columns: Sequence[str], gaps: Sequence[IdGap], most: int) -> list[Row]:
        ranges = ", ".join(f"({gap.first}, {gap.last})" for gap in gaps)
        joined = f"JOIN (VALUES {ranges}) AS gap ON row.id BETWEEN gap.column1 AND gap.column2"
        return self._select(table, columns, joined, most)

    def _select(self, table: GrowingTable, columns: Sequence[str], condition: str, most: int) -> list[Row]:
        # As text, so that additional columns of any type can be read.
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
    """Make SQLite return text that is not UTF-8 as ``text_of`` does. PostgreSQL stores only UTF-8."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    default_factory, connection.connection.text_factory = connection.connection.text_factory, text_of
    try:
        yield
    finally:
        connection.connection.text_factory = default_factory
