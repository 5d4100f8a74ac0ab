"""The form of a profile, with the settings of its release and the reasons why others are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyconf.forms.flags import FlagField
from proxyconf.forms.options import GROUPS, OptionSection, changed_options, field_name, group_of, option_fields
from proxyconf.forms.presets import with_new_backends
from proxyconf.forms.rows import FieldRows, changed_lists, rows_of
from proxyconf.profile import AccountingProfile, DoAccounting, Flags, takes_flag_names
from proxyconf.translation import translated
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend
from proxyconf.vocabulary.parameters import RELEASES, ParameterKind, parameters_of, why_absent, why_no_backend
from proxyconf.vocabulary.products import Version

Text = str | Promise
_SUGGESTED_FLAGS = 8
ABOUT_BACKENDS: Mapping[Backend, Text] = {
    Backend.SYSLOG: _("A line per event. Needs nothing else, and accweb can receive it straight away."),
    Backend.SQL: _("A row per event in acc and missed_calls, in a database that the proxy reaches."),
    Backend.RADIUS: _("A packet per event to a RADIUS server; a worker of the proxy waits for the answer."),
    Backend.DIAMETER: _("A message per event to a Diameter peer."),
    Backend.JSON: _("An object per event, to syslog or to a queue of the proxy."),
    Backend.EVENTS: _("An event per transaction for the event interface, which can send it on over UDP or AMQP."),
}


class FlagLine(NamedTuple):
    """The flags of one backend in the form."""

    backend: Backend
    title: str
    fields: list[forms.BoundField]


class OptionGroup(NamedTuple):
    """The options of one group in the form; ``changed`` counts those that differ from their default."""

    group: OptionSection
    fields: list[forms.BoundField]
    changed: int


class ProfileForm(forms.Form):
    """The form of a whole profile; ``rows`` are the formsets of its lists of fields.

    ``value()`` returns the profile as entered, also of an unbound form; invalid input leaves the stored value.
    """

    def __init__(self, stored: AccountingProfile, flags_elsewhere: tuple[int, ...] = (), data: Any = None) -> None:
        super().__init__(data)
        self.stored = stored
        self.flags_elsewhere = flags_elsewhere
        self.rows: dict[str, FieldRows] = rows_of(stored, data)
        self._add_backends()
        if stored.uses_do_accounting:
            self._add_asking()
        else:
            self._add_flags(flags_elsewhere)
        for name, field, initial in option_fields(stored):
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "input"
            self.fields[name] = field
            self.initial[name] = initial

    # --- what the form has

    def _add_backends(self) -> None:
        choices = [(one.value, BACKEND_NAMES[one]) for one in self.stored.known_backends]
        self.fields["backends"] = forms.MultipleChoiceField(
            choices=choices, required=False, widget=forms.CheckboxSelectMultiple
        )
        self.initial["backends"] = [one.value for one in self.stored.backends]

    def _add_asking(self) -> None:
        asked = self.stored.do_accounting
        choices = [(one.value, BACKEND_NAMES[one]) for one in self.stored.known_backends]
        self.fields["ask_missed"] = forms.MultipleChoiceField(
            choices=choices, required=False, widget=forms.CheckboxSelectMultiple
        )
        self.initial["ask_missed"] = [one.value for one in Backend if one in asked.missed]
        for name, about in _ASKED_OF_ALL.items():
            self.fields[f"ask_{name}"] = forms.BooleanField(
                label=name, required=False, widget=forms.CheckboxInput, help_text=str(about)
            )
            self.initial[f"ask_{name}"] = bool(getattr(asked, name))
        self.fields["ask_table"] = forms.CharField(
            label=_("Table"),
            required=False,
            max_length=256,
            widget=forms.TextInput({"class": "input mono", "placeholder": "acc"}),
            help_text=_("Where the rows go instead of the table acc."),
        )
        self.initial["ask_table"] = asked.table

    def _add_flags(self, elsewhere: tuple[int, ...]) -> None:
        flags, known = self.stored.flags, self.stored.parameters
        free = ", ".join(map(str, self.stored.free_flags(elsewhere)[:_SUGGESTED_FLAGS]))
        named = takes_flag_names(self.stored.product, self.stored.version)
        self.flag_hint = (
            _("Names of flags, as setflag() has them in the script.")
            if named
            else _("Numbers from 1 to 31, with a name where the script should use one: FLT_ACC = 1. Free: %s…") % free
        )
        for backend, names in self.stored.known_backends.items():
            self._add_flag(f"flag_{backend.value}", names.flag, flags.account.get(backend))
            if names.missed_flag:
                self._add_flag(f"missed_{backend.value}", names.missed_flag, flags.missed.get(backend))
        for name, key in _SINGLE_FLAGS.items():
            if key in known and known[key].kind is ParameterKind.FLAG:
                self._add_flag(name, key, getattr(flags, name), gettext(known[key].meaning))

    def _add_flag(self, name: str, label: str, initial: Any, about: str = "") -> None:
        self.fields[name] = FlagField(label=label, help_text=about)
        is_named = takes_flag_names(self.stored.product, self.stored.version)
        self.fields[name].widget.attrs["data-flag"] = f"ACC_{label.removesuffix('_flag').upper()}" if is_named else ""
        self.initial[name] = initial

    # --- parts of the page

    @property
    def free_flags(self) -> str:
        """The numbers that a new output may take, the best first."""
        return " ".join(str(number) for number in self.stored.free_flags(self.flags_elsewhere) if number)

    def backend_choices(self) -> list[dict[str, Any]]:
        """Return the backends: name, title, description, why the release lacks it, whether it is chosen."""
        chosen = self["backends"].value() or []
        release = (self.stored.product, self.stored.version)
        return [
            {
                "name": one.value,
                "title": BACKEND_NAMES[one],
                "about": ABOUT_BACKENDS[one],
                "absent": translated(why_no_backend(*release, one)),
                "chosen": one.value in chosen,
            }
            for one in Backend
        ]

    def flag_lines(self) -> list[FlagLine]:
        """Return the flags per backend."""
        return [
            FlagLine(one, BACKEND_NAMES[one], [self[n] for n in (f"flag_{one}", f"missed_{one}") if n in self.fields])
            for one in self.stored.known_backends
            if f"flag_{one}" in self.fields
        ]

    def single_flags(self) -> list[forms.BoundField]:
        """Return the flags that apply to all backends."""
        return [self[name] for name in _SINGLE_FLAGS if name in self.fields]

    def asked(self) -> list[dict[str, Any]]:
        """Return the backends for which ``do_accounting()`` can request missed calls."""
        chosen = self["ask_missed"].value() or []
        return [
            {"name": one.value, "title": BACKEND_NAMES[one], "missed": one.value in chosen}
            for one in self.stored.known_backends
        ]

    def asked_of_all(self) -> list[forms.BoundField]:
        """Return the flags of ``do_accounting()`` that apply to all backends."""
        return [self[f"ask_{name}"] for name in _ASKED_OF_ALL]

    def option_groups(self) -> list[OptionGroup]:
        """Return the groups that have options in this release."""
        keys_by_group: dict[str, list[str]] = {}
        for key, parameter in self.stored.parameters.items():
            if field_name(key) in self.fields:
                keys_by_group.setdefault(group_of(parameter.key), []).append(key)
        changed = self.stored.set_options().keys()
        return [
            OptionGroup(group, [self[field_name(key)] for key in keys], len(changed & set(keys)))
            for group in GROUPS
            if (keys := keys_by_group.get(group.name))
        ]

    def absent(self) -> Iterator[str]:
        """Yield a sentence for each parameter that this release lacks and another release of the product has."""
        product, version = self.stored.product, self.stored.version
        names: dict[str, None] = {}
        for release in RELEASES[product]:
            names |= dict.fromkeys(parameters_of(product, Version.parse(release)))
        for key in sorted(names):
            if why := why_absent(product, version, key):
                yield translated(why)

    def unavailable_options(self) -> list[str]:
        """Return a sentence for each stored option that this release lacks."""
        product, version = self.stored.product, self.stored.version
        return [translated(why) for key in self.stored.options if (why := why_absent(product, version, key))]

    # --- the entered profile

    def is_valid(self) -> bool:
        rows = [formset.is_valid() for formset in self.rows.values()]
        return super().is_valid() and all(rows)

    def value(self) -> AccountingProfile:
        """Return the profile as entered."""
        if not self.is_bound:
            return self.stored
        self.is_valid()
        cleaned = self.cleaned_data
        changed: dict[str, Any] = changed_lists(self.stored, self.rows)
        changed["options"] = changed_options(self.stored, cleaned)
        changed["macros"] = {  # a changed value replaces the script's macro
            key: name
            for key, name in self.stored.macros.items()
            if changed["options"].get(key) == self.stored.options.get(key)
        }
        if "backends" in cleaned:
            unknown = [one for one in self.stored.backends if one not in self.stored.known_backends]
            chosen = {*unknown, *map(Backend, cleaned["backends"])}
            if chosen != set(self.stored.backends):
                changed["backends"] = tuple(one for one in Backend if one in chosen)
        if self.stored.uses_do_accounting:
            changed["do_accounting"] = self._asked_given(cleaned, changed.get("backends", self.stored.backends))
        else:
            changed["flags"] = self._flags_given(cleaned)
        return with_new_backends(replace(self.stored, **changed), self.stored, self.flags_elsewhere)

    def _asked_given(self, cleaned: Mapping[str, Any], backends: tuple[Backend, ...]) -> DoAccounting:
        asked = self.stored.do_accounting
        missed = frozenset(map(Backend, cleaned["ask_missed"])) if "ask_missed" in cleaned else asked.missed
        of_all = {
            name: frozenset(backends if cleaned.get(f"ask_{name}", getattr(asked, name)) else ())
            for name in _ASKED_OF_ALL
        }
        return DoAccounting(missed=missed, table=cleaned.get("ask_table", asked.table), **of_all)

    def _flags_given(self, cleaned: Mapping[str, Any]) -> Flags:
        flags = self.stored.flags
        account, missed = dict(flags.account), dict(flags.missed)
        for stored, prefix in ((account, "flag"), (missed, "missed")):
            for backend in Backend:
                name = f"{prefix}_{backend.value}"
                if name in cleaned:
                    stored.pop(backend, None)
                    stored |= {backend: cleaned[name]} if cleaned[name] else {}
        single = {name: cleaned.get(name, getattr(flags, name)) for name in _SINGLE_FLAGS}
        return Flags(account, missed, **single)


_SINGLE_FLAGS = {"failed": "failed_transaction_flag", "prepare": "acc_prepare_flag", "cdr": "cdr_flag"}
_ASKED_OF_ALL: Mapping[str, Text] = {
    "failed": _("Record calls that nobody answered. It holds for every place the proxy writes to."),
    "cdr": _("Write one record at the end of the call instead of START and STOP, to every place."),
}
