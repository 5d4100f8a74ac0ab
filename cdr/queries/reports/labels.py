"""The groups of a report in words: for a table on screen, and for a file."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext

from cdr.display.wording import Text
from cdr.queries.reports.definition import TIME, Report
from cdr.queries.reports.dimensions import Dimension, Key
from cdr.queries.reports.slots import LABELS, Per, Slots
from cdr.queries.reports.table import GroupRow, ReportTable
from cdr.queries.visibility import Visibility


def key_text(dimension: Dimension, key: Key, visibility: Visibility) -> str:
    """Return the value of a group as text; empty where its calls have none."""
    shown = dimension.shown(key, visibility)
    if shown is None:
        return ""
    return str((dimension.labels or {}).get(shown, shown))


def slot_text(slots: Slots, number: int) -> str:
    """Name a slot in the zone of the report: ``2026-05-31``, ``2026-05-31 14:00``, ``2026-05``, Monday, ``14:00``."""
    slot = slots.slots[number]
    if slots.per is Per.WEEKDAY:
        return str(WEEKDAYS[slot.number])
    if slots.per is Per.HOUR_OF_DAY:
        return f"{slot.number:02}:00"
    assert slot.since is not None
    assert slot.until is not None
    since, until = slot.since.astimezone(slots.zone), slot.until.astimezone(slots.zone)
    match slots.per:
        case Per.HOUR:
            return f"{since:%Y-%m-%d %H:%M}{_offset_where_ambiguous(since)}"
        case Per.MONTH:
            return f"{since:%Y-%m}"
        case Per.WEEK:
            return f"{since:%Y-%m-%d} – {_last_day(until):%Y-%m-%d}"
    return f"{since:%Y-%m-%d}"


def _last_day(until: datetime) -> datetime:
    return until - timedelta(microseconds=1) if until.time() == time.min else until


def _offset_where_ambiguous(local: datetime) -> str:
    """Return the zone's name for an hour that comes twice because the clock goes back."""
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f" {local.tzname()}" if twice else ""


def headings(report: Report) -> list[Text]:
    """Return the headings of the groups' columns: the time first."""
    return [*([LABELS[report.per]] if report.per else []), *(one.label for one in report.dimensions)]


def heading_names(report: Report) -> list[str]:
    """Return the names of the groups' columns."""
    return [*([TIME] if report.per else []), *(one.name for one in report.dimensions)]


def group_texts(table: ReportTable, row: GroupRow, visibility: Visibility) -> list[str]:
    """Return the group of a row, in the order of the headings."""
    slot = [slot_text(table.slots, row.slot)] if table.slots and row.slot is not None else []
    keys = zip(table.report.dimensions, row.keys, strict=True)
    return [*slot, *(key_text(one, key, visibility) for one, key in keys)]


def figure_value(table: ReportTable, row: GroupRow, name: str) -> Any:
    """Return a figure of a row as a file holds it: numbers, durations in seconds, rates from 0 to 1, ``None``."""
    figure = next(one for one in table.report.figures if one.name == name)
    value = figure.value(row.sums, table.total)
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    return round(value, 6) if isinstance(value, float) else value


def problem_text(table: ReportTable) -> str:
    """Say why there is no answer; empty where there is one."""
    if table.problem == "range":
        return gettext("The range has too many parts. Choose a longer time unit or a shorter range.")
    if table.problem == "too_long":
        return gettext(
            "The report took too long and was stopped. Choose a shorter range or more filters, or schedule it: "
            "scheduled reports may take longer."
        )
    return ""
