"""Rules about leg fields: the source of their values, and what the backends do with several legs."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.fixes import remove_fields, remove_labels, rename_field, set_variable, without_backend
from proxyconf.lint.kinds import expression_of
from proxyconf.lint.naming import plain
from proxyconf.lint.places import Field, fields, used_backends
from proxyconf.lint.registry import Place, Problem, error, rule, warning
from proxyconf.profile import AccountingProfile, LegDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import Expression

_LEGS = Place("legs", _("leg fields"))


def _listed_legs(profile: AccountingProfile) -> Iterator[tuple[Field, Expression]]:
    """Yield the fields of ``multi_leg_info`` with their variables, if these are valid."""
    for field in fields(profile):
        expression = expression_of(field.definition.variable)
        if (
            isinstance(field.definition, LegDefinition)
            and expression is not None
            and not profile.uses_field_declarations
        ):
            yield field, expression


@rule("leg-avp", _("Legs are read from the stack of an AVP's values: the proxy does not start with another variable."))
def leg_avp(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in _listed_legs(profile):
        if expression.name != "avp":
            yield error(
                field.variable_place,
                _("{variable} is not an AVP.", variable=expression.text),
                _(
                    "Push the value into an AVP in the script and write $avp({name}) here.",
                    name=field.definition.name or "name",
                ),
            ).fixed_by(set_variable(field, f"$avp({plain(field.definition.name or expression.name)})"))


@rule("leg-index", _("Legs are all values of the AVP, one after the other, as they were pushed."))
def leg_index(profile: AccountingProfile) -> Iterator[Problem]:
    for field, expression in _listed_legs(profile):
        if expression.name == "avp" and (expression.index is not None or expression.transformations):
            yield warning(
                field.variable_place,
                _("Index and transformations of {variable} have no effect.", variable=expression.text),
                _("Write $avp({name}).", name=expression.argument),
            ).fixed_by(set_variable(field, f"$avp({expression.argument})"))


@rule("legs-name", _("The name of a leg field is its label in every output."))
def legs_name(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    for field in fields(profile):
        if isinstance(field.definition, LegDefinition) and not field.definition.name.strip():
            yield error(
                field.place("name", _("name")), _("The leg field has no name."), _("Give it one, such as src or dst.")
            ).fixed_by(rename_field(field))


@rule(
    "legs-json",
    _("Seen live: at the first event with a leg the worker dies with signal 11 and the whole proxy ends."),
)
def legs_json(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.product is Product.KAMAILIO and Backend.JSON in used_backends(profile) and profile.legs:
        yield error(
            _LEGS,
            _("multi_leg_info is used together with acc_json."),
            _("Remove the leg fields or JSON; the log, SQL and RADIUS support legs."),
        ).fixed_by(remove_fields("legs"), without_backend(profile, Backend.JSON))


@rule(
    "legs-diameter",
    _(
        "One list names the legs of all backends, and Diameter takes nothing but decimal AVP codes: no "
        "name of a column and hardly one of a RADIUS attribute. Besides, every leg but the first goes "
        "out under wrong codes, that of the Call-ID among them."
    ),
)
def legs_diameter(profile: AccountingProfile) -> Iterator[Problem]:
    used = used_backends(profile)
    if Backend.DIAMETER not in used or not profile.legs or profile.uses_do_accounting or not profile.has_legs:
        return
    if len(used) > 1:
        yield error(
            _LEGS,
            _("Diameter is used together with legs of other backends."),
            _("Remove the legs or Diameter."),
        ).fixed_by(remove_fields("legs"), without_backend(profile, Backend.DIAMETER))
    else:
        what = _("Diameter is used with leg fields.")
        yield warning(_LEGS, what, _("Remove the legs.")).fixed_by(remove_fields("legs"))


@rule(
    "legs-radius-names",
    _(
        "Seen live on OpenSIPS 3.6: in START and STOP requests all values of a leg go out under the name "
        "of the first, second, … attribute of the list extras + legs, whichever leg it is, and "
        "Sip-Call-Setuptime and Sip-Call-Created under others' names. Only the record of a whole call "
        "(cdr) is right."
    ),
)
def legs_radius_names(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.uses_field_declarations:
        return
    for backend in (Backend.RADIUS, Backend.DIAMETER):
        if backend not in used_backends(profile) or not profile.leg_labels(backend):
            continue
        if backend not in profile.do_accounting.cdr:
            yield error(
                _LEGS,
                _("Leg values go out under wrong names."),
                _("Ask for records of whole calls (cdr) here, or send legs to another output."),
            ).fixed_by(remove_labels("legs", backend))
        elif backend in profile.do_accounting.failed or backend in profile.do_accounting.missed:
            yield warning(
                _LEGS,
                _("In failed and missed calls leg values go out under wrong names."),
                _("Do not rely on the legs of calls that were not answered."),
            )
