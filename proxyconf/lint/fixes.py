"""Changes of a profile that remedy a finding: each function returns a fix, and a fix changes nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from proxyconf.lint.finding import Fix, Severity
from proxyconf.lint.naming import plain
from proxyconf.lint.places import BACKEND_WORDS, Field, Label
from proxyconf.lint.registry import rules
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, MessageFlag, takes_flag_names
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import Value
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.suggestions import suggested_label

_MOST_CANDIDATES = 100
_LONGEST_LABEL = {Backend.RADIUS: 32}
_LONGEST = 63
_FIRST_FREE_AVP = 1001
_ONE_LIST = frozenset({Backend.SYSLOG, Backend.SQL})
"""The backends that share Kamailio's list of the fields of dialog records."""


# --- options and parameters


def set_option(key: str, value: Value) -> Fix:
    """Return the fix that gives an option a value."""
    return set_options({key: value})


def set_options(values: Mapping[str, Value]) -> Fix:
    """Return the fix that gives options their values; the first one names it."""
    key, value = next(iter(values.items()))

    def change(profile: AccountingProfile) -> AccountingProfile:
        return replace(profile, options={**profile.options, **values}, macros=_without(profile.macros, values))

    return Fix(_("Set {key} to {value}", key=key, value=value), change)


def use_default(*keys: str) -> Fix:
    """Return the fix that leaves options to the release's default."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        return replace(profile, options=_without(profile.options, keys), macros=_without(profile.macros, keys))

    return Fix(_("Remove {key}", key=keys[0]), change)


def set_parameter(index: int, value: Value) -> Fix:
    """Return the fix that changes the value of one of the parameters that the profile does not model."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        changed = list(profile.other_parameters)
        changed[index] = changed[index]._replace(value=value)
        return replace(profile, other_parameters=tuple(changed))

    return Fix(_("Set it to {value}", value=value), change)


def remove_parameter(index: int) -> Fix:
    """Return the fix that removes one of the parameters that the profile does not model."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        others = profile.other_parameters
        return replace(profile, other_parameters=(*others[:index], *others[index + 1 :]))

    return Fix(_("Remove the parameter"), change)


def _without(values: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    dropped = frozenset(keys)
    return {key: value for key, value in values.items() if key not in dropped}


# --- flags


def set_flag(
    profile: AccountingProfile, facts: ScriptFacts, purpose: str, backend: Backend | None = None
) -> Fix | None:
    """Return the fix that gives an unused flag to a purpose (``account`` and ``missed``: of a backend); None if no flag
    is left.
    """
    flag = _unused_flag(profile, facts, purpose, backend)
    if flag is None:
        return None
    title = _("Use flag {flag}", flag=flag.name if flag.number is None else flag.number)
    return Fix(title, lambda changed: with_flag(changed, flag, purpose, backend))


def set_account_flags(facts: ScriptFacts, backends: Iterable[Backend]) -> Fix | None:
    """Return the fix that gives each of the backends an unused accounting flag; None if there are no backends."""
    wanted = tuple(backends)
    if not wanted:
        return None

    def change(profile: AccountingProfile) -> AccountingProfile:
        for backend in wanted:
            flag = _unused_flag(profile, facts, "account", backend)
            profile = with_flag(profile, flag, "account", backend) if flag else profile
        return profile

    return Fix(_("Set the flags"), change)


def remove_flags(**flags: Any) -> Fix:
    """Return the fix that replaces the flags of purposes by none."""
    return Fix(_("Remove the flags"), lambda profile: replace(profile, flags=replace(profile.flags, **flags)))


def with_flag(
    profile: AccountingProfile, flag: MessageFlag | None, purpose: str, backend: Backend | None = None
) -> AccountingProfile:
    """Return the profile with the flag of a purpose set, or removed."""
    flags = profile.flags
    changed: dict[str, Any] = {purpose: flag}
    if backend is not None:
        others = {one: old for one, old in getattr(flags, purpose).items() if one is not backend}
        changed = {purpose: others | ({backend: flag} if flag else {})}
    return replace(profile, flags=replace(flags, **changed))


def _unused_flag(
    profile: AccountingProfile, facts: ScriptFacts, purpose: str, backend: Backend | None
) -> MessageFlag | None:
    flags = profile.flags
    every = [*flags.account.values(), *flags.missed.values(), flags.failed, flags.prepare, flags.cdr]
    names = Counter(flag.name for flag in every if flag is not None and flag.name)
    old = getattr(flags, purpose).get(backend) if backend else getattr(flags, purpose)
    if takes_flag_names(profile.product, profile.version):
        word = backend.value.upper() if backend else purpose.upper()
        wanted = f"ACC_{word}_MISSED" if purpose == "missed" else f"ACC_{word}"
        return MessageFlag(None, next(name for name in numbered(wanted) if name not in names))
    number = next((one for one in profile.free_flags(facts.flags) if one != 0), None)
    if number is None:
        return None
    is_name_its_own = old is not None and names[old.name] == 1 and plain(old.name) == old.name.lower()
    return MessageFlag(number, old.name if is_name_its_own and old is not None else "")


def change_do_accounting(title: str, **members: Any) -> Fix:
    """Return the fix that changes what the script's ``do_accounting()`` asks for."""
    return Fix(title, lambda profile: replace(profile, do_accounting=replace(profile.do_accounting, **members)))


