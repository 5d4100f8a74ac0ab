"""Read tables to which proxies append rows, in our own database or another one.

Each batch is one transaction in our database that stores the events and advances the source's cursor. Rows that are
committed late with a smaller id are found as well (``cdr.receivers.row_cursor``). The columns are those that the table
has at the moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias

from django.db import transaction
from django.utils import timezone

from cdr.events import Unparsable
from cdr.formats.sql_row import CORE_COLUMNS, AccTable, RowReader
from cdr.models import Source
from cdr.receivers.row_cursor import IdGap, RowCursor
from cdr.storage.complaints import complain
from cdr.storage.ingest import IngestCounts, reading_of, store

BATCH = 5_000
"""Rows per transaction."""

MOST_GAPS = 10_000
"""Ranges of missing ids that are searched for; beyond this limit the oldest are given up, with a line in the log."""

Row: TypeAlias = tuple[int, list[str | None]]
"""A row's id, and all its values as text, including the id."""


class GrowingTable(NamedTuple):
    """A table: its kind, its name, the column of its ids, and its member of the source's cursor."""

    kind: AccTable
    name: str
    key: str
    member: str


class Database(Protocol):
    """The database of the tables. ``is_ours``: its statements belong to our own transaction."""

    is_ours: bool

    def columns(self, table: GrowingTable) -> list[str]:
        """Return the names of the columns that the table has now."""

    def greatest(self, table: GrowingTable) -> int | None:
        """Return the greatest id."""

    def above(self, table: GrowingTable, columns: Sequence[str], high: int, most: int) -> list[Row]:
        """Return the ``most`` rows that follow the id ``high``, by id."""

    def within(self, table: GrowingTable, columns: Sequence[str], gaps: Sequence[IdGap], most: int) -> list[Row]:
        """Return up to ``most`` of the rows whose ids are in ``gaps``."""

    def delete(self, table: GrowingTable, ids: Sequence[int]) -> None:
        """Delete rows."""


def collect(source: Source, database: Database, table: GrowingTable) -> IngestCounts:
    """Store the events of all rows that ``source`` has not read yet; return their counts.

    Raises ``Unparsable`` if the table lacks a mandatory column, and any error of ``database``.
    """
    total = IngestCounts()
    while (counts := collect_batch(source, database, table)).read:
        total += counts
    return total


def collect_batch(source: Source, database: Database, table: GrowingTable) -> IngestCounts:
    """Store the events of the next rows, like ``collect``, in one transaction."""
    settings = source.parsed_settings()
    if settings.move and not database.is_ours:  # type: ignore[attr-defined]
        refuse_to_move(table, database.columns(table))
    if not _Position(source, settings, database, table).rows(1):
        return IngestCounts()
    with transaction.atomic():
        # Another process that reads for this source waits here, and then continues from our end.
        source.cursor = Source.objects.select_for_update().values_list("cursor", flat=True).get(pk=source.pk)
        position = _Position(source, settings, database, table)
        rows = position.rows(BATCH)
        ids = [pk for pk, _ in rows]
        reader = RowReader(position.columns, table.kind, reading_of(source.proxy, timezone.now()))
        counts = store(
            source,
            [reader.event_of(cells) for _, cells in rows],
            format=f"sql:{table.kind}",
            cursor=position.moved(ids),
            batch=len(rows) + 1,
        )
        if position.move and database.is_ours:
            database.delete(table, ids)
    if position.move and not database.is_ours:  # after a crash the rows are read again as duplicates
        database.delete(table, ids)
    source.refresh_from_db(fields=["cursor", "last_event_at"])
    return counts


_MOVABLE: Mapping[AccTable, frozenset[str]] = {
    AccTable.ACC: frozenset(CORE_COLUMNS),
    AccTable.MISSED_CALLS: frozenset(CORE_COLUMNS),
    AccTable.ACC_CDRS: frozenset({"start_time", "end_time", "duration"}),
}
"""Columns that a table must have, under the proxies' own names, before any of its rows is deleted."""


def refuse_to_move(table: GrowingTable, columns: Iterable[str]) -> None:
    """Raise ``Unparsable`` if the table is not certainly one that a proxy writes; its rows must not be deleted."""
    missing = _MOVABLE[table.kind] - {column.lower() for column in columns}
    if missing:
        raise Unparsable(
            f"the table has no column {', '.join(sorted(missing))}, so it is not a proxy's accounting table; move=yes"
            " would delete its rows, set move=no"
        )


class _Position:
    """The position in one table from which reading continues."""

    def __init__(self, source: Source, settings: Any, database: Database, table: GrowingTable) -> None:
        self._source, self._database, self._table = source, database, table
        self.move: bool = settings.move
        self._late: int = settings.late_seconds
        self._read_at = int(time.time())
        self._cursor = self._stored_cursor()

    def _stored_cursor(self) -> RowCursor:
        if self.move and not self._database.is_ours:
            return RowCursor()  # stored rows are deleted, so all rows are unread
        cursor = RowCursor.from_json(self._source.cursor.get(self._table.member, {}))
        if len(cursor.gaps) > MOST_GAPS:
            message = f"more than {MOST_GAPS} gaps in the ids of {self._table.name}; the oldest are given up"
            complain(message, str(self._source))
        recent = cursor.without_older(self._read_at - self._late, MOST_GAPS)
        return RowCursor() if self._starts_again(recent) else recent

    def moved(self, ids: Iterable[int]) -> dict[str, Any]:
        """Return the source's cursor after the rows with ``ids`` are stored."""
        return {**self._source.cursor, self._table.member: self._cursor.moved(ids, self._read_at).to_json()}

    @cached_property
    def columns(self) -> list[str]:
        """The present columns of the table."""
        return self._database.columns(self._table)

    def rows(self, most: int) -> list[Row]:
        """Return up to ``most`` unread rows: first those that came late, then those with the next ids."""
        late: list[Row] = []
        if self._cursor.gaps:
            late = self._database.within(self._table, self.columns, self._cursor.gaps, most)
        return late + self._database.above(self._table, self.columns, self._cursor.high, most - len(late))

    def _starts_again(self, cursor: RowCursor) -> bool:
        """Tell whether the table was emptied and its ids restarted (TRUNCATE … RESTART IDENTITY)."""
        greatest = self._database.greatest(self._table)
        return (
            greatest is not None
            and greatest < cursor.high
            and not any(gap.first <= greatest <= gap.last for gap in cursor.gaps)
        )
