"""The order of the list of calls from its address, and the headings that change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.queries.columns import Column
from cdr.queries.filters import CallFilter
from cdr.queries.ordering import NEWEST_FIRST, ORDERS, Order, order_named
from cdr.views.addresses import SORT, ListAddress

ORDER_TEXTS: Mapping[str, Text] = {
    "-started_at": _("newest first"),
    "started_at": _("oldest first"),
    "-duration": _("longest first"),
    "duration": _("shortest first"),
}


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column.

    ``address`` is the list sorted by it (empty: not sortable), ``sorted`` the present order for ``aria-sort``.
    """

    column: Column
    address: str = ""
    sorted: str = ""
    action: Text = ""


def chosen_order(address: ListAddress, call_filter: CallFilter) -> tuple[Order, list[str]]:
    """Return the order in the address and no error, or newest first and the error."""
    name = address.conditions.get(SORT, "")
    order = order_named(name)
    if order is None:
        known = ", ".join(one.name for one in ORDERS)
        text = gettext("Unknown order “{name}”; use one of: {known}.")
        return NEWEST_FIRST, [text.format(name=name[:40], known=known)]
    if order.by_duration and call_filter.form.is_valid() and not call_filter.form.is_short_range():
        return NEWEST_FIRST, [gettext("Choose a time range of at most 31 days to sort by duration.")]
    return order, []


def headings(columns: Iterable[Column], order: Order, address: ListAddress) -> list[Heading]:
    """Return the headings; those of start and duration sort by it, or reverse the order if it is sorted by it."""
    return [_heading(column, order, address) for column in columns]


def _heading(column: Column, order: Order, address: ListAddress) -> Heading:
    if column.name not in ("started_at", "duration"):
        return Heading(column)
    current = order.by_duration == (column.name == "duration")
    following = order.opposite if current else next(one for one in ORDERS if one.name == f"-{column.name}")
    link = address.setting(**{SORT: None if following == NEWEST_FIRST else following.name})
    sorted_now = ("descending" if order.descending else "ascending") if current else ""
    return Heading(column, str(link), sorted_now, ORDER_TEXTS[following.name])
