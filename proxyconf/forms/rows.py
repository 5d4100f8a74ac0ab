"""Formsets for the extra fields and leg fields of a profile, whose rows can be added, reordered and removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, RadiusType, SqlType
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend, Role, suggest_leg_role, suggest_role
from proxyconf.vocabulary.products import Product

EXTRAS, LEGS, CDR_EXTRAS, CDR_LEGS = "extras", "legs", "cdr_extras", "cdr_legs"
Field = TypeVar("Field", ExtraDefinition, LegDefinition)

_MOST_ROWS = 200
_LEG_ROLES = (Role.LEG_SOURCE, Role.LEG_DESTINATION, Role.LEG_TYPE)
_MONO = {"class": "input mono", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class RowForm(forms.Form):
    """The form of one field. ``labels`` are the backends that can have a label for it, with their titles."""

    name = forms.CharField(label=_("Name"), required=False, max_length=20_000, widget=forms.TextInput(_MONO))
    variable = forms.CharField(
        label=_("Variable"),
        required=False,
        max_length=20_000,
        widget=forms.TextInput(_MONO | {"placeholder": "$fU", "list": "variables"}),
    )
    role = forms.ChoiceField(label=_("Means"), required=False)
    sql_type = forms.ChoiceField(label=_("SQL type"), required=False, choices=[(t.value, t.value) for t in SqlType])
    sql_width = forms.IntegerField(label=_("Width"), required=False, min_value=1, max_value=65_535)
    radius_number = forms.IntegerField(
        label=_("Number"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    radius_type = forms.ChoiceField(
        label=_("RADIUS type"),
        required=False,
        choices=[("", _("as the variable's value")), *((t.value, t.value) for t in RadiusType)],
    )

    def __init__(self, *args: Any, labels: Mapping[Backend, str], legs: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.labels = labels
        self.of_legs = legs
        for backend, title in labels.items():
            self.fields[label_name(backend)] = forms.CharField(
                label=title, required=False, max_length=20_000, widget=forms.TextInput(_MONO)
            )
        roles = [role for role in Role if (role in _LEG_ROLES) == legs]
        choices = [("", _("by its name")), *((role.value, role.value.replace("_", " ")) for role in roles)]
        role = self.initial.get("role")
        if role and role not in dict(choices):
            choices.append((role, role.replace("_", " ")))
        self.fields["role"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["sql_width"].widget.attrs["class"] = "input"
        self.fields["radius_number"].widget.attrs["class"] = "input mono"
        if legs:
            self.fields["variable"].widget.attrs["placeholder"] = "$avp(leg_src)"

    def label_fields(self) -> list[tuple[Backend, forms.BoundField]]:
        return [(backend, self[label_name(backend)]) for backend in self.labels]

    def is_empty(self) -> bool:
        """Return whether the row has no name, no variable and no label."""
        cleaned = getattr(self, "cleaned_data", {})
        return not any(cleaned.get(name) for name in ("name", "variable", *map(label_name, self.labels)))

    def to_field(self, field_class: type[Field], stored: Field | None) -> Field:
        """Return the row as a field, with those labels of ``stored`` that the form does not show.

        A new field without a role gets the one that its variable or name suggests.
        """
        cleaned = self.cleaned_data
        stored_labels = stored.labels if stored else {}
        labels = {backend: label for backend, label in stored_labels.items() if backend not in self.labels}
        for backend in self.labels:
            if cleaned.get(label_name(backend)):
                labels[backend] = cleaned[label_name(backend)]
        return field_class(
            name=cleaned.get("name", ""),
            variable=cleaned.get("variable", ""),
            labels=labels,
            role=Role(cleaned["role"]) if cleaned.get("role") else None if stored else self._suggested_role(),
            sql_type=SqlType(cleaned.get("sql_type") or SqlType.VARCHAR),
            sql_width=cleaned.get("sql_width") or 128,
            radius_number=cleaned.get("radius_number"),
            radius_type=RadiusType(cleaned["radius_type"]) if cleaned.get("radius_type") else None,
        )

    def _suggested_role(self) -> Role | None:
        name, variable = self.cleaned_data.get("name", ""), self.cleaned_data.get("variable", "")
        return suggest_leg_role(name) if self.of_legs else suggest_role(name, variable)


class FieldRows(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """The rows of one list of fields. A row's ``stored`` is the index of the profile's field that it shows."""

    def clean(self) -> None:
        if len(self.forms) > _MOST_ROWS:
            raise ValidationError(_("No proxy takes that many fields."))

    def entered_fields(self, field_class: type[Field], stored: Iterable[Field], mirrored: bool) -> tuple[Field, ...]:
        """Return the fields in the order of the form, without empty rows."""
        stored_fields = list(stored)
        entered = []
        for form in self.in_order():
            index = form.initial.get("stored")
            field = form.to_field(field_class, stored_fields[index] if index is not None else None)
            entered.append(_mirrored(field) if mirrored else field)
        return tuple(entered)

    def in_order(self) -> list[RowForm]:
        """Return the rows that are neither empty nor deleted, in the order of the form.

        The data of a row do not contain its invalid values.
        """
        rows = [form for form in self.forms if not form.is_empty() and not form.cleaned_data.get("DELETE")]
        return sorted(rows, key=lambda form: form.cleaned_data.get("ORDER") or _MOST_ROWS)


def label_name(backend: Backend) -> str:
    return f"label_{backend.value}"


def rows_of(profile: AccountingProfile, data: Any = None) -> dict[str, FieldRows]:
    """Return the formsets of the lists that the profile's release has, filled from ``profile``, bound to ``data``."""
    formsets = {EXTRAS: _rows(profile, EXTRAS, profile.extras, _labels_of_extras(profile), data)}
    if profile.has_legs:
        formsets[LEGS] = _rows(profile, LEGS, profile.legs, _labels_of_legs(profile), data)
    labels = _labels_of_cdr(profile)
    if labels:
        formsets[CDR_EXTRAS] = _rows(profile, CDR_EXTRAS, profile.cdr_extras, labels, data)
    if "multi_leg_bye_info" in profile.parameters:
        formsets[CDR_LEGS] = _rows(profile, CDR_LEGS, profile.cdr_legs, {}, data)
    return formsets


