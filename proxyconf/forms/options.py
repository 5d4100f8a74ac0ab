"""The scalar options of a release as fields of a form: one field each, in groups, empty where the default holds."""

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
"""How a form writes a text that is set, and set to nothing."""

_HIDDEN_PASSWORD = "********"  # noqa: S105 - the place of one
_NOT_SCALAR = (ParameterKind.FLAG, ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS)
_TIME_MODES: Mapping[int, Text] = {
    0: _("0: whole seconds"),
    1: _("1: seconds and microseconds in two fields"),
    2: _("2: seconds with a fraction"),
    3: _("3: local date and time as text"),
    4: _("4: UTC date and time as text"),
}


class OptionSection(NamedTuple):
    """A part of the form. ``backends``: it concerns these alone (empty: all)."""

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
    """Return the name of the group in which an option stands."""
    if key in _BEHAVIOUR:
        return BEHAVIOUR.name
    if key.endswith("_column"):
        return "columns"
    return next((group for prefix, group in _PREFIXES if key.startswith(prefix)), ADVANCED.name)


def field_name(key: str) -> str:
    """Return the name of the form's field of an option."""
    return "option_" + key.replace(".", "__")


def option_fields(profile: AccountingProfile) -> Iterator[tuple[str, forms.Field, Any]]:
    """Yield name, field and initial value for each option that the profile's release has."""
    for key, parameter in profile.parameters.items():
        if parameter.kind not in _NOT_SCALAR:
            yield field_name(key), _field(parameter, profile), shown(profile, key)


def shown(profile: AccountingProfile, key: str) -> Any:
    """Return an option's value as the form shows it: without passwords, empty where the default holds."""
    parameter, value = profile.parameters[key], profile.options.get(key)
    if parameter.kind is ParameterKind.SWITCH:
        return profile.is_on(key)
    if value is None:
        return str(parameter.default) if parameter.choices else ""
    if value == "":
        return EMPTY if parameter.default != "" else ""
    return mask_password(str(value)) if key in SECRET_OPTIONS else str(value)


def options_given(profile: AccountingProfile, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return the options of ``profile`` as a form changed them; those that it did not show stay as they are."""
    options = dict(profile.options)
    for key in profile.parameters:
        name = field_name(key)
        if name not in given or _typed(given[name]) == _typed(shown(profile, key)):
            continue
        value = _read(profile, key, given[name])
        if value is None or value == profile.parameters[key].default:
            options.pop(key, None)
        else:
            options[key] = value
    return options


def _typed(value: Any) -> Any:
    """Return a value as a line of a form can hold it: without line breaks, and no blanks around it."""
    return value.replace("\r", "").replace("\n", "").strip() if isinstance(value, str) else value


def _read(profile: AccountingProfile, key: str, given: Any) -> Value | None:
    parameter = profile.parameters[key]
    if parameter.kind is ParameterKind.SWITCH:
        return int(bool(given))
    if given == "":
        return None
    if given == EMPTY:
        return ""
    if parameter.is_integer:
        return int(given)
    if key in SECRET_OPTIONS:
        return _with_password(str(given), str(profile.options.get(key, "")))
    return str(given)


def _with_password(given: str, stored: str) -> str:
    """Put the stored password where the asterisks that stood for it still stand."""
    password = stored.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return given.replace(f":{_HIDDEN_PASSWORD}@", f":{password}@") if password else given


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
    """A number, or nothing."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not text.removeprefix("-").isdecimal():
            raise ValidationError(_("%(text)r is no whole number"), params={"text": text})
        return str(int(text)) if text else ""


def _choices(parameter: Parameter, profile: AccountingProfile) -> list[tuple[str, Text]]:
    stored = profile.options.get(parameter.key)
    numbers = [*parameter.choices]
    if isinstance(stored, int) and stored not in numbers:
        numbers.append(stored)  # the checks say what is wrong with it
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
