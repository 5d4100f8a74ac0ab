"""Rules about the script's use of the fields, which is known only if the whole configuration was imported."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.fixes import add_field
from proxyconf.lint.kinds import expression_of
from proxyconf.lint.places import fields, used_backends
from proxyconf.lint.registry import Place, Problem, error, script_rule, warning
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import VALUE_OF_ROLE, suggest_role
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.suggestions import suggested_label

_CDR_NAMES = ("cdr_start_id", "cdr_end_id", "cdr_duration_id")


@script_rule("tag-undeclared", _("OpenSIPS does not start with a tag that no extra_fields or leg_fields declares."))
def tag_undeclared(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if not profile.uses_field_declarations:
        return
    declared = {"acc_extra": profile.extras, "acc_leg": profile.legs}
    for use in facts.undeclared:
        if use.tag not in {field.name for field in declared.get(use.variable, ())}:
            kind = "extras" if use.variable == "acc_extra" else "legs"
            words = _("extra field") if use.variable == "acc_extra" else _("leg field")
            yield error(
                Place(kind, words),
                _("Line {line} uses ${variable}({tag}).", line=use.line, variable=use.variable, tag=use.tag),
                _("Add a field named {tag}, or remove it from the script.", tag=use.tag),
            ).fixed_by(add_field(kind, _declared(profile, kind, use.tag)))


@script_rule(
    "dialog-variable-unset",
    _("The records of dialogs are written at the end of a call, and a variable that was never set is empty there."),
)
def dialog_variable_unset(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if profile.product is not Product.KAMAILIO or not (facts.is_whole and facts.tracks_dialogs):
        return
    own = {str(profile.option(key)) for key in _CDR_NAMES}
    for field in fields(profile):
        expression = expression_of(field.definition.variable)
        if field.kind != "cdr_extras" or expression is None or expression.name != "dlg_var":
            continue
        name = expression.argument or ""
        if (
            name not in own
            and f"dlg_var({name})" not in facts.assigned
            and isinstance(field.definition, ExtraDefinition)
        ):
            yield warning(
                field.variable_place,
                _("$dlg_var({name}) is never assigned.", name=name),
                _(
                    "Add $dlg_var({name}) = {value}; where the script starts to track the dialog, after dlg_manage().",
                    name=name,
                    value=_value(field.definition, name),
                ),
            )


def _declared(profile: AccountingProfile, kind: str, tag: str) -> ExtraDefinition | LegDefinition:
    """Return the field of a tag that the script assigns."""
    labels = {one: suggested_label(one, tag) for one in used_backends(profile)}
    return (ExtraDefinition if kind == "extras" else LegDefinition)(tag, "", labels)


def _value(field: ExtraDefinition, name: str) -> str:
    role = field.role or suggest_role(name, field.variable)
    return VALUE_OF_ROLE.get(role, "…") if role else "…"
