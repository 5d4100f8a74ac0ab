"""Form fields for a field layout: lists of labels in the syntax of the configuration, other settings one to a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from proxyconf.parse.lists import split_declaration, split_pairs
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend, CdrLayout, FieldLayout, Role, TimeLayout, suggest_role

NONE = "-"
_TIME_MODES = [
    (0, _("0: whole seconds")),
    (1, _("1: seconds and microseconds in two fields")),
    (2, _("2: seconds with a fraction")),
    (3, _("3: local date and time as text")),
    (4, _("4: UTC date and time as text")),
]


class Labels(tuple[str, ...]):
    """Labels in order; ``variables`` holds the variable of each label that was entered with one."""

    variables: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Labels:
        """Parse ``src_user dst_user``, the value of a ``*_extra`` parameter, or of OpenSIPS' ``extra_fields``.

        Raise ``ValueError`` that quotes the invalid label.
        """
        variables: dict[str, str] = {}
        if "->" in text:
            fields = split_declaration(text if ":" in text else f"all:{text}")[1]
            names = [field.name for field in fields]
        elif "=" in text:
            pairs, wrong = split_pairs(text.rstrip("; \n"))
            if wrong:
                raise ValueError(wrong[0])
            names = [pair.name for pair in pairs]
            variables = {pair.name: pair.value for pair in pairs}
        else:
            names = text.replace(";", " ").replace(",", " ").split()
        for name in names:
            if not name or any(character in name for character in " \t\n;=$"):
                raise ValueError(name)
        labels = cls(names)
        labels.variables = variables
        return labels


class LabelsField(forms.CharField):
    """Labels of one backend: empty for unknown, a dash for none, or the list."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=20_000, **kwargs)

    def clean(self, value: Any) -> Labels | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Labels.read("" if text == NONE else text)
        except ValueError as error:
            raise ValidationError(
                _(
                    "%(part)r is not a valid label; write labels like “src_user dst_user”, or paste the "
                    "parameter's value"
                ),
                params={"part": str(error)},
            ) from error

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return " ".join(value) if value else NONE
        return value