def numbered(name: str) -> Iterator[str]:
    """Yield a name, then the name with the numbers from 2 on."""
    yield name
    yield from (f"{name}_{number}" for number in count(2))


# --- fields


def change_field(target: Field, title: str, **members: Any) -> Fix:
    """Return the fix that changes members of one field."""
    return Fix(title, lambda profile: _with_field(profile, target, replace(target.definition, **members)))


def set_variable(target: Field, variable: str) -> Fix:
    """Return the fix that reads a field from another variable."""
    return change_field(target, _("Use {variable}", variable=variable), variable=variable)


def add_field(kind: str, field: ExtraDefinition | LegDefinition) -> Fix:
    """Return the fix that adds a field at the end of the list ``kind``."""
    name = field.name or field.variable
    return Fix(
        _("Add {name}", name=name), lambda profile: _with_fields(profile, kind, (*getattr(profile, kind), field))
    )


def remove_fields(kind: str) -> Fix:
    """Return the fix that empties one of the lists of fields."""
    return Fix(_("Remove the fields"), lambda profile: _with_fields(profile, kind, ()))


def remove_labels(kind: str, backend: Backend, index: int | None = None) -> Fix:
    """Return the fix that no longer writes the fields of a list, or one of them, to a backend."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        fields = [
            replace(one, labels={key: label for key, label in one.labels.items() if key is not backend})
            if index in (None, position)
            else one
            for position, one in enumerate(getattr(profile, kind))
        ]
        return _with_fields(profile, kind, fields)

    return Fix(_("Leave out of {backend}", backend=BACKEND_WORDS[backend]), change)


def use_backend(facts: ScriptFacts, backend: Backend) -> Fix:
    """Return the fix that writes to a backend too, with a flag of its own where the release takes flags."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        profile = replace(profile, backends=(*profile.backends, backend))
        is_flagged = profile.uses_do_accounting or backend in profile.flags.account
        flag = None if is_flagged else _unused_flag(profile, facts, "account", backend)
        return with_flag(profile, flag, "account", backend) if flag else profile

    return Fix(_("Write to {backend}", backend=BACKEND_WORDS[backend]), change)


def without_backend(profile: AccountingProfile, backend: Backend) -> Fix | None:
    """Return the fix that no longer writes to a backend; None if it is the only one."""
    if profile.backends == (backend,):
        return None

    def change(profile: AccountingProfile) -> AccountingProfile:
        return replace(profile, backends=tuple(one for one in profile.backends if one is not backend))

    return Fix(_("Do without {backend}", backend=BACKEND_WORDS[backend]), change)


def _with_field(profile: AccountingProfile, target: Field, field: ExtraDefinition | LegDefinition) -> AccountingProfile:
    fields = list(getattr(profile, target.kind))
    fields[target.index] = field
    return _with_fields(profile, target.kind, fields)


def _with_fields(
    profile: AccountingProfile, kind: str, fields: Iterable[ExtraDefinition | LegDefinition]
) -> AccountingProfile:
    members: dict[str, Any] = {kind: tuple(fields)}
    return replace(profile, **members)


# --- names


