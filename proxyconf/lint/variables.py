"""Rules about the pseudo-variables of fields: their syntax, availability, and value when events are accounted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import add_field, set_variable
from proxyconf.lint.kinds import (
    expression_of,
    is_credential,
    is_request_uri,
    may_hold_separators,
)
from proxyconf.lint.places import Field, fields, used_backends
from proxyconf.lint.registry import Problem, error, note, rule, script_rule, warning
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.arguments import argument_words, why_wrong_argument
from proxyconf.vocabulary.layout import Backend, suggest_role
from proxyconf.vocabulary.messages import any_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import is_known
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.suggestions import suggested_label, suggested_name
from proxyconf.vocabulary.transformations import module_of, why_not_transformed
from proxyconf.vocabulary.variables import (
    Availability,
    Expression,
    find_variable,
    nearest_names,
    parse_variable,
    scan_variable,
    why_not_in,
    why_wrong,
)

_OPERAND = re.compile(r'"(?:[^"\\]|\\.)*"|[0-9]+', re.ASCII)
_OPERATOR = re.compile(r"\s*[-+*/%&|^]\s*")
_INDEX = re.compile(r"[+-]?[0-9]+|\*|\$.+", re.ASCII)
_SINGLE = frozenset(
    {
        *("fu", "fU", "fd", "ft", "fn", "tu", "tU", "td", "tt", "tn", "ru", "rU", "rd", "rm", "ou", "oU", "ci", "cs"),
        *("si", "sp", "ua", "au", "aU", "ad", "ar", "ct", "var"),
    }
)
"""Variables of Kamailio whose table entry (pv.c) has no function that reads an index."""

_HEADER = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")  # token of RFC 3261 section 25.1


class _Read(NamedTuple):
    field: Field
    expression: Expression


def variables(profile: AccountingProfile, kind: type[ExtraDefinition | LegDefinition] | None = None) -> Iterator[_Read]:
    """Yield the fields that have a valid variable, with that variable."""
    for field in fields(profile):
        if kind is None or isinstance(field.definition, kind):
            expression = expression_of(field.definition.variable)
            if expression is not None:
                yield _Read(field, expression)


def is_script_expression(profile: AccountingProfile, text: str) -> bool:
    """Return whether OpenSIPS 2.3 and later can assign the text: variables, texts and numbers joined by operators."""
    if not profile.uses_field_declarations:
        return False
    position, text = 0, text.strip()
    while position < len(text):
        if text[position] == "$":
            try:
                position = scan_variable(text, position)[1]
            except ValueError:
                return False
        elif operand := _OPERAND.match(text, position):
            position = operand.end()
        else:
            return False
        if position < len(text):
            operator = _OPERATOR.match(text, position)
            if operator is None or operator.end() == len(text):
                return False
            position = operator.end()
    return bool(text)


@script_rule(
    "variable-one",
    _(
        "The value of a field is exactly one pseudo-variable, without text around it: the proxy does not "
        "start with anything else."
    ),
)
def variable_one(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    for field in fields(profile):
        text = field.definition.variable.strip()
        if text.endswith(";") or is_script_expression(profile, text):  # the former is a finding of its own
            continue
        if not text and profile.uses_field_declarations:  # an included file may do it
            function = "acc_leg" if isinstance(field.definition, LegDefinition) else "acc_extra"
            yield note(
                field.variable_place,
                _("${function}({name}) is never assigned.", function=function, name=field.definition.name)
                if facts.is_whole
                else _("${function}({name}) is not assigned here.", function=function, name=field.definition.name),
                _("Assign it in the script, or enter a variable."),
                _("The field is empty in each record unless the script assigns it."),
            )
            continue
        try:
            parse_variable(text)
        except ValueError as problem:
            yield error(
                field.variable_place,
                _("{problem}.", problem=problem.args[0]),
                _('Write variables and texts in quotes, joined by +, such as $fU + "@" + $fd.')
                if profile.uses_field_declarations
                else _(
                    "Write one variable, such as $fU or $hdr(User-Agent). To log a text, or several values together, "
                    "put it into an AVP in the script and log $avp(name)."
                ),
                _("The script assigns the value to the field: the proxy does not start with what it cannot read.")
                if profile.uses_field_declarations
                else "",
            )


@rule("variable-argument", _("The proxy does not start with it."))
def variable_argument(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        known = find_variable(profile.product, expression.name) is not None
        wrong = why_wrong(profile.product, expression) or why_wrong_argument(profile.product, expression)
        if known and (problem := wrong):
            yield error(field.variable_place, problem, _("Write it as its module's documentation has it."))


@rule("variable-unknown", _("The proxy does not start with a variable that neither it nor a loaded module has."))
def variable_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    is_listed = profile.product is not Product.OPENSER and is_known(profile.product, profile.version)
    for field, expression in variables(profile):
        problem = why_not_in(profile.product, profile.version, expression.name)
        if problem:
            near = [f"${name}" for name in nearest_names(profile.product, expression.name, version=profile.version)]
            yield (error if is_listed else warning)(
                field.variable_place,
                problem,
                _("Did you mean {near}?", near=any_of(near))
                if near
                else _("Look the name up in the module's documentation."),
            ).fixed_by(*(_renamed(profile, field, expression, name.removeprefix("$")) for name in near))


def _renamed(profile: AccountingProfile, field: Field, expression: Expression, name: str) -> Fix | None:
    text = expression.text.replace(expression.name, name, 1)
    renamed = expression_of(text)
    return None if renamed is None or why_wrong(profile.product, renamed) else set_variable(field, text)


@rule("variable-transformation", _("The proxy does not start with a transformation that it does not know."))
def variable_transformation(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        for text in expression.transformations:
            if problem := why_not_transformed(profile.product, profile.version, text):
                yield error(field.variable_place, problem, _("Use one that the documentation of this release lists."))


@script_rule("transformation-module", _("The proxy does not start with a transformation whose module is not loaded."))
def transformation_module(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    for field, expression in variables(profile):
        for text in expression.transformations:
            module = module_of(profile.product, text)
            if not module or module in facts.modules:
                continue
            yield (warning if facts.is_whole else note)(
                field.variable_place,
                _("{{{name}}} is a transformation of the module {module}.", name=text.split(",")[0], module=module),
                _("Load {module} in the script.", module=module),
            )


@rule("variable-index", _("The proxy does not start with an index that it cannot read."))
def variable_index(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        index = (expression.index or "0").strip()
        if not _INDEX.fullmatch(index):
            yield error(
                field.variable_place,
                _("[{index}] is not a valid index of ${name}.", index=index, name=expression.name),
                _("Use a number, a variable, or * for all values."),
            )
        elif profile.product is Product.KAMAILIO and expression.index and expression.name in _SINGLE:
            yield error(
                field.variable_place,
                _("${name} takes no index.", name=expression.name),
                _("Write ${name} without the index.", name=expression.name),
            ).fixed_by(set_variable(field, _without_index(expression)))


def _without_index(expression: Expression) -> str:
    text = expression.text.replace(f"[{expression.index}]", "", 1)
    return text if expression.transformations or expression.context else f"${text[2:-1]}"


@rule("variable-avp-number", _("The proxy does not start with an AVP name that it cannot read."))
def variable_avp_number(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        prefix, name = expression.avp or ("", "")
        is_name = profile.product is Product.OPENSIPS and profile.version >= (1, 7)
        if prefix == "i" and not name.isdecimal() and not is_name:
            yield error(
                field.variable_place,
                _("{name!r} is not a valid AVP number.", name=name),
                _("Write $avp(s:{name}).", name=name),
            ).fixed_by(set_variable(field, expression.text.replace(f"i:{name}", f"s:{name}", 1)))


@rule("variable-choice", _("The proxy does not start with an argument that the variable does not have."))
def variable_choice(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        choices = argument_words(profile.product, expression.name)
        if choices and expression.argument and expression.argument not in choices:
            yield error(
                field.variable_place,
                _(
                    "{argument!r} is not a valid argument of ${name}.",
                    argument=expression.argument,
                    name=expression.name,
                ),
                _("Use one of {choices}.", choices=", ".join(choices)),
            ).fixed_by(
                *(
                    set_variable(field, expression.text.replace(expression.argument, choice, 1))
                    for choice in choices
                    if choice.lower() == expression.argument.lower()
                )
            )


@rule("variable-header", _("The proxy does not start with a name that no header can have."))
def variable_header(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        name = expression.argument or ""
        if expression.name in ("hdr", "hdrc") and name and not name.startswith("$") and not _HEADER.fullmatch(name):
            yield error(
                field.variable_place,
                _("{name!r} is not a valid header name.", name=name),
                _("Write it like $hdr(User-Agent)."),
            )


@rule(
    "variable-reply",
    _("Extra values are taken from the request, in events of replies too: a value of the reply is empty there."),
)
def variable_reply(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        if _availability(profile, expression) is Availability.REPLY:
            yield warning(
                field.variable_place,
                _("${name} has a value in replies only.", name=expression.name),
                _(
                    "Copy it in an onreply_route, as in $avp(reply_value) = {variable};, and log that.",
                    variable=expression.text,
                ),
            )


_ELSEWHERE: Mapping[Availability, str] = {
    Availability.EVENT: _("while an event route runs"),
    Availability.TIMER: _("while a timer route runs"),
    Availability.ONSEND_ROUTE: _("in the onsend_route"),
    Availability.ERROR_ROUTE: _("in the error_route"),
}


@rule("variable-elsewhere", _("No accounting happens there, so the field is always empty."))
def variable_elsewhere(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        if where := _ELSEWHERE.get(_availability(profile, expression) or Availability.ANY):
            yield warning(
                field.variable_place,
                _("${name} has a value only {where}.", name=expression.name, where=where),
                _("Copy it into an AVP in the script and log that."),
            )


@script_rule("variable-dialog", _("Such a variable is empty in requests whose dialog the proxy does not track."))
def variable_dialog(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    tracked = "create_dialog()" if profile.product is Product.OPENSIPS else "dlg_manage()"
    for field, expression in variables(profile):
        if _availability(profile, expression) is Availability.DIALOG and not (
            profile.uses_dialog or facts.tracks_dialogs
        ):
            yield note(
                field.variable_place,
                _("${name} is a variable of dialogs.", name=expression.name),
                _("Load the dialog module and call {tracked} for the INVITE.", tracked=tracked),
            )


@rule(
    "variable-credentials",
    _(
        "A phone sends its credentials only with the request that was asked for them: the BYE, the ACK "
        "and the first INVITE have none."
    ),
)
def variable_credentials(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        if is_credential(expression) and not isinstance(field.definition, LegDefinition):
            yield note(
                field.variable_place,
                _("${name} is empty in most events.", name=expression.name),
                _("Take it from the START of a call. To have it in every event, keep it in a variable of the dialog."),
            )


@rule(
    "variable-request-uri",
    _("The proxy puts the URI of the branch that answered (or failed) in its place before it asks for the values."),
)
def variable_request_uri(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.product is not Product.KAMAILIO:
        return
    read = list(variables(profile, ExtraDefinition))
    if any(expression.name in ("ou", "oU") for _field, expression in read):
        return
    for field, expression in read:
        if is_request_uri(expression):
            yield note(
                field.variable_place,
                _("${name} is where the call went, not what was dialled.", name=expression.name),
                _("Log $ou (or its user, $oU) too if the number dialled matters."),
            ).fixed_by(add_field("extras", _dialled(profile)))


def _dialled(profile: AccountingProfile) -> ExtraDefinition:
    name, variable = suggested_name("$oU"), "$oU"
    labels = {one: label for one in used_backends(profile) if (label := suggested_label(one, name))}
    return ExtraDefinition(name, variable, labels, suggest_role(name, variable))


@rule(
    "variable-foreign-text",
    _(
        "A log line is not quoted: text with ;name= in it looks like further fields, and callers choose "
        "this text. accweb reads such a line by the order of the fields; other readers may not."
    ),
)
def variable_foreign_text(profile: AccountingProfile) -> Iterator[Problem]:
    if Backend.SYSLOG not in used_backends(profile):
        return
    for field, expression in variables(profile, ExtraDefinition):
        if may_hold_separators(expression) and field.definition.labels.get(Backend.SYSLOG):
            what = _("{variable} is written by the caller.", variable=expression.text)
            if profile.product is Product.OPENSER:
                yield note(field.variable_place, what, _("Let nothing else rely on the fields that follow it."))
                return
            escaped = _escaped(expression)
            remedy = _("Log it escaped, as in {escaped}, where anything else reads the log.", escaped=escaped)
            yield note(field.variable_place, what, remedy).fixed_by(set_variable(field, escaped))
            return


def _escaped(expression: Expression) -> str:
    text = expression.text[1:]
    inner = text[1:-1] if text.startswith("(") else text
    return f"$({inner}{{s.escape.common}})"


@rule("avp-form", _("Which names of AVPs a release takes has changed."))
def avp_form(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in variables(profile):
        if expression.avp is None:
            continue
        prefix, name = expression.avp
        if prefix and profile.product is Product.OPENSIPS and profile.version >= (1, 7):
            yield note(  # usr_avp.c: parse_avp_spec() takes the whole text for the name
                field.variable_place,
                _("The name of this AVP is “{prefix}:{name}”.", prefix=prefix, name=name),
                _("Write it the same way in the script, where $avp({name}) is another AVP.", name=name),
                _("Since OpenSIPS 1.7 i: and s: are part of the name."),
            )
        elif not prefix and not name.startswith("$") and _aliased(profile):
            yield warning(
                field.variable_place,
                _(
                    "In {product} {version} $avp({name}) is an alias.",
                    product=profile.product.label,
                    version=profile.version,
                    name=name,
                ),
                _("Define it with avp_aliases, or write $avp(s:{name}) here and in the script.", name=name),
                _("The proxy does not start with an alias that is not defined."),
            ).fixed_by(set_variable(field, expression.text.replace(f"({name}", f"(s:{name}", 1)))


def _aliased(profile: AccountingProfile) -> bool:
    limit = {Product.OPENSER: (9, 0), Product.KAMAILIO: (3, 1), Product.OPENSIPS: (1, 7)}[profile.product]
    return profile.version < limit


def _availability(profile: AccountingProfile, expression: Expression) -> Availability | None:
    variable = find_variable(profile.product, expression.name)
    return variable.availability if variable else None
