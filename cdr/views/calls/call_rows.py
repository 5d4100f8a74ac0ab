"""The rows of the list of calls. A page has hundreds of cells, so they are rendered here rather than in a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from cdr.display.markup import NOTHING, icon
from cdr.models import Call
from cdr.queries.columns import CellCondition, Column
from cdr.queries.conditions_form import about_numbers
from cdr.queries.visibility import MASK, Visibility
from cdr.views.addresses import LIST, LIVE, WORD, ZONE, ListAddress

_LONGEST_QUERY = 600
"""Longer conditions are not repeated in the links of all rows."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call and its rendered row."""

    call: Call
    markup: SafeString


def call_rows(
    calls: Iterable[Call], columns: Sequence[Column], visibility: Visibility, *, usual: bool, address: ListAddress
) -> list[CallRow]:
    """Return the rows of ``calls``, which are as ``visibility`` shows them.

    Their links hand on the zone of the list at ``address``, and its conditions for those who go from call to call.
    ``usual`` columns say what they are by their place alone; others bring
    their heading, for screens that show no head.
    """
    linked = next((column for column in columns if column.name == "started_at"), columns[0])
    zone = address.conditions.get(ZONE, "")
    in_zone = f"&{urlencode({ZONE: zone})}" if zone else ""
    query = address.setting(**{LIVE: None, WORD: None}).query
    from_list = in_zone + (f"&{urlencode({LIST: query})}" if 0 < len(query) <= _LONGEST_QUERY else "")
    before, after = reverse("cdr:call", args=[0]).split("0")
    tails = [_cell_head(column, usual=usual) for column in columns]
    opener = _opener(len(columns) + 1, in_zone)

    def row(call: Call) -> CallRow:
        page = f"{before}{call.pk}{after}"
        opens = escape(f"{page}?{from_list[1:]}" if from_list else page)
        css = f"row-{call.state} row-superseded" if call.superseded else f"row-{call.state}"
        parts = [f'<tr class="{css}" data-call="{opens}">', opener.replace("{}", page).replace("{pk}", str(call.pk))]
        for column, head in zip(columns, tails, strict=True):
            content = column.cell(call)
            if column is linked:
                content = format_html('<a href="{}">{}</a>', mark_safe(opens), content or NOTHING)  # noqa: S308
            parts.append(f"<td{head}{_condition_attribute(column.conditions(call), visibility)}>{content}</td>")
        return CallRow(call, mark_safe("".join([*parts, "</tr>"])))  # noqa: S308  # all parts are safe

    return [row(call) for call in calls]


def _opener(span: int, in_zone: str) -> str:
    """Return the first cell of a row: its checkbox, and the button that opens it. ``{pk}`` stands for the call,
    ``{}`` for the address of that.
    """
    label, select = escape(gettext("Legs, attempts and events")), escape(gettext("Select call"))
    return (
        f'<td class="col-more"><input type="checkbox" form="selection" name="id" value="{{pk}}" aria-label="{select}">'
        '<button type="button" class="expander" aria-expanded="false" data-quiet'
        f' aria-label="{label}"'
        f' hx-get="{{}}inside/?span={span}{escape(in_zone)}" hx-trigger="expand" hx-target="closest tr"'
        f' hx-swap="afterend">{icon("chevron_right")}</button></td>'
    )


def _cell_head(column: Column, *, usual: bool) -> str:
    heading = "" if usual else f' data-heading="{escape(column.heading)}"'
    return f' class="{column.css}"{heading}'


def _condition_attribute(conditions: list[CellCondition], visibility: Visibility) -> str:
    """Return the attribute with the conditions that a cell offers, without those on masked values."""
    parameters = [
        f"{quote(name)}={quote(value)}"
        for name, value in conditions
        if visibility.numbers or not (about_numbers(name) or MASK in value)
    ]
    return f' data-picks="{escape("&".join(parameters))}"' if parameters else ""
