"""Give saved views and chosen columns the names that conditions and columns have now."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from django.db import migrations
from django.http import QueryDict

_PARAMETERS = {"code": "sip_code", "reason": "sip_reason", "source": "source_ip"}
_COLUMNS = {
    **_PARAMETERS,
    "started": "started_at",
    "answered": "answered_at",
    "ended": "ended_at",
    "length": "duration",
    "result": "outcome",
    "released": "released_by",
    "agent": "user_agent",
    "updated": "updated_at",
}


def _renamed(query: str) -> str:
    old, new = QueryDict(query), QueryDict(mutable=True)
    for name, values in old.lists():
        plain = name.removeprefix("not_")
        name = name[: len(name) - len(plain)] + _PARAMETERS.get(plain, plain)
        if name == "columns":
            values = [",".join(_COLUMNS.get(unquote(one), one) for one in value.split(",")) for value in values]
        new.setlist(name, [*new.getlist(name), *values])
    return new.urlencode()


def rename(apps: Any, schema_editor: Any) -> None:
    saved_views = apps.get_model("cdr", "SavedView")
    for view in saved_views.objects.iterator():
        conditions = _renamed(view.conditions)
        if conditions != view.conditions:
            saved_views.objects.filter(pk=view.pk).update(conditions=conditions)
    for choice in apps.get_model("cdr", "ColumnChoice").objects.iterator():
        choice.columns = [_COLUMNS.get(name, name) for name in choice.columns]
        choice.save(update_fields=["columns"])


class Migration(migrations.Migration):
    dependencies = [("cdr", "0009_plain_labels")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
