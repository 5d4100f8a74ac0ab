"""The rows of the list of calls. A page has hundreds of cells, so they are written here rather than in a template."""

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
from cdr.views.addresses import ZONE


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call, and its row."""

    call: Call
    markup: SafeString


def call_rows(
    calls: Iterable[Call], columns: Sequence[Column], visibility: Visibility, *, usual: bool, zone: str
) -> list[CallRow]:
    """Return the rows of ``calls``, which are as ``visibility`` shows them.

    Their links hand ``zone`` on (empty: none). ``usual`` columns say what they are by their place alone; others bring
    their heading, for screens that show no head.
    """
    linked = next((column for column in columns if column.name == "started_at"), columns[0])
    in_zone = f"&{urlencode({ZONE: zone})}" if zone else ""
    before, after = reverse("cdr:call", args=[0]).split("0")
    tails = [_cell_head(column, usual=usual) for column in columns]
    opener = _opener(len(columns) + 1, in_zone)

    def row(call: Call) -> CallRow:
        page = f"{before}{call.pk}{after}"
        address = escape(f"{page}?{in_zone[1:]}" if in_zone else page)
        css = f"row-{call.state} row-superseded" if call.superseded else f"row-{call.state}"
        parts = [f'<tr class="{css}" data-call="{address}">', opener.replace("{}", page)]
        for column, head in zip(columns, tails, strict=True):
            content = column.cell(call)
            if column is linked:
                content = format_html('<a href="{}">{}</a>', mark_safe(address), content or NOTHING)  # noqa: S308
            parts.append(f"<td{head}{_condition_attribute(column.conditions(call), visibility)}>{content}</td>")
        return CallRow(call, mark_safe("".join([*parts, "</tr>"])))  # noqa: S308  # all parts are safe

    return [row(call) for call in calls]


def _opener(span: int, in_zone: str) -> str:
    """Return the first cell of a row: the button that opens it. ``{}`` stands for the address of its call."""
    label = escape(gettext("Legs, attempts and events"))
    return (
        '<td class="col-more"><button type="button" class="expander" aria-expanded="false" data-quiet'
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
