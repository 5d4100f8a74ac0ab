"""Serve the accounting tables in a proxy's own database: check for new rows every second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from cdr.events import Unparsable
from cdr.formats.sql_row import AccTable
from cdr.models import Source
from cdr.models.source import reveal
from cdr.receivers import table_periods
from cdr.receivers.foreign_database import ForeignDatabase, NoTable, database
from cdr.receivers.growing_table import GrowingTable, collect_batch, refuse_to_move
from cdr.receivers.service import Served, Service
from cdr.sources.tables import DatabaseSource as Settings

INTERVAL = 1.0
"""Seconds between checks of a table without new rows."""


class DatabaseService(Service):
    """Read the tables of one source. A table that cannot be read is reported and does not affect the others."""

    def __init__(self) -> None:
        super().__init__()
        self._due = 0.0
        self._database: ForeignDatabase | None = None

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self.close()
        self._database = None
        settings: Settings = sources[0].settings
        try:
            password = reveal(settings.password).decode() if settings.password else ""
        except LookupError as error:
            sources[0].setup_error = str(error)
            return
        self._database = database(settings, password)
        self._due = 0.0

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def step(self, wait: float) -> int:
        now = time.monotonic()
        if self._database is None or now < self._due:
            time.sleep(wait if self._database is None else min(wait, self._due - now))
            return 0
        read = sum(self._collect(self._database, served) for served in self.sources)
        self._due = 0.0 if read else now + INTERVAL
        return read

    def _collect(self, database: ForeignDatabase, served: Served) -> int:
        served.source.refresh_from_db(fields=["cursor"])
        errors: list[str] = []
        read = 0
        for kind, pattern in served.settings.tables().items():
            tables = tables_of(served, AccTable(kind), pattern)
            missing: list[str] = []
            for table in tables:
                try:
                    read += self._collect_table(database, served, table)
                except NoTable as error:
                    missing.append(str(error))
                except Unparsable as error:
                    errors.append(f"table {table.name}: {error}")
            if len(missing) == len(tables):  # the table of a new period, or of the first one, may not exist yet
                errors += missing
        served.error, served.warning = "; ".join(errors), database.warning()
        return read

    def _collect_table(self, database: ForeignDatabase, served: Served, table: GrowingTable) -> int:
        counts = collect_batch(served.source, database, table)
        served.counts += counts
        if counts.read:
            served.stored_at, served.newest = datetime.now(UTC), served.source.last_event_at
        return counts.read


def rows_to_delete(source: Source) -> dict[str, int]:
    """Return how many rows each table of a source with ``move`` has now; they will be deleted once they are read.

    Raise ``LookupError``, ``OSError`` or ``Unparsable`` if that is unknown, or if no row may be deleted.
    """
    settings: Settings = source.parsed_settings()  # type: ignore[assignment]
    foreign_database = database(settings, reveal(settings.password).decode() if settings.password else "")
    try:
        served = Served.of(source, settings)
        tables = [
            table for kind, pattern in settings.tables().items() for table in tables_of(served, AccTable(kind), pattern)
        ]
        for table in tables:
            refuse_to_move(table, foreign_database.columns(table))
        return {table.name: foreign_database.count(table) for table in tables}
    finally:
        foreign_database.close()


def tables_of(served: Served, kind: AccTable, pattern: str) -> list[GrowingTable]:
    """Return the tables that match a pattern now, oldest first."""
    known_names = {member.partition(":")[2] for member in served.source.cursor if member.startswith(f"{kind}:")}
    now = datetime.now(UTC).astimezone(served.reading.zone)
    names = table_periods.names(pattern, now, known_names) if "%" in pattern else [pattern]
    key = served.reading.layout.columns.get("id", "id")
    return [GrowingTable(kind, name, key, f"{kind}:{name}") for name in names]
