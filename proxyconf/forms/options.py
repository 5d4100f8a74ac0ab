"""Form fields for the scalar options of a release, in groups; an empty field stands for the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyconf.profile import SECRET_OPTIONS, AccountingProfile, mask_password
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import Parameter, ParameterKind, Value

Text = str | Promise
EMPTY = '""'
"""The form's text for an option that is set to the empty string."""

_HIDDEN_PASSWORD = "********"  # noqa: S105 - a mask, not a password
_NOT_SCALAR = (ParameterKind.FLAG, ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS)
_TIME_MODES: Mapping[int, Text] = {
    0: _("0: whole seconds"),
    1: _("1: seconds and microseconds in two fields"),
    2: _("2: seconds with a fraction"),
    3: _("3: local date and time as text"),
    4: _("4: UTC date and time as text"),
}


class OptionSection(NamedTuple):
    """A part of the form. ``backends`` are those that it concerns (empty: all)."""

    name: str
    title: Text
    about: Text = ""
    backends: tuple[Backend, ...] = ()


BEHAVIOUR = OptionSection(
    "behaviour", _("What is reported"), _("How the module treats replies, CANCEL, ACK and directions.")
)
TIMES = OptionSection("times", _("Times"), _("A time finer than the second, where the release can write one."))
DIALOG = OptionSection(
    "dialog", _("Records of whole dialogs"), _("One record per call, written by the proxy at its end.")
)
ADVANCED = OptionSection("advanced", _("Advanced"))
OF_BACKENDS = (
    OptionSection("syslog", _("Syslog"), backends=(Backend.SYSLOG,)),
    OptionSection("sql", _("SQL"), backends=(Backend.SQL,)),
    OptionSection("columns", _("Names of the SQL columns"), _("Only where your table has others."), (Backend.SQL,)),
    OptionSection("aaa", _("RADIUS and Diameter"), backends=(Backend.RADIUS, Backend.DIAMETER)),
    OptionSection("radius", _("RADIUS"), backends=(Backend.RADIUS,)),
    OptionSection("diameter", _("Diameter"), backends=(Backend.DIAMETER,)),
    OptionSection("json", _("JSON (acc_json)"), backends=(Backend.JSON,)),
)
GROUPS = (BEHAVIOUR, *OF_BACKENDS, TIMES, DIALOG, ADVANCED)

_BEHAVIOUR = frozenset(
    {"early_media", "report_ack", "report_cancels", "detect_direction", "failed_filter", "reason_from_hf"}
)
_PREFIXES: tuple[tuple[str, str], ...] = (
    ("acc_json.", "json"),
    ("aaa_", "aaa"),
    ("service_type", "aaa"),
    ("rad", "radius"),
    ("diameter_", "diameter"),
    ("time_", "times"),
    ("cdr", "dialog"),
    ("log_", "syslog"),
    ("db_", "sql"),
    ("acc_extra_nullable", "sql"),
)


def group_of(key: str) -> str:
    """Return the name of the group of an option."""
    if key in _BEHAVIOUR:
        return BEHAVIOUR.name
    if key.endswith("_column"):
        return "columns"
    return next((group for prefix, group in _PREFIXES if key.startswith(prefix)), ADVANCED.name)


def field_name(key: str) -> str:
    return "option_" + key.replace(".", "__")


def option_fields(profile: AccountingProfile) -> Iterator[tuple[str, forms.Field, Any]]:
    """Yield name, field and initial value for each option that the profile's release has."""
    for key, parameter in profile.parameters.items():
        if parameter.kind not in _NOT_SCALAR:
            yield field_name(key), _field(parameter, profile), shown(profile, key)


