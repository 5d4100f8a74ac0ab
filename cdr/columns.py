"""What one may see of a call in a list: the columns, their order, and what stands in each cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdr import markup as shown
from cdr.events import SECOND
from cdr.models import Call
from cdr.wording import Text


class Column(NamedTuple):
    """A column: its name (also the CSS class of its cells), its heading, and the markup of a call's cell."""

    name: str
    heading: Text
    cell: Callable[[Call], SafeString]


def _started(call: Call) -> SafeString:
    """The time to the second, as link to the call's page, which has the fraction."""
    return format_html(
        '<a href="{}">{}</a>', reverse("cdr:call", args=[call.pk]), shown.moment(call.started_at, SECOND)
    )


def _seen_by(call: Call) -> SafeString:
    return format_html(
        '<span class="proxies">{}</span> <span class="muted">{}</span>',
        shown.visible(", ".join(call.proxies), 64),
        ", ".join(call.backends),
    )


COLUMNS: tuple[Column, ...] = (
    Column("started", _("Started"), _started),
    Column("who", _("From → to"), shown.parties),
    Column("state", _("State"), shown.state_of),
    Column("length", _("Duration"), shown.duration),
    Column("result", _("Outcome"), shown.outcome),
    Column("released", _("Hung up"), shown.released_by),
    Column("seen", _("Seen by"), _seen_by),
    Column("flags", _("Flags"), lambda call: shown.flag_badges(call.flags)),
)
