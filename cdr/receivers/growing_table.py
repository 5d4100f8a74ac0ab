"""Tables that proxies write and that are read as they grow, in our own database or in another one.

Each batch is one transaction of ours, which stores its events and moves the source's cursor. Rows that are committed
late with a smaller id are found (``cdr.receivers.row_cursor``). Columns are those that a table has at the moment.
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
"""Ranges of missing ids that are looked for at once; beyond them the oldest are given up, and the log says so."""

Row: TypeAlias = tuple[int, list[str | None]]
"""A row's id, and all its values as text, the id among them."""


class GrowingTable(NamedTuple):
    """A table: what it is, its name, the column of its ids, and the member of the source's cursor that is its own."""

    kind: AccTable
    name: str
    key: str
    member: str


class Database(Protocol):
    """Where the tables are. ``is_ours``: what is done there belongs to our own transaction."""

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
    """Store the events of all rows that ``source`` has not read yet; return what became of them.

    Raises ``Unparsable`` if the table lacks a column that every such table has, and what ``database`` raises.
    """
    total = IngestCounts()
    while (counts := collect_batch(source, database, table)).read:
        total += counts
    return total


def collect_batch(source: Source, database: Database, table: GrowingTable) -> IngestCounts:
    """Do what ``collect`` does with as many rows as one transaction takes."""
    settings = source.parsed_settings()
    if settings.move and not database.is_ours:  # type: ignore[attr-defined]
        refuse_to_move(table, database.columns(table))
    if not _Position(source, settings, database, table).rows(1):
        return IngestCounts()
    with transaction.atomic():
        # Whoever else collects for this source waits here, and then reads on from where we ended.
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
    if position.move and not database.is_ours:  # should we die before: the rows are read again, and known
        database.delete(table, ids)
    source.refresh_from_db(fields=["cursor", "last_event_at"])
    return counts


_MOVABLE: Mapping[AccTable, frozenset[str]] = {
    AccTable.ACC: frozenset(CORE_COLUMNS),
    AccTable.MISSED_CALLS: frozenset(CORE_COLUMNS),
    AccTable.ACC_CDRS: frozenset({"start_time", "end_time", "duration"}),
}
"""Columns, under the names that the proxies give them, without which no row of a table is deleted."""


def refuse_to_move(table: GrowingTable, columns: Iterable[str]) -> None:
    """Raise ``Unparsable`` if rows of the table must not be deleted: it may be any, its columns only named as if."""
    missing = _MOVABLE[table.kind] - {column.lower() for column in columns}
    if missing:
        raise Unparsable(
            f"it has no column {', '.join(sorted(missing))}, so it is no table that a proxy writes; move=yes deletes "
            "rows of such tables only, set move=no"
        )


class _Position:
    """Where reading one table goes on."""

    def __init__(self, source: Source, settings: Any, database: Database, table: GrowingTable) -> None:
        self._source, self._database, self._table = source, database, table
        self.move: bool = settings.move
        self._late: int = settings.late_seconds
        self._at = int(time.time())
        self._cursor = self._known()

    def _known(self) -> RowCursor:
        if self.move and not self._database.is_ours:
            return RowCursor()  # what is stored is deleted, so whatever is there is to be read
        known = RowCursor.from_json(self._source.cursor.get(self._table.member, {}))
        if len(known.gaps) > MOST_GAPS:
            gone = f"more than {MOST_GAPS} gaps in the ids of {self._table.name}; the oldest are given up"
            complain(gone, str(self._source))
        kept = known.without_older(self._at - self._late, MOST_GAPS)
        return RowCursor() if self._starts_again(kept) else kept

    def moved(self, ids: Iterable[int]) -> dict[str, Any]:
        """Return the source's cursor once the rows with ``ids`` are stored."""
        return {**self._source.cursor, self._table.member: self._cursor.moved(ids, self._at).to_json()}

    @cached_property
    def columns(self) -> list[str]:
        """The columns that the table has now: an administrator may have added one."""
        return self._database.columns(self._table)

    def rows(self, most: int) -> list[Row]:
        """Return up to ``most`` rows not read yet: first those that came late, then those with the next ids."""
        late: list[Row] = []
        if self._cursor.gaps:
            late = self._database.within(self._table, self.columns, self._cursor.gaps, most)
        return late + self._database.above(self._table, self.columns, self._cursor.high, most - len(late))

    def _starts_again(self, cursor: RowCursor) -> bool:
        """Tell whether the table was emptied and its ids count from one again (TRUNCATE … RESTART IDENTITY)."""
        greatest = self._database.greatest(self._table)
        return (
            greatest is not None
            and greatest < cursor.high
            and not any(gap.first <= greatest <= gap.last for gap in cursor.gaps)
        )