def shown(profile: AccountingProfile, key: str) -> Any:
    """Return an option's value as the form shows it: without password, empty for the default."""
    parameter, value = profile.parameters[key], profile.options.get(key)
    if parameter.kind is ParameterKind.SWITCH:
        return profile.is_on(key)
    if value is None:
        return str(parameter.default) if parameter.choices else ""
    if value == "":
        return EMPTY if parameter.default != "" else ""
    return mask_password(str(value)) if key in SECRET_OPTIONS else str(value)


def changed_options(profile: AccountingProfile, cleaned_data: Mapping[str, Any]) -> dict[str, Value]:
    """Return the options of ``profile`` with the changes of a form; options that it did not show stay unchanged."""
    options = dict(profile.options)
    for key in profile.parameters:
        name = field_name(key)
        if name not in cleaned_data or _typed(cleaned_data[name]) == _typed(shown(profile, key)):
            continue
        value = _read(profile, key, cleaned_data[name])
        if value is None or value == profile.parameters[key].default:
            options.pop(key, None)
        else:
            options[key] = value
    return options


def _typed(value: Any) -> Any:
    """Return a value as a one-line form field submits it: without line breaks and surrounding spaces."""
    return value.replace("\r", "").replace("\n", "").strip() if isinstance(value, str) else value


def _read(profile: AccountingProfile, key: str, submitted: Any) -> Value | None:
    parameter = profile.parameters[key]
    if parameter.kind is ParameterKind.SWITCH:
        return int(bool(submitted))
    if submitted == "":
        return None
    if submitted == EMPTY:
        return ""
    if parameter.is_integer:
        return int(submitted)
    if key in SECRET_OPTIONS:
        return _with_password(str(submitted), str(profile.options.get(key, "")))
    return str(submitted)


def _with_password(url: str, stored_url: str) -> str:
    """Replace the mask in ``url`` by the stored password."""
    password = stored_url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return url.replace(f":{_HIDDEN_PASSWORD}@", f":{password}@") if password else url


def _field(parameter: Parameter, profile: AccountingProfile) -> forms.Field:
    about: dict[str, Any] = {"label": parameter.name, "help_text": _help(parameter), "required": False}
    if parameter.kind is ParameterKind.SWITCH:
        return forms.BooleanField(widget=forms.CheckboxInput, **about)
    if parameter.choices:
        return forms.ChoiceField(choices=_choices(parameter, profile), **about)
    secret = parameter.key in SECRET_OPTIONS
    attrs = {"placeholder": str(parameter.default), "class": "input mono", "autocomplete": "off", "spellcheck": "false"}
    if secret:
        attrs["placeholder"] = "mysql://user:password@host/database"
    if parameter.is_integer:
        return WholeNumber(widget=forms.TextInput(attrs | {"inputmode": "numeric"}), **about)
    return forms.CharField(widget=forms.TextInput(attrs), max_length=20_000, **about)


class WholeNumber(forms.CharField):
    """An optional integer, as text."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not text.removeprefix("-").isdecimal():
            raise ValidationError(_("%(text)r is not a whole number"), params={"text": text})
        return str(int(text)) if text else ""


def _choices(parameter: Parameter, profile: AccountingProfile) -> list[tuple[str, Text]]:
    stored = profile.options.get(parameter.key)
    numbers = [*parameter.choices]
    if isinstance(stored, int) and stored not in numbers:
        numbers.append(stored)  # invalid, which the checks report
    words = _TIME_MODES if parameter.name.endswith("time_mode") else {}
    return [(str(number), words.get(number, str(number))) for number in numbers]


def _help(parameter: Parameter) -> str:
    allowed = "" if parameter.kind is ParameterKind.SWITCH or parameter.choices else gettext(parameter.allowed)
    is_on = gettext("on") if parameter.default else gettext("off")
    value = is_on if parameter.kind is ParameterKind.SWITCH else str(parameter.default)
    default = gettext("default {value}").format(value=value) if value else ""
    more = "; ".join(filter(None, [allowed, default]))
    meaning = gettext(parameter.meaning)
    return f"{meaning} ({more})" if more else meaning