def rename(profile: AccountingProfile, label: Label, wanted: str = "") -> Fix | None:
    """Return the fix that gives a label a name like ``wanted``, by default like the one that it has, which no rule
    objects to; None where no name suits all backends.
    """
    is_name = label.place.path.endswith(".name")
    if is_name and Backend.DIAMETER in profile.backends:  # one name for a number and the names of the others
        return None
    key = None if is_name else Backend(label.place.path.rpartition(".")[2])

    def change(profile: AccountingProfile) -> AccountingProfile:
        names = _candidates(Backend.SYSLOG if key is None else label.backend, wanted or label.text)
        return _first_accepted(profile, (_with_name(profile, label.field, key, name) for name in names))

    return Fix(_("Rename the label"), change)


def rename_field(target: Field) -> Fix:
    """Return the fix that gives a field a name that no rule objects to."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        names = _candidates(Backend.SYSLOG, target.definition.name or target.definition.variable)
        return _first_accepted(profile, (_with_name(profile, target, None, name) for name in names))

    return Fix(_("Rename the field"), change)


def rename_option(key: str) -> Fix:
    """Return the fix that gives an option that is a name another one, like the one that it has."""

    def change(profile: AccountingProfile) -> AccountingProfile:
        names = _candidates(Backend.SQL, str(profile.option(key) or ""))
        return _first_accepted(profile, (set_option(key, name).change(profile) for name in names))

    return Fix(_("Rename it"), change)


def label_field(profile: AccountingProfile, target: Field, backends: Iterable[Backend]) -> Fix:
    """Return the fix that gives a field labels for all of the backends."""
    if isinstance(target.definition, LegDefinition) and not profile.uses_field_declarations:
        return rename_field(target)  # its name is the label everywhere
    wanted = tuple(backends)

    def change(profile: AccountingProfile) -> AccountingProfile:
        names = zip(
            *(_candidates(backend, target.definition.name or target.definition.variable) for backend in wanted),
            strict=False,
        )
        return _first_accepted(
            profile, (_with_labels(profile, target, dict(zip(wanted, one, strict=True))) for one in names)
        )

    return Fix(_("Add labels"), change)


def _with_labels(profile: AccountingProfile, target: Field, labels: Mapping[Backend, str]) -> AccountingProfile:
    for backend, label in labels.items():
        profile = _with_name(profile, target, backend, label)
    return profile


def _with_name(profile: AccountingProfile, target: Field, backend: Backend | None, name: str) -> AccountingProfile:
    field = getattr(profile, target.kind)[target.index]
    if backend is None:
        return _with_field(profile, target, replace(field, name=name))
    labels = {**field.labels, backend: name}
    if target.kind == "cdr_extras" and profile.product is Product.KAMAILIO and backend in _ONE_LIST:
        labels |= dict.fromkeys(_ONE_LIST & field.labels.keys(), name)
    return _with_field(profile, target, replace(field, labels=labels))


def _candidates(backend: Backend, wanted: str) -> Iterator[str]:
    """Yield names like ``wanted`` that a backend can carry, the best first."""
    if backend is Backend.DIAMETER:
        yield from map(str, range(_FIRST_FREE_AVP, _FIRST_FREE_AVP + _MOST_CANDIDATES))
        return
    longest = _LONGEST_LABEL.get(backend, _LONGEST) - len(f"x_{_MOST_CANDIDATES}_")
    base = plain(wanted)[:longest].strip("_")
    names = [base, f"x_{base}", *(f"{base}_{number}" for number in range(2, _MOST_CANDIDATES))]
    yield from (suggested_label(backend, name) for name in names)


def _first_accepted(profile: AccountingProfile, candidates: Iterable[AccountingProfile]) -> AccountingProfile:
    """Return the first candidate with fewer findings and no new problem; the profile where there is none."""
    before, findings_before = _problems(profile)
    for changed in candidates:
        after, findings_after = _problems(changed)
        if after < before or (after == before and findings_after < findings_before):
            return changed
    return profile


def _problems(profile: AccountingProfile) -> tuple[Counter[str], int]:
    """Return how often each rule finds more than a note, and how many findings there are."""
    severities = [
        (rule.name, problem.severity) for rule in rules().values() for problem in rule.find(profile, ScriptFacts())
    ]
    return Counter(name for name, severity in severities if severity is not Severity.NOTE), len(severities)
