"""Sets of columns for a file: for billing, for support, all columns, or those of the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.export.columns import COLUMNS, EXTRA, is_column
from cdr.views.addresses import ListAddress
from cdr.views.calls.column_choice import chosen_columns

PRESET = "preset"
PRESETS: Mapping[str, Text] = {
    "billing": _("Billing"),
    "support": _("Support"),
    "everything": _("Everything"),
    "list": _("Columns of the list"),
}
_BILLING = (
    "id", "revision", "started_at", "answered_at", "ended_at", "duration", "duration_kind", "caller", "callee", "state",
    "flags", "settled_ended_at", "settled_duration", "proxies", "call_id",
)  # fmt: skip
_SUPPORT = (
    "started_at", "caller", "callee", "state", "outcome", "sip_code", "sip_reason", "duration", "duration_kind",
    "released_by", "flags", "source_ip", "user_agent", "proxies", "backends", "attempts", "legs", "call_id", "from_tag",
    "to_tag",
)  # fmt: skip
_FIELDS_OF: Mapping[str, tuple[str, ...]] = {"who": ("caller", "callee"), "seen": ("proxies", "backends")}
"""The fields of a list column that shows several."""


def preset_columns(name: str, address: ListAddress, user: User, labels: Iterable[str]) -> list[str]:
    """Return the columns of a preset, with the extra fields ``labels`` if it includes them.

    Any other name gives all columns without extra fields.
    """
    extras = [EXTRA + label for label in labels if is_column(EXTRA + label)]
    if name == "list":
        shown = (column.name for column in chosen_columns(address, user).columns)
        fields = [field for column in shown for field in _FIELDS_OF.get(column, (column,))]
        return list(dict.fromkeys(filter(is_column, fields)))
    if name == "billing":
        return [*_BILLING, *extras]
    if name == "support":
        return list(_SUPPORT)
    return [*COLUMNS, *(extras if name == "everything" else ())]
