"""What a browser sends for a form as it is shown."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from proxyconf.forms.profile import ProfileForm


def sent(form: ProfileForm, **changes: str | list[str]) -> QueryDict:
    """Return the data of the form, with some fields changed; double underscores in a name stand for dashes."""
    data = QueryDict(mutable=True)
    for name in form.fields:
        _put(data, form[name])
    for rows in form.rows.values():
        for field in rows.management_form:
            _put(data, field)
        for row in rows.forms:
            for field in row:
                _put(data, field)
    for name, value in changes.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def _put(data: QueryDict, field: forms.BoundField) -> None:
    value = field.value()
    if isinstance(value, list):
        data.setlist(field.html_name, value)
    elif isinstance(value, bool):
        if value:
            data[field.html_name] = "on"
    elif value is not None:
        data[field.html_name] = str(value)
