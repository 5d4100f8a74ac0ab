"""Rules about the release: which parts of the profile it supports."""

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
from proxyconf.vocabulary.products import Product, Version

_ACC_MODULES = frozenset({"acc", "acc_radius", "acc_diameter", "acc_json"})
_TITLES = {
    "legs": _("leg fields"),
    "cdr_extras": _("fields of dialog records"),
    "cdr_legs": _("leg fields of dialog records"),
}


@rule("release-unknown", _("Its parameters are not known, so nothing can be generated for it."))
def release_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        yield error(
            Place("version", _("release")),
            _("{product} {version} is not known.", product=profile.product.label, version=profile.version),
            _("Choose one of {releases}.", releases=", ".join(RELEASES[profile.product])),
        )


@rule("release-newer", _("What a later release added or removed is not known here."))
def release_newer(profile: AccountingProfile) -> Iterator[Problem]:
    newest = RELEASES[profile.product][-1]
    if profile.version[:2] > Version.parse(newest)[:2]:
        yield note(
            Place("version", _("release")),
            _(
                "{product} {version} is read as {newest}, the newest release that is known.",
                product=profile.product.label,
                version=profile.version,
                newest=newest,
            ),
            _("Compare the generated files with the release's documentation."),
        )


@rule("backend-unknown", _("It is omitted from the configuration: nothing is accounted to it."))
def backend_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    if is_known(profile.product, profile.version):
        for backend in profile.backends:
            if problem := why_no_backend(profile.product, profile.version, backend):
                yield error(BACKENDS, problem, _("Choose another output, or another release.")).fixed_by(
                    without_backend(profile, backend)
                )


@script_rule("backend-missing", _("The modules are loaded, but write nothing."))
def backend_missing(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    known = is_known(profile.product, profile.version)
    if known and not used_backends(profile) and not profile.is_on("cdr_enable"):
        yield error(BACKENDS, _("No output is in use."), _("Choose one: the log is the simplest.")).fixed_by(
            use_backend(facts, Backend.SYSLOG)
        )


@rule("fields-unknown", _("They are omitted from the configuration."))
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
            _("Remove them: they have no effect."),
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
    for index, other in enumerate(profile.other_parameters):
        if other.module not in _ACC_MODULES:
            continue
        if find_parameter(profile.product, profile.version, other.name, other.module) is None:
            key = f"{other.module}.{other.name}" if other.module == "acc_json" else other.name
            reason = why_absent(profile.product, profile.version, key)
            yield error(
                Place(
                    f"other_parameters[{index}]",
                    _("parameter {name} of {module}", name=other.name, module=other.module),
                ),
                reason
                or _(
                    "{product} {version} has {name} in another module.",
                    product=profile.product.label,
                    version=profile.version,
                    name=other.name,
                ),
                _("Remove it, or use its replacement."),
            ).fixed_by(remove_parameter(index))


@rule(
    "parameter-type",
    _("The proxy does not start with a text instead of a number, or with a number instead of a text."),
)
def parameter_type(profile: AccountingProfile) -> Iterator[Problem]:
    for index, other in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, other.name, other.module)
        if other.module not in _ACC_MODULES or parameter is None or parameter.kind is ParameterKind.FLAG:
            continue
        if parameter.is_integer != isinstance(other.value, int):
            yield error(
                Place(
                    f"other_parameters[{index}]",
                    _("parameter {name} of {module}", name=other.name, module=other.module),
                ),
                _("{value!r} is not a number.", value=other.value)
                if parameter.is_integer
                else _("{value!r} is a number, not a text.", value=other.value),
                _("Allowed: {allowed}.", allowed=_(parameter.allowed)),
            ).fixed_by(_as_type(index, other.value, parameter))


def _as_type(index: int, value: Value, parameter: Parameter) -> Fix:
    if not parameter.is_integer:
        return set_parameter(index, str(value))
    return set_parameter(index, int(value)) if is_decimal(value) else remove_parameter(index)


@rule("parameter-repeated", _("If a parameter is set twice, the last value counts."))
def parameter_repeated(profile: AccountingProfile) -> Iterator[Problem]:
    seen = set()
    for index, other in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, other.name, other.module)
        adds_up = parameter is None or parameter.kind is ParameterKind.FIELDS
        modelled = parameter is not None and parameter.key in profile.options
        if other.module in _ACC_MODULES and not adds_up and (modelled or (other.module, other.name) in seen):
            yield warning(
                Place(
                    f"other_parameters[{index}]",
                    _("parameter {name} of {module}", name=other.name, module=other.module),
                ),
                _("{name} is set twice.", name=other.name),
                _("Remove one of the two."),
            ).fixed_by(remove_parameter(index))
        seen.add((other.module, other.name))


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
