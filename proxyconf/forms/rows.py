"""The extra fields and leg fields of a profile: rows that can be added, put in another order and removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from proxyconf.layout_form import BACKEND_NAMES
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, RadiusType, SqlType
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role, suggest_role
from proxyconf.vocabulary.products import Product

EXTRAS, LEGS, CDR_EXTRAS, CDR_LEGS = "extras", "legs", "cdr_extras", "cdr_legs"
Field = TypeVar("Field", ExtraDefinition, LegDefinition)

_MOST_ROWS = 200
_LEG_ROLES = (Role.LEG_SOURCE, Role.LEG_DESTINATION, Role.LEG_TYPE)
_MONO = {"class": "input mono", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class RowForm(forms.Form):
    """One field. ``labels`` are the backends that it can be named for."""

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
        held = self.initial.get("role")
        if held and held not in dict(choices):
            choices.append((held, held.replace("_", " ")))
        self.fields["role"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["sql_width"].widget.attrs["class"] = "input"
        self.fields["radius_number"].widget.attrs["class"] = "input mono"
        if legs:
            self.fields["variable"].widget.attrs["placeholder"] = "$avp(leg_src)"

    def label_fields(self) -> list[tuple[Backend, forms.BoundField]]:
        """Return the fields of the labels, each with its backend."""
        return [(backend, self[label_name(backend)]) for backend in self.labels]

    def says_something(self) -> bool:
        """Return whether the row has a name, a variable or a label."""
        given = getattr(self, "cleaned_data", {})
        return any(given.get(name) for name in ("name", "variable", *map(label_name, self.labels)))

    def to_field(self, kind: type[Field], stored: Field | None) -> Field:
        """Return the row as a field. ``stored`` is what it was, whose labels that the form does not show stay; a new
        field without a role has the one that its variable or name suggests.
        """
        given = self.cleaned_data
        kept = stored.labels if stored else {}
        labels = {backend: label for backend, label in kept.items() if backend not in self.labels}
        for backend in self.labels:
            if given.get(label_name(backend)):
                labels[backend] = given[label_name(backend)]
        return kind(
            name=given.get("name", ""),
            variable=given.get("variable", ""),
            labels=labels,
            role=Role(given["role"]) if given.get("role") else None if stored else self._suggested_role(),
            sql_type=SqlType(given.get("sql_type") or SqlType.VARCHAR),
            sql_width=given.get("sql_width") or 128,
            radius_number=given.get("radius_number"),
            radius_type=RadiusType(given["radius_type"]) if given.get("radius_type") else None,
        )

    def _suggested_role(self) -> Role | None:
        name, variable = self.cleaned_data.get("name", ""), self.cleaned_data.get("variable", "")
        return suggest_leg_role(name) if self.of_legs else suggest_role(name, variable)


class FieldRows(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """All rows of one list. A row's ``stored`` number says which of the profile's fields it shows."""

    def clean(self) -> None:
        if len(self.forms) > _MOST_ROWS:
            raise ValidationError(_("No proxy takes that many fields."))

    def fields_given(self, kind: type[Field], stored: Iterable[Field], mirrored: bool) -> tuple[Field, ...]:
        """Return the fields in the order that the form gives them; rows that say nothing are left out."""
        before = list(stored)
        found = []
        for form in self.in_order():
            number = form.initial.get("stored")
            one = form.to_field(kind, before[number] if number is not None else None)
            found.append(_mirrored(one) if mirrored else one)
        return tuple(found)

    def in_order(self) -> list[RowForm]:
        """Return the rows that say something and are not to be removed, in the order that the form gives them.

        What cannot be read of a row is left out of its data.
        """
        rows = [form for form in self.forms if form.says_something() and not form.cleaned_data.get("DELETE")]
        return sorted(rows, key=lambda form: form.cleaned_data.get("ORDER") or _MOST_ROWS)


def label_name(backend: Backend) -> str:
    """Return the name of the row's field for the label of a backend."""
    return f"label_{backend.value}"


def rows_of(profile: AccountingProfile, data: Any = None) -> dict[str, FieldRows]:
    """Return the lists of fields that the profile's release has, filled from ``profile`` and bound to ``data``."""
    found = {EXTRAS: _rows(profile, EXTRAS, profile.extras, _labels_of_extras(profile), data)}
    if profile.has_legs:
        found[LEGS] = _rows(profile, LEGS, profile.legs, _labels_of_legs(profile), data)
    labels = _labels_of_cdr(profile)
    if labels:
        found[CDR_EXTRAS] = _rows(profile, CDR_EXTRAS, profile.cdr_extras, labels, data)
    if "multi_leg_bye_info" in profile.parameters:
        found[CDR_LEGS] = _rows(profile, CDR_LEGS, profile.cdr_legs, {}, data)
    return found


def lists_given(profile: AccountingProfile, rows: Mapping[str, FieldRows]) -> dict[str, Any]:
    """Return the lists of ``profile`` as the rows have them; for ``dataclasses.replace``."""
    found: dict[str, Any] = {}
    for name, formset in rows.items():
        mirrored = name == CDR_EXTRAS and has_one_cdr_list(profile)
        if name in (EXTRAS, CDR_EXTRAS):
            found[name] = formset.fields_given(ExtraDefinition, getattr(profile, name), mirrored)
        else:
            found[name] = formset.fields_given(LegDefinition, getattr(profile, name), False)
    return found


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
    initial = [_initial(number, one, labels) for number, one in enumerate(fields)]
    given = {"labels": labels, "legs": name in (LEGS, CDR_LEGS)}
    return cast(FieldRows, make(data, initial=initial, prefix=name, form_kwargs=given))


def _initial(number: int, one: ExtraDefinition | LegDefinition, labels: Mapping[Backend, str]) -> dict[str, Any]:
    return {
        "stored": number,
        "name": one.name,
        "variable": one.variable,
        "role": one.role.value if one.role else "",
        "sql_type": one.sql_type.value,
        "sql_width": one.sql_width,
        "radius_number": one.radius_number,
        "radius_type": one.radius_type.value if one.radius_type else "",
        **{label_name(backend): _label(one, backend) for backend in labels},
    }


def _label(one: ExtraDefinition | LegDefinition, backend: Backend) -> str:
    return one.labels.get(backend, "")


def _mirrored(one: Field) -> Field:
    """Give a field of ``cdr_extra`` the same label in the log and in SQL."""
    label = one.labels.get(Backend.SYSLOG)
    others = {backend: text for backend, text in one.labels.items() if backend is not Backend.SQL}
    return replace(one, labels=others | ({Backend.SQL: label} if label else {}))
