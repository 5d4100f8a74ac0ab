"""The cells of a report's table: groups that lead to their calls, figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from cdr.display.clocks import clock
from cdr.display.markup import minutes, number, party, visible
from cdr.display.reply_codes import PHRASES
from cdr.display.wording import Text
from cdr.queries.reports.definition import Figure
from cdr.queries.reports.dimensions import Dimension, Key
from cdr.queries.reports.labels import key_text, slot_text
from cdr.queries.reports.sums import Sums
from cdr.queries.reports.table import GroupRow, ReportTable
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ListAddress
from cdr.views.calls.histogram import percent

_RATES = ("asr", "ner", "share", "share_of_minutes")
_PARTIES = ("caller", "callee", "caller_prefix", "callee_prefix")


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A row of the table: its groups, where its calls are listed (``None``: no filter selects them), its figures."""

    groups: list[SafeString]
    address: ListAddress | None
    width: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class ReportHeading:
    """A heading that sorts. ``order`` is ``ascending``, ``descending`` or nothing."""

    name: str
    label: Text
    meaning: Text
    address: ListAddress
    order: str
    is_number: bool


def report_lines(
    table: ReportTable, rows: list[GroupRow], calls: ListAddress, visibility: Visibility
) -> list[ReportLine]:
    """Return the rows of the table; ``calls`` is the address of the list of all calls of the report."""
    measure = bar_measure(table)
    most = max((_size(row, measure, table.total) for row in table.rows), default=0) or 1
    return [
        ReportLine(
            list(_groups(table, row, visibility)),
            address_of(table, row, calls, visibility),
            f"{_size(row, measure, table.total) * 100 / most:.1f}%",
            [cell(figure, row.sums, table.total) for figure in table.report.figures],
        )
        for row in rows
    ]


def bar_measure(table: ReportTable) -> Figure:
    """Return the figure that bars and chart show: the one that the table is sorted by, else the first sum."""
    sums = [figure for figure in table.report.figures if figure.name not in (*_RATES, "acd")]
    by_order = [figure for figure in table.report.figures if figure.name == table.report.sort]
    minute = [figure for figure in sums if figure.name == "minutes" and "calls" not in [one.name for one in sums]]
    return [*by_order, *minute, *sums, *table.report.figures][0]


def _size(row: GroupRow, figure: Figure, total: Sums) -> float:
    return size_of(figure, row.sums, total) or 0.0


def size_of(figure: Figure, sums: Sums, total: Sums) -> float | None:
    """Return a figure as a plain number; ``None`` where it has no value."""
    value = figure.value(sums, total)
    return value.total_seconds() if isinstance(value, timedelta) else value


def values_by_slot(figure: Figure, table: ReportTable) -> Sequence[float | None]:
    """Return the values of a report by time alone, one per slot."""
    if table.slots is None:
        return []
    found = {row.slot: size_of(figure, row.sums, table.total) for row in table.rows}
    return [found.get(slot.number) for slot in table.slots.slots]


def _groups(table: ReportTable, row: GroupRow, visibility: Visibility) -> Iterator[SafeString]:
    if table.slots and row.slot is not None:
        yield visible(slot_text(table.slots, row.slot))
    for dimension, key in zip(table.report.dimensions, row.keys, strict=True):
        yield group(dimension, key, visibility)


def group(dimension: Dimension, key: Key, visibility: Visibility) -> SafeString:
    """Show the value of a group, or that its calls have none."""
    if dimension.name == "sip_code":
        if key is None:
            return format_html('<span class="muted">{}</span>', gettext("No response"))
        return format_html('{} <span class="muted">{}</span>', key, PHRASES.get(int(str(key)), ""))
    text = key_text(dimension, key, visibility)
    if key is None and dimension.labels is not None:
        return format_html('<span class="muted">{}</span>', gettext("unknown"))
    if dimension.name in _PARTIES or not text:
        return party(text)
    return visible(text[:1].upper() + text[1:] if dimension.labels else text, 80)


def address_of(table: ReportTable, row: GroupRow, calls: ListAddress, visibility: Visibility) -> ListAddress | None:
    """Return the address of the list of exactly the calls of a row; ``None`` where no filter selects them."""
    address = calls
    for dimension, key in zip(table.report.dimensions, row.keys, strict=True):
        condition = dimension.condition_for(key, visibility)
        if condition is None:
            return None
        address = address.setting(**{condition[0]: condition[1]})
    if row.slot is None or table.slots is None:
        return address
    slot = table.slots.slots[row.slot]
    if slot.since is None or slot.until is None:
        return None
    times = {name: at.isoformat().replace("+00:00", "Z") for name, at in (("since", slot.since), ("until", slot.until))}
    return address.setting(period=None, **times)


def cell(figure: Figure, sums: Sums, total: Sums) -> str:
    """Write a figure as people read it."""
    value: Any = figure.value(sums, total)
    if value is None:
        return "–"
    if isinstance(value, timedelta):
        return clock(value)
    if figure.name in _RATES:
        return percent(value)
    return minutes(value) if isinstance(value, float) else number(value)
