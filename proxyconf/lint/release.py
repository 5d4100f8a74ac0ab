"""What the release has, and what of the profile it does not have."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import (
    change_do_accounting,
    remove_fields,
    remove_flags,
    remove_parameter,
    set_parameter,
    use_backend,
    without_backend,
)
from proxyconf.lint.options import is_decimal
from proxyconf.lint.places import BACKENDS, takes, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, script_rule, warning
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import (
    RELEASES,
    Parameter,
    ParameterKind,
    Value,
    find_parameter,
    is_known,
    why_absent,
    why_no_backend,
)
from proxyconf.vocabulary.products import Product

_ACC_MODULES = frozenset({"acc", "acc_radius", "acc_diameter", "acc_json"})
_TITLES = {
    "legs": _("leg fields"),
    "cdr_extras": _("fields of dialog records"),
    "cdr_legs": _("leg fields of dialog records"),
}


@rule("release-unknown", _("Which parameters it has is not known here, so nothing can be generated for it."))
def release_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        yield error(
            Place("version", _("release")),
            _("{product} {version} is not known.", product=profile.product.label, version=profile.version),
            _("Choose one of {releases}.", releases=", ".join(RELEASES[profile.product])),
        )


@rule("backend-unknown", _("It is left out of the configuration: nothing is accounted there."))
def backend_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if is_known(profile.product, profile.version):
        for backend in profile.backends:
            if problem := why_no_backend(profile.product, profile.version, backend):
                yield error(BACKENDS, problem, _("Choose another output, or another release.")).fixed_by(
                    without_backend(profile, backend)
                )


@script_rule("backend-missing", _("The modules are loaded and write nothing."))
def backend_missing(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    known = is_known(profile.product, profile.version)
    if known and not used_backends(profile) and not profile.is_on("cdr_enable"):
        yield error(BACKENDS, _("No output is in use."), _("Choose one: the log is the simplest.")).fixed_by(
            use_backend(facts, Backend.SYSLOG)
        )


@rule("fields-unknown", _("They are left out of the configuration."))
def fields_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        return
    title = f"{profile.product.label} {profile.version}"
    for kind, words in _TITLES.items():
        if getattr(profile, kind) and not takes(profile, kind):
            yield warning(
                Place(kind, words),
                _("{title} has no {words}.", title=title, words=words),
                _("Remove them, or choose another release."),
            ).fixed_by(remove_fields(kind))
    for purpose, key in (("prepare", "acc_prepare_flag"), ("cdr", "cdr_flag"), ("failed", "failed_transaction_flag")):
        if getattr(profile.flags, purpose) is not None and key not in profile.parameters:
            yield warning(
                Place(f"flags.{purpose}", key), why_absent(profile.product, profile.version, key), _("Remove the flag.")
            ).fixed_by(remove_flags(**{purpose: None}))


@rule("flags-unused", _("From OpenSIPS 2.2 on the script asks for accounting with do_accounting(), before with flags."))
def flags_unused(profile: AccountingProfile) -> Iterator[Problem]:
    title = f"{profile.product.label} {profile.version}"
    asked = profile.do_accounting
    if profile.uses_do_accounting and (profile.flags.account or profile.flags.missed):
        yield note(
            Place("flags", _("flags")),
            _("{title} has no accounting flags.", title=title),
            _("Remove them: they do nothing."),
        ).fixed_by(remove_flags(account={}, missed={}))
    elif not profile.uses_do_accounting and (asked.missed or asked.failed or asked.cdr or asked.table):
        yield note(
            Place("do_accounting", "do_accounting()"),
            _("{title} has no do_accounting().", title=title),
            _("Ask for accounting with flags instead."),
        ).fixed_by(
            change_do_accounting(
                _("Remove do_accounting()"), missed=frozenset(), failed=frozenset(), cdr=frozenset(), table=""
            )
        )


@rule("parameter-unknown", _("The proxy does not start with a parameter that its module does not have."))
def parameter_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        return
    for at, one in enumerate(profile.other_parameters):
        if one.module not in _ACC_MODULES:
            continue
        if find_parameter(profile.product, profile.version, one.name, one.module) is None:
            key = f"{one.module}.{one.name}" if one.module == "acc_json" else one.name
            reason = why_absent(profile.product, profile.version, key)
            yield error(
                Place(f"other_parameters[{at}]", _("parameter {name} of {module}", name=one.name, module=one.module)),
                reason
                or _(
                    "{product} {version} has {name} in another module.",
                    product=profile.product.label,
                    version=profile.version,
                    name=one.name,
                ),
                _("Remove it, or use what took its place."),
            ).fixed_by(remove_parameter(at))


@rule("parameter-type", _("The proxy does not start with a text where it wants a number, or the other way round."))
def parameter_type(profile: AccountingProfile) -> Iterator[Problem]:
    for at, one in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, one.name, one.module)
        if one.module not in _ACC_MODULES or parameter is None or parameter.kind is ParameterKind.FLAG:
            continue
        if parameter.is_integer != isinstance(one.value, int):
            yield error(
                Place(f"other_parameters[{at}]", _("parameter {name} of {module}", name=one.name, module=one.module)),
                _("{value!r} is no number.", value=one.value)
                if parameter.is_integer
                else _("{value!r} is a number, not a text.", value=one.value),
                _("Allowed: {allowed}.", allowed=_(parameter.allowed)),
            ).fixed_by(_as_type(at, one.value, parameter))


def _as_type(at: int, value: Value, parameter: Parameter) -> Fix:
    if not parameter.is_integer:
        return set_parameter(at, str(value))
    return set_parameter(at, int(value)) if is_decimal(value) else remove_parameter(at)


@rule("parameter-repeated", _("Of a parameter that is set twice the last counts."))
def parameter_repeated(profile: AccountingProfile) -> Iterator[Problem]:
    seen = set()
    for at, one in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, one.name, one.module)
        adds_up = parameter is None or parameter.kind is ParameterKind.FIELDS
        modelled = parameter is not None and parameter.key in profile.options
        if one.module in _ACC_MODULES and not adds_up and (modelled or (one.module, one.name) in seen):
            yield warning(
                Place(f"other_parameters[{at}]", _("parameter {name} of {module}", name=one.name, module=one.module)),
                _("{name} is set twice.", name=one.name),
                _("Remove one of the two."),
            ).fixed_by(remove_parameter(at))
        seen.add((one.module, one.name))


@rule("event-subscriber", _("An event that nobody has subscribed to is dropped."))
def event_subscriber(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.product is Product.OPENSIPS and Backend.EVENTS in used_backends(profile):
        yield note(
            BACKENDS,
            _("The event interface needs a subscriber for E_ACC_EVENT, E_ACC_MISSED_EVENT and E_ACC_CDR."),
            _(
                'Load event_datagram and call subscribe_event("E_ACC_EVENT", "udp:host:port") for each in '
                "startup_route."
            ),
        )
