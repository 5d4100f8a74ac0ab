"""Rules about labels: their characters, duplicates, and reserved names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from proxyconf.lint.fixes import (
    label_field,
    rename,
    rename_field,
    set_parameter,
    set_variable,
)
from proxyconf.lint.naming import bad_characters, plain
from proxyconf.lint.places import BACKEND_WORDS, Label, fields, labels, used_backends
from proxyconf.lint.registry import Place, Problem, error, rule, warning
from proxyconf.profile import AccountingProfile
from proxyconf.render.radius_attributes import acc_names
from proxyconf.render.sql_schema import core_columns, folded
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import all_of, any_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import ParameterKind, find_parameter
from proxyconf.vocabulary.products import Product

_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*( +[A-Za-z0-9_-]+)*")  # cfg.lex of OpenSIPS takes blanks in parentheses


@rule(
    "label-characters",
    _(
        "A record has the form name=value;name=value without quoting: with such a name the proxy does not start, or "
        "readers split the record in the wrong place."
    ),
)
def label_characters(profile: AccountingProfile) -> Iterator[Problem]:
    for label in _once(labels(profile)):
        if characters := bad_characters(label.text):
            yield error(
                label.place,
                _("The label {label!r} contains {found}.", label=label.text, found=all_of(characters)),
                _("Use letters, digits and underscores: {plain}.", plain=plain(label.text)),
            ).fixed_by(rename(profile, label))


@rule("trailing-separator", _("After the last field a semicolon is a syntax error: the proxy does not start."))
def trailing_separator(profile: AccountingProfile) -> Iterator[Problem]:
    for field in fields(profile):
        if field.definition.variable.rstrip().endswith(";"):
            yield error(
                field.variable_place,
                _("{variable!r} ends with a semicolon.", variable=field.definition.variable),
                _("Remove the semicolon."),
            ).fixed_by(set_variable(field, field.definition.variable.rstrip("; \t\r\n")))
    for index, other in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, other.name, other.module)
        is_list = parameter is not None and parameter.kind in (ParameterKind.EXTRAS, ParameterKind.LEGS)
        if is_list and isinstance(other.value, str) and other.value.rstrip().endswith(";"):
            place = Place(f"other_parameters[{index}]", _("parameter {name}", name=other.name))
            yield error(
                place, _("The list {value!r} ends with a semicolon.", value=other.value), _("Remove the semicolon.")
            ).fixed_by(set_parameter(index, other.value.rstrip("; \t\r\n")))


@rule("field-unused", _("A field is logged by those backends for which it has a label."))
def field_unused(profile: AccountingProfile) -> Iterator[Problem]:
    used = used_backends(profile)
    logged = {(label.field.kind, label.field.index) for label in labels(profile) if label.text.strip()}
    for field in fields(profile):
        if used and (field.kind, field.index) not in logged:
            words = any_of(BACKEND_WORDS[one] for one in used)
            yield warning(
                field.place(), _("No output in use logs this field."), _("Give it a label for {words}.", words=words)
            ).fixed_by(label_field(profile, field, used))


@rule("tag-form", _("The tag is the name of the field in the script: $acc_extra(tag), $acc_leg(tag)."))
def tag_form(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.uses_field_declarations:
        return
    seen: dict[tuple[str, str], str] = {}
    for field in fields(profile):
        name = field.definition.name
        if not _TAG.fullmatch(name):
            yield error(
                field.place("name", _("name")),
                _("The name {name!r} cannot stand in $acc_extra(…) or $acc_leg(…).", name=name),
                _("Use letters, digits and underscores: {plain}.", plain=plain(name)),
                _("The proxy does not start with a tag that it cannot read."),
            ).fixed_by(rename_field(field))
        elif (field.kind, name) in seen:
            yield error(
                field.place("name", _("name")),
                _("The name {name!r} is used by {place} already.", name=name, place=seen[field.kind, name]),
                _("Give each field a name of its own."),
                _("Two fields of one tag are one field: the value assigned last is logged for both."),
            ).fixed_by(rename_field(field))
        seen.setdefault((field.kind, name), field.place().words)


@rule("label-repeated", _("Readers cannot distinguish two values with the same name."))
def label_repeated(profile: AccountingProfile) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Label] = {}
    for label in labels(profile):
        key = (label.record, _compared(label))
        first = seen.setdefault(key, label)
        if first is label:
            continue
        lost = label.backend is Backend.SQL
        yield (error if lost else warning)(
            label.place,
            _("The label {label!r} is used by {place} already.", label=label.text, place=first.place.words),
            _("Give each field a label of its own."),
            _("The INSERT names the column twice, so the database refuses every row.") if lost else "",
        ).fixed_by(rename(profile, label))


@rule("label-core-name", _("Extra fields must not have the names of the fields that every record has."))
def label_core_name(profile: AccountingProfile) -> Iterator[Problem]:
    for label in labels(profile):
        taken = _core_names(profile, label)
        if _compared(label) in taken:
            severity = warning if label.backend in (Backend.SYSLOG, Backend.EVENTS) else error
            yield severity(
                label.place,
                _(
                    "{label!r} is the name of a core field of {backend}.",
                    label=label.text,
                    backend=BACKEND_WORDS[label.backend],
                ),
                _("Choose another label, such as x_{label}.", label=label.text)
                if label.backend is not Backend.DIAMETER
                else _("Choose another AVP code, above 1000."),
                _CONSEQUENCE[label.backend],
            ).fixed_by(rename(profile, label, f"x_{label.text}"))


_CONSEQUENCE: Mapping[Backend, str] = {
    Backend.SYSLOG: _("The line has the name twice; readers take the first or the last of them."),
    Backend.SQL: _("The INSERT names the column twice, so the database refuses every row."),
    Backend.RADIUS: _("The request has the attribute twice; servers keep one of them."),
    Backend.DIAMETER: _("The message has the AVP twice, and readers confuse the two."),
    Backend.JSON: _("The extra value replaces the proxy's own."),
    Backend.EVENTS: _("The event has the parameter twice; readers keep one of them."),
}
_LOG = frozenset({"timestamp", "method", "from_tag", "to_tag", "call_id", "code", "reason"})
_LOG_OPENSIPS = frozenset({"created", "setuptime", "duration", "ms_duration", "call_start_time"})
_OBJECT = frozenset({"time", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason"})
_EVENT = _OBJECT | {"setuptime", "created", "duration", "ms_duration"}
# acc_diameter's own AVPs (diam_dict.h) and those of the base protocol that it sends
_DIAMETER = frozenset(map(str, (263, 264, 268, 279, 283, 296, 404, 406, 550, 551, 552, 553, 554, 564)))


def _core_names(profile: AccountingProfile, label: Label) -> frozenset[str]:
    is_cdr = label.record != str(label.backend)
    cdr = {str(profile.option(f"cdr_{one}_id")) for one in ("start", "end", "duration")}
    match label.backend:
        case Backend.SYSLOG if is_cdr:
            return frozenset(cdr)
        case Backend.SYSLOG:
            return _LOG | _time_names(profile) | (_LOG_OPENSIPS if _writes_setup(profile) else frozenset())
        case Backend.SQL if is_cdr:
            return frozenset({"id", *map(folded, cdr)})
        case Backend.SQL:
            return core_columns(profile)
        case Backend.RADIUS:
            return acc_names(profile)
        case Backend.DIAMETER if not profile.uses_do_accounting:
            return _DIAMETER
        case Backend.DIAMETER:
            return acc_names(profile)
        case Backend.JSON:
            return frozenset({"start_time", "end_time", "duration"}) if is_cdr else _OBJECT
    return _EVENT


def _time_names(profile: AccountingProfile) -> frozenset[str]:
    names = {1: ("time_exten",), 2: ("time_attr",), 3: ("time_attr",), 4: ("time_attr",)}
    mode = profile.option("time_mode")
    return frozenset(str(profile.option(one)) for one in names.get(mode if isinstance(mode, int) else 0, ()))


def _writes_setup(profile: AccountingProfile) -> bool:
    return profile.product is Product.OPENSIPS and profile.version >= (1, 6)


def _compared(label: Label) -> str:
    """Return a label for comparison: SQL and RADIUS ignore case."""
    if label.backend is Backend.SQL:
        return folded(label.text)
    return label.text.lower() if label.backend is Backend.RADIUS else label.text


def _once(all_labels: Iterable[Label]) -> Iterator[Label]:
    """Yield one label per place: the name of a leg is its label for all backends."""
    seen = set()
    for label in all_labels:
        if label.place.path not in seen:
            seen.add(label.place.path)
            yield label
