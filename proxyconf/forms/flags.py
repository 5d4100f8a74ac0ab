"""Form field for message flags: ``4``, ``FLT_ACC = 4`` or, if the release takes names, ``FLT_ACC``."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from proxyconf.profile import MessageFlag


class FlagField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput({"class": "input mono", "autocomplete": "off", "spellcheck": "false"})
        super().__init__(required=False, max_length=256, widget=widget, **kwargs)

    def clean(self, value: Any) -> MessageFlag | None:
        text = super().clean(value)
        return read_flag(text) if text else None

    def prepare_value(self, value: Any) -> Any:
        return flag_text(value) if isinstance(value, MessageFlag) else value


def read_flag(text: str) -> MessageFlag:
    """Parse a flag; raise ``ValidationError`` if it is neither a number nor a name."""
    name, sign, number = (part.strip() for part in text.partition("="))
    if not sign and name.isdecimal():
        return MessageFlag(int(name))
    if not sign and not any(c.isspace() for c in name):
        return MessageFlag(None, name)
    if name and number.isdecimal() and not any(c.isspace() for c in name):
        return MessageFlag(int(number), name)
    raise ValidationError(
        _("%(text)r is not a valid flag: write a number (4), or a name and a number (FLT_ACC = 4)"),
        params={"text": text},
    )


def flag_text(flag: MessageFlag) -> str:
    """Return a flag as text for ``read_flag``."""
    if flag.number is None:
        return flag.name
    return f"{flag.name} = {flag.number}" if flag.name else str(flag.number)
