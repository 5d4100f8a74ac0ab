"""Suggestions: sets of fields to start from, and what a backend that is new needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from proxyconf.profile import (
    AccountingProfile,
    DoAccounting,
    ExtraDefinition,
    MessageFlag,
    free_numbers,
    takes_flag_names,
)
from proxyconf.vocabulary.layout import Backend, suggest_role
from proxyconf.vocabulary.suggestions import suggested_label, suggested_name


class Preset(NamedTuple):
    """A set of extra fields: the variables, in order."""

    name: str
    title: str | Promise
    variables: tuple[str, ...]


PRESETS = (
    Preset("minimal", _("Minimal: caller and callee"), ("$fU", "$rU")),
    Preset("usual", _("The usual six fields"), ("$fU", "$fd", "$si", "$tU", "$rU", "$rd")),
    Preset("billing", _("Billing: account, caller, callee"), ("$au", "$fU", "$rU", "$tU", "$si")),
    Preset("quality", _("Carrier quality: gateway, address, device"), ("$fU", "$rU", "$dd", "$si", "$ua")),
)


def with_preset(profile: AccountingProfile, name: str) -> AccountingProfile:
    """Return the profile with the fields of a preset that it lacks, logged by all its backends."""
    preset = next((one for one in PRESETS if one.name == name), None)
    if preset is None:
        return profile
    present = {one.variable for one in profile.extras}
    added = [_field(profile, variable) for variable in preset.variables if variable not in present]
    return replace(profile, extras=(*profile.extras, *added))


def with_new_backends(
    profile: AccountingProfile, before: AccountingProfile, flags_elsewhere: Iterable[int] = ()
) -> AccountingProfile:
    """Return the profile with flags and labels for the backends that ``before`` does not have, where it has none."""
    for backend in profile.backends:
        if backend not in before.backends and not _is_set_up(profile, backend):
            profile = _with_labels(_with_flags(profile, backend, flags_elsewhere), backend)
    return profile


def _field(profile: AccountingProfile, variable: str) -> ExtraDefinition:
    name = suggested_name(variable)
    labels = {one: label for one in profile.backends if (label := suggested_label(one, name))}
    return ExtraDefinition(name, variable, labels, suggest_role(name, variable))


def _is_set_up(profile: AccountingProfile, backend: Backend) -> bool:
    flags = profile.flags
    return backend in flags.account or backend in flags.missed or bool(profile.extra_labels(backend))


def _with_flags(profile: AccountingProfile, backend: Backend, flags_elsewhere: Iterable[int]) -> AccountingProfile:
    names = profile.known_backends.get(backend)
    if names is None:
        return profile
    if profile.uses_do_accounting:
        asked = profile.do_accounting
        every = frozenset(profile.backends)
        changed = DoAccounting(
            missed=asked.missed | {backend} if asked.missed else asked.missed,
            failed=every if asked.failed else asked.failed,
            cdr=every if asked.cdr else asked.cdr,
            table=asked.table,
        )
        return replace(profile, do_accounting=changed)
    account, missed_flags = dict(profile.flags.account), dict(profile.flags.missed)
    if takes_flag_names(profile.product, profile.version):
        word = names.flag.removesuffix("_flag").upper()
        new = [MessageFlag(None, f"ACC_{word}"), MessageFlag(None, f"ACC_{word}_MISSED")]
    else:
        new = [MessageFlag(number) for number in free_numbers({*profile.flags.numbers(), *flags_elsewhere})[:2]]
    if names.flag and new:
        account[backend] = new[0]
    if names.missed_flag and len(new) > 1:
        missed_flags[backend] = new[1]
    return replace(profile, flags=replace(profile.flags, account=account, missed=missed_flags))


def _with_labels(profile: AccountingProfile, backend: Backend) -> AccountingProfile:
    extras = tuple(
        replace(one, labels={**one.labels, backend: label})
        if one.labels and (label := suggested_label(backend, _name_of(one)))
        else one
        for one in profile.extras
    )
    return replace(profile, extras=extras)


def _name_of(field: ExtraDefinition) -> str:
    return field.labels.get(Backend.SYSLOG) or field.labels.get(Backend.SQL) or field.name