class PairsField(forms.CharField):
    """Lines of ``name = value``."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def __init__(self, *, allowed: Iterable[str] = (), **kwargs: Any) -> None:
        self.allowed = frozenset(allowed)
        super().__init__(required=False, max_length=20_000, **kwargs)

    def clean(self, value: Any) -> dict[str, str]:
        pairs = {}
        for line in super().clean(value).splitlines():
            if not line.strip():
                continue
            name, sign, text = (part.strip() for part in line.partition("="))
            if not (name and sign and text):
                raise ValidationError(_("%(line)r: write it like “name = value”"), params={"line": line.strip()})
            if self.allowed and text not in self.allowed:
                raise ValidationError(
                    _("%(value)r is not one of: %(allowed)s"),
                    params={"value": text, "allowed": ", ".join(sorted(self.allowed))},
                )
            pairs[name] = text
        return pairs

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{n} = {v}" for n, v in value.items()) if isinstance(value, Mapping) else value


def extras_field(backend: Backend) -> str:
    return f"extras_{backend.value}"


def legs_field(backend: Backend) -> str:
    return f"legs_{backend.value}"


class LayoutForm(forms.ModelForm):
    """The layout part of a proxy's form. Parts of a layout that the form does not show stay unchanged."""

    roles = PairsField(
        label=_("Roles"),
        allowed=[role.value for role in Role],
        help_text=format_lazy(
            _("Only where the role found above is wrong or missing, one to a line: “label = role”. Roles: {roles}."),
            roles=", ".join(Role),
        ),
    )
    newest_leg_first = forms.BooleanField(
        label=_("Newest leg first"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_(
            "Kamailio, OpenSER and OpenSIPS up to 2.2 write the newest leg first; OpenSIPS 2.3 and newer do not."
        ),
    )
    detect_direction = forms.BooleanField(
        label=_("detect_direction is set"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_(
            "The proxy then writes From and To tag of every request in the caller's order, "
            "which hides who released the call."
        ),
    )
    time_mode = forms.TypedChoiceField(
        label="time_mode",
        choices=_TIME_MODES,
        coerce=int,
        widget=UnfoldAdminSelectWidget,
        required=False,
    )
    time_attr = forms.CharField(label="time_attr", required=False, widget=UnfoldAdminTextInputWidget)
    time_exten = forms.CharField(label="time_exten", required=False, widget=UnfoldAdminTextInputWidget)
    time_format = forms.CharField(label="time_format", required=False, widget=UnfoldAdminTextInputWidget)
    json_time_mode = forms.TypedChoiceField(
        label="acc_json: acc_time_mode",
        choices=[mode for mode in _TIME_MODES if mode[0] != 1],
        coerce=int,
        widget=UnfoldAdminSelectWidget,
        required=False,
    )
    json_time_format = forms.CharField(
        label="acc_json: acc_time_format", required=False, widget=UnfoldAdminTextInputWidget
    )
    cdr_extras = LabelsField(label="cdr_extra")
    cdr_start = forms.CharField(label="cdr_start_id", required=False, widget=UnfoldAdminTextInputWidget)
    cdr_end = forms.CharField(label="cdr_end_id", required=False, widget=UnfoldAdminTextInputWidget)
    cdr_duration = forms.CharField(label="cdr_duration_id", required=False, widget=UnfoldAdminTextInputWidget)
    cdr_start_on_confirmed = forms.BooleanField(
        label="cdr_start_on_confirmed", required=False, widget=UnfoldBooleanSwitchWidget
    )
    columns = PairsField(
        label=_("Renamed columns"),
        help_text=_("Where acc_*_column parameters rename columns, one to a line: “callid = my_callid”."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for backend, name in BACKEND_NAMES.items():
            self.fields[extras_field(backend)] = LabelsField(label=_("%s: extra fields") % name)
            self.fields[legs_field(backend)] = LabelsField(label=_("%s: leg fields") % name)
        self.initial = {**_initial_values(self._stored()), **self.initial}

    def _stored(self) -> FieldLayout:
        try:
            return FieldLayout.from_json(self.instance.layout)
        except (ValueError, AttributeError):
            return FieldLayout()

    def save(self, commit: bool = True) -> Any:
        self.instance.layout = _layout(self._stored(), self.cleaned_data).to_json()
        return super().save(commit)


def _initial_values(layout: FieldLayout) -> dict[str, Any]:
    values: dict[str, Any] = {
        "roles": dict(layout.roles),
        "newest_leg_first": layout.newest_leg_first,
        "detect_direction": layout.detect_direction,
        "time_mode": layout.time.mode,
        "time_attr": layout.time.attr,
        "time_exten": layout.time.exten,
        "time_format": layout.time.format,
        "json_time_mode": layout.json_time.mode,
        "json_time_format": layout.json_time.format,
        "cdr_extras": layout.cdr.extras,
        "cdr_start": layout.cdr.start,
        "cdr_end": layout.cdr.end,
        "cdr_duration": layout.cdr.duration,
        "cdr_start_on_confirmed": layout.cdr.start_on_confirmed,
        "columns": dict(layout.columns),
    }
    for backend in BACKEND_NAMES:
        values[extras_field(backend)] = layout.extras.get(backend)
        values[legs_field(backend)] = layout.legs.get(backend)
    return values


def _layout(stored: FieldLayout, cleaned: Mapping[str, Any]) -> FieldLayout:
    """Return ``stored`` with the changes of the form; an empty name takes its default."""
    extras = {backend: cleaned[extras_field(backend)] for backend in BACKEND_NAMES}
    legs = {backend: cleaned[legs_field(backend)] for backend in BACKEND_NAMES}
    variables = {name: pv for labels in extras.values() if labels for name, pv in labels.variables.items()}
    roles = {label: role for label, pv in variables.items() if (role := suggest_role(label, pv))}
    time, cdr = TimeLayout(), CdrLayout()
    return replace(
        stored,
        extras={backend: tuple(labels) for backend, labels in extras.items() if labels is not None},
        legs={backend: tuple(labels) for backend, labels in legs.items() if labels is not None},
        roles=roles | {label: Role(role) for label, role in cleaned["roles"].items()},
        newest_leg_first=cleaned["newest_leg_first"],
        detect_direction=cleaned["detect_direction"],
        time=replace(
            stored.time,
            mode=cleaned["time_mode"] or time.mode,
            attr=cleaned["time_attr"] or time.attr,
            exten=cleaned["time_exten"] or time.exten,
            format=cleaned["time_format"] or time.format,
        ),
        json_time=replace(
            stored.json_time,
            mode=cleaned["json_time_mode"] or time.mode,
            format=cleaned["json_time_format"] or time.format,
        ),
        cdr=replace(
            stored.cdr,
            extras=None if cleaned["cdr_extras"] is None else tuple(cleaned["cdr_extras"]),
            start=cleaned["cdr_start"] or cdr.start,
            end=cleaned["cdr_end"] or cdr.end,
            duration=cleaned["cdr_duration"] or cdr.duration,
            start_on_confirmed=cleaned["cdr_start_on_confirmed"],
        ),
        columns=cleaned["columns"],
    )