def changed_lists(profile: AccountingProfile, rows: Mapping[str, FieldRows]) -> dict[str, Any]:
    """Return the lists of ``profile`` with the changes of the formsets, for ``dataclasses.replace``."""
    lists: dict[str, Any] = {}
    for name, formset in rows.items():
        mirrored = name == CDR_EXTRAS and has_one_cdr_list(profile)
        if name in (EXTRAS, CDR_EXTRAS):
            lists[name] = formset.entered_fields(ExtraDefinition, getattr(profile, name), mirrored)
        else:
            lists[name] = formset.entered_fields(LegDefinition, getattr(profile, name), False)
    return lists


def has_one_cdr_list(profile: AccountingProfile) -> bool:
    """Return whether the log and SQL share the extra fields of dialog records (Kamailio's ``cdr_extra``)."""
    return profile.product is Product.KAMAILIO and "cdr_extra" in profile.parameters


def _labels_of_extras(profile: AccountingProfile) -> dict[Backend, str]:
    declared = profile.uses_field_declarations
    names = profile.known_backends
    return {one: BACKEND_NAMES[one] for one in names if declared or names[one].extra}


def _labels_of_legs(profile: AccountingProfile) -> dict[Backend, str]:
    if not profile.uses_field_declarations:
        return {}  # one parameter names them for all backends
    return {one: BACKEND_NAMES[one] for one in profile.known_backends}


def _labels_of_cdr(profile: AccountingProfile) -> dict[Backend, str]:
    labels = {one: BACKEND_NAMES[one] for one, names in profile.known_backends.items() if names.extra_bye}
    if has_one_cdr_list(profile):
        labels[Backend.SYSLOG] = f"{BACKEND_NAMES[Backend.SYSLOG]}, {BACKEND_NAMES[Backend.SQL]}"
    if "acc_json.cdr_extra" in profile.parameters:
        labels[Backend.JSON] = BACKEND_NAMES[Backend.JSON]
    return labels


def _rows(
    profile: AccountingProfile, name: str, fields: Iterable[Any], labels: Mapping[Backend, str], data: Any
) -> FieldRows:
    make = forms.formset_factory(
        RowForm,
        formset=FieldRows,
        extra=0,
        can_delete=True,
        can_order=True,
        max_num=_MOST_ROWS,
        absolute_max=_MOST_ROWS,
    )
    initial = [_initial(index, field, labels) for index, field in enumerate(fields)]
    form_kwargs = {"labels": labels, "legs": name in (LEGS, CDR_LEGS)}
    return cast(FieldRows, make(data, initial=initial, prefix=name, form_kwargs=form_kwargs))


def _initial(index: int, field: ExtraDefinition | LegDefinition, labels: Mapping[Backend, str]) -> dict[str, Any]:
    return {
        "stored": index,
        "name": field.name,
        "variable": field.variable,
        "role": field.role.value if field.role else "",
        "sql_type": field.sql_type.value,
        "sql_width": field.sql_width,
        "radius_number": field.radius_number,
        "radius_type": field.radius_type.value if field.radius_type else "",
        **{label_name(backend): field.labels.get(backend, "") for backend in labels},
    }


def _mirrored(field: Field) -> Field:
    """Give a field of ``cdr_extra`` the same label in the log and in SQL."""
    label = field.labels.get(Backend.SYSLOG)
    others = {backend: text for backend, text in field.labels.items() if backend is not Backend.SQL}
    return replace(field, labels=others | ({Backend.SQL: label} if label else {}))
