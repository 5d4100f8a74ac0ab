"""The columns of a file with rows: the fields of the record, and those that are made of it.

A settlement and each extra field may stand in a column of its own: ``settled_reason``, ``extra.User-Agent``.
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
"""Columns that hold a time (ISO 8601, UTC)."""
SECONDS = frozenset({"duration", "settled_duration"})
WHOLE_NUMBERS = frozenset({"id", "sip_code", "events", "revision"})
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class FileShape:
    """How a file is to look: its ``columns``, the ``zone`` that its times are written in, and what it says of itself
    (pairs of a word and its value, for formats that have a place for them). ``spreadsheet_safe``: no cell of a CSV is a
    formula to a spreadsheet.
    """

    columns: Sequence[str] = COLUMNS
    zone: tzinfo = UTC
    about: Sequence[tuple[str, str]] = ()
    spreadsheet_safe: bool = True


def is_column(name: str) -> bool:
    """Tell whether there may be a column of this name; there is one for every label of an extra field."""
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
