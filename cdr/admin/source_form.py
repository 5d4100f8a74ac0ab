"""The form of a source: its kind's settings as fields of their own, secrets never shown."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from cdr.models import Source
from cdr.models.source import sealed_settings
from cdr.sources import KINDS
from cdr.sources.setting import Setting, SettingsError

if TYPE_CHECKING:
    _SourceModelForm = forms.ModelForm[Source]
else:
    _SourceModelForm = forms.ModelForm

PREFIX = "setting_"
OWN = ["proxy", "name", "enabled"]


class SourceForm(_SourceModelForm):
    """The fields that every source has; ``form_of`` adds those of a kind."""

    kind = ""
    new_token = ""

    class Meta:
        model = Source
        fields = OWN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.instance.kind = self.kind
            if "name" in self.fields:
                self.fields["name"].initial = self.kind
        declared = KINDS[self.kind].declared() if self.kind in KINDS else {}
        for name, setting in declared.items():
            if name in self.instance.settings and not setting.secret and PREFIX + name in self.fields:
                self.initial[PREFIX + name] = _shown(self.instance.settings[name])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given: dict[str, Any] = {}
        for name, setting in KINDS[self.kind].declared().items():
            value = cleaned.get(PREFIX + name)
            if setting.secret and not value:
                value = self.instance.settings.get(name) or self._made(name)
            if value not in (None, ""):
                given[name] = value
        self.instance.settings = sealed_settings(self.kind, given)
        try:
            self.instance.parsed_settings()
        except SettingsError as error:
            for name, problem in error.problems.items():
                self.add_error(PREFIX + name if PREFIX + name in self.fields else None, problem)
        return cleaned

    def _made(self, name: str) -> str:
        """Return a new token where the kind needs one and none was given."""
        if self.kind == Source.Kind.HTTP and name == "token":
            self.new_token = secrets.token_urlsafe(32)
        return self.new_token


def form_of(kind: str) -> type[SourceForm]:
    """Return the form for a kind of source."""
    settings = KINDS[kind]
    fields = {PREFIX + name: _field(name, one, settings.default(name)) for name, one in settings.declared().items()}
    return type(f"{kind.title()}SourceForm", (SourceForm,), {**fields, "kind": kind})


def _field(name: str, setting: Setting, default: Any) -> forms.Field:
    about: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(),
        "help_text": setting.help[:1].upper() + setting.help[1:],
        "required": False,
    }
    if setting.flag:
        return forms.BooleanField(widget=UnfoldBooleanSwitchWidget(), initial=default, **about)
    if setting.choices:
        choices = [(one, one) for one in setting.choices]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(), initial=default, **about)
    if setting.secret:
        about["help_text"] = _("%(help)s. Stored encrypted and never shown. Leave empty to keep the current value.") % {
            "help": about["help_text"]
        }
        return forms.CharField(widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}), **about)
    widget = UnfoldAdminTextareaWidget({"rows": 3}) if setting.many else UnfoldAdminTextInputWidget()
    return forms.CharField(widget=widget, initial=_shown(default) if default is not None else "", **about)


def _shown(value: Any) -> Any:
    if isinstance(value, list) or type(value) is tuple:
        return "\n".join(map(str, value))
    return value if isinstance(value, bool | int) else str(value)
