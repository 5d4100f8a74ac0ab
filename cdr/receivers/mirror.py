"""Our own ``acc`` and ``missed_calls`` tables, which a proxy's ``db_url`` may point at, as a source of events.

Settings of such a source: ``move`` (true: rows are deleted in the transaction that stores their events; else they
stay) and ``late_seconds`` (how long a row may be committed after one with a greater id and still be found; 3600).
"""
# ruff: noqa: S608  # put into SQL here are names of our tables and of their columns (quoted), and numbers

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from cdr.events import text_of
from cdr.formats.sql_row import RowReader, Table
from cdr.ingest import Counts, reading_of, store
from cdr.models import Acc, MissedCall, Source
from cdr.receivers.row_cursor import RowCursor

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Rows per transaction."""

LATE_SECONDS = 3600
MOST_GAPS = 10_000
"""Ranges of missing ids that are looked for at once; beyond them the oldest are given up, and the log says so."""

_TABLES = {Table.ACC: Acc._meta.db_table, Table.MISSED_CALLS: MissedCall._meta.db_table}

Row = tuple[int, list[str | None]]
"""A row's id, and all its values as text, the id among them."""


def collect_mirror(source: Source) -> Counts:
    """Store the events of all rows that ``source`` has not read yet; return what became of them.

    Each batch is one transaction, which also moves the source's cursor. Rows that are committed late with a smaller id
    are found for ``late_seconds``. Columns are those that the table has at the moment. Raises ``Unparsable`` if the
    table lacks one that every such table has.
    """
    total = Counts()
    for table, name in _TABLES.items():
        while _Position(source, table, name).rows(1):
            total += _collect(source, table, name)
            source.refresh_from_db(fields=["cursor"])
    return total


def _collect(source: Source, table: Table, name: str) -> Counts:
    """Read and store one batch of rows."""
    with transaction.atomic():
        # Whoever else collects for this source waits here, and then reads on from where we ended.
        source.cursor = Source.objects.select_for_update().values_list("cursor", flat=True).get(pk=source.pk)
        position = _Position(source, table, name)
        rows = position.rows(BATCH)
        reader = RowReader(position.columns, table, reading_of(source.proxy, timezone.now()))
        counts = store(
            source,
            [reader.event_of(cells) for _, cells in rows],
            format=f"sql:{table}",
            cursor=position.moved(pk for pk, _ in rows),
            batch=len(rows) + 1,
        )
        if source.settings.get("move"):
            with connection.cursor() as cursor:
                cursor.executemany(f'DELETE FROM "{name}" WHERE id = %s', [(pk,) for pk, _ in rows])
    return counts


class _Position:
    """Where reading one table goes on."""

    def __init__(self, source: Source, table: Table, name: str) -> None:
        self._source, self._table, self._name = source, table, name
        self._at = int(time.time())
        late = int(source.settings.get("late_seconds", LATE_SECONDS))
        known = RowCursor.from_json(source.cursor.get(table, {}))
        self._cursor = known.without_older(self._at - late, MOST_GAPS)
        if len(known.gaps) > MOST_GAPS:
            logger.warning("%s: more than %d gaps in the ids of %s; the oldest are given up", source, MOST_GAPS, name)
        if self._starts_again():
            self._cursor = RowCursor()

    def moved(self, ids: Iterable[int]) -> dict[str, Any]:
        """Return the source's cursor once the rows with ``ids`` are stored."""
        return {**self._source.cursor, self._table.value: self._cursor.moved(ids, self._at).to_json()}

    @cached_property
    def columns(self) -> list[str]:
        """The columns that the table has now: an administrator may have added one."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{self._name}" LIMIT 0')
            return [column[0] for column in cursor.description]

    def rows(self, most: int) -> list[Row]:
        """Return up to ``most`` rows not read yet: first those that came late, then those with the next ids."""
        late: list[Row] = []
        if self._cursor.gaps:
            gaps = ", ".join(f"({gap.first}, {gap.last})" for gap in self._cursor.gaps)
            late = self._select(f"JOIN (VALUES {gaps}) AS gap ON row.id BETWEEN gap.column1 AND gap.column2", most)
        return late + self._select(f"WHERE row.id > {self._cursor.high}", most - len(late))

    def _select(self, condition: str, most: int) -> list[Row]:
        # As text, which is what proxies write and every database can show: no value of a column that an administrator
        # added has a type that the reader of rows does not know.
        columns = ", ".join(f'CAST(row."{column.replace(chr(34), chr(34) * 2)}" AS text)' for column in self.columns)
        with connection.cursor() as cursor, _lenient_text():
            cursor.execute(
                f'SELECT row.id, {columns} FROM "{self._name}" AS row {condition} ORDER BY row.id LIMIT {most}'
            )
            return [(pk, [None if cell is None else str(cell) for cell in cells]) for pk, *cells in cursor.fetchall()]

    def _starts_again(self) -> bool:
        """Tell whether the table was emptied and its ids count from one again (TRUNCATE … RESTART IDENTITY)."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT max(id) FROM "{self._name}"')
            (greatest,) = cursor.fetchone()
        return (
            greatest is not None
            and greatest < self._cursor.high
            and not any(gap.first <= greatest <= gap.last for gap in self._cursor.gaps)
        )


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
