"""The columns of a table file: the fields of the record, and columns derived from them.

The parts of a settlement and each extra field can have columns of their own: ``settled_reason``, ``extra.User-Agent``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from typing import Any

from cdr.export.record import FIELDS, Record

SETTLED = ("settled_ended_at", "settled_duration", "settled_reason", "settled_by", "settled_at")
EXTRA = "extra."
COLUMNS = (*FIELDS, *SETTLED)
MOMENTS = frozenset({"started_at", "answered_at", "ended_at", "updated_at", "settled_ended_at", "settled_at"})
"""Columns with a time (ISO 8601, UTC)."""
SECONDS = frozenset({"duration", "settled_duration"})
WHOLE_NUMBERS = frozenset({"id", "sip_code", "events", "revision"})
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class FileShape:
    """The form of a file: its ``columns``, the ``zone`` of its times, and metadata (pairs of name and value).

    ``spreadsheet_safe``: no cell of a CSV is a formula for a spreadsheet.
    """

    columns: Sequence[str] = COLUMNS
    zone: tzinfo = UTC
    about: Sequence[tuple[str, str]] = ()
    spreadsheet_safe: bool = True


def is_column(name: str) -> bool:
    """Tell whether a column name is valid; any label of an extra field gives one."""
    return name in COLUMNS or (name.startswith(EXTRA) and len(EXTRA) < len(name) <= LONGEST_NAME)


def row_of(columns: Iterable[str]) -> Callable[[Record], list[Any]]:
    """Return the function that gives the values of a record in ``columns``."""
    getters = [_getter(column) for column in columns]
    return lambda record: [get(record) for get in getters]


def _getter(column: str) -> Callable[[Record], Any]:
    if column in FIELDS:
        return itemgetter(column)
    if column in SETTLED:
        name = column.removeprefix("settled_")
        return lambda record: (record.get("settlement") or {}).get(name)
    label = column.removeprefix(EXTRA)
    return lambda record: record["extra"].get(label)


def local(moment: str, zone: tzinfo) -> datetime:
    """Return a time of a record in ``zone``."""
    return datetime.fromisoformat(moment).astimezone(zone)
