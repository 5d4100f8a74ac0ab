"""The form of a source: a field for each setting of its kind. Secrets are never shown."""

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

from cdr.events import Unparsable
from cdr.models import Source
from cdr.models.source import deletes_more, missing_senders, sealed_settings, secrets_to_enter_again
from cdr.receivers.database_service import rows_to_delete
from cdr.sources import KINDS
from cdr.sources.setting import Setting, SettingsError

if TYPE_CHECKING:
    _SourceModelForm = forms.ModelForm[Source]
else:
    _SourceModelForm = forms.ModelForm

PREFIX = "setting_"
CONFIRM_DELETION = "confirm_deletion"
OWN = ["proxy", "name", "enabled"]


class SourceForm(_SourceModelForm):
    """The fields common to all sources; ``form_of`` adds those of a kind."""

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
        before = self.instance.settings
        settings: dict[str, Any] = {}
        for name, setting in KINDS[self.kind].declared().items():
            value = cleaned.get(PREFIX + name)
            if setting.secret and not value:
                value = self.instance.settings.get(name) or self._new_secret(name)
            if value not in (None, ""):
                settings[name] = value
        self.instance.settings = sealed_settings(self.kind, settings)
        try:
            self.instance.parsed_settings()
        except SettingsError as error:
            for name, problem in error.problems.items():
                self.add_error(PREFIX + name if PREFIX + name in self.fields else None, problem)
            return cleaned
        self._check_senders()
        self._check_target(before)
        self._check_deletion(before)
        return cleaned

    def _check_senders(self) -> None:
        proxy = self.cleaned_data.get("proxy")
        if proxy and (name := missing_senders(self.kind, self.instance.settings, proxy)):
            self.add_error(
                PREFIX + name,
                _(
                    "Enter the addresses that the proxy sends from, here or with the proxy. 0.0.0.0/0 and ::/0 accept "
                    "everybody."
                ),
            )

    def _check_target(self, before: dict[str, Any]) -> None:
        entered = [name for name in before if self.cleaned_data.get(PREFIX + name)]
        for name in secrets_to_enter_again(self.kind, before, self.instance.settings, entered):
            self.add_error(PREFIX + name, _("The server or how it is reached has changed: enter this again."))

    def _check_deletion(self, before: dict[str, Any]) -> None:
        """Ask for confirmation before rows are deleted; not again while the settings stay the same."""
        after = self.instance.settings
        if self.errors or self.cleaned_data.get(CONFIRM_DELETION) or not deletes_more(self.kind, before, after):
            return
        try:
            source = Source(proxy=self.cleaned_data["proxy"], kind=self.kind, settings=after)
            rows = rows_to_delete(source)
        except (LookupError, OSError, ValueError, Unparsable) as error:
            self.add_error(
                PREFIX + "move",
                _("What would be deleted cannot be told: %(error)s. Save without this first.") % {"error": error},
            )
            return
        shown = ", ".join(f"{name} ({count})" for name, count in rows.items())
        self.add_error(
            CONFIRM_DELETION,
            _(
                "Rows of these tables of %(database)s would be deleted once they are read: %(tables)s. "
                "Tick this and save again to go ahead."
            )
            % {"database": after.get("database"), "tables": shown},
        )

    def _new_secret(self, name: str) -> str:
        """Return a new token for an HTTP source without one, else an empty string."""
        if self.kind == Source.Kind.HTTP and name == "token":
            self.new_token = secrets.token_urlsafe(32)
        return self.new_token


def form_of(kind: str) -> type[SourceForm]:
    """Return the form for a kind of source."""
    settings = KINDS[kind]
    fields: dict[str, forms.Field] = {
        PREFIX + name: _field(name, setting, settings.default(name)) for name, setting in settings.declared().items()
    }
    if kind == Source.Kind.DATABASE:
        fields[CONFIRM_DELETION] = forms.BooleanField(
            label=_("Confirm deletion"),
            help_text=_("Needed where rows are deleted; saving without it says which those would be."),
            required=False,
            widget=UnfoldBooleanSwitchWidget(),
        )
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
        choices = [(choice, choice) for choice in setting.choices]
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
