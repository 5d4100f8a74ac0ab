"""What the release has, and what of the profile it does not have."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.places import BACKENDS, takes, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, warning
from proxyconf.profile import Profile
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import (
    RELEASES,
    Kind,
    find_parameter,
    is_known,
    why_absent,
    why_no_backend,
)
from proxyconf.vocabulary.products import Product

_ACC_MODULES = frozenset({"acc", "acc_radius", "acc_diameter", "acc_json"})
_TITLES = {
    "legs": "leg fields",
    "cdr_extras": "fields of dialog records",
    "cdr_legs": "leg fields of dialog records",
}


@rule("release-unknown", "Which parameters it has is not known here, so nothing can be generated for it.")
def release_unknown(profile: Profile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        yield error(
            Place("version", "release"),
            f"{profile.product.label} {profile.version} is not known.",
            f"Choose one of {', '.join(RELEASES[profile.product])}.",
        )


@rule("backend-unknown", "It is left out of the configuration: nothing is accounted there.")
def backend_unknown(profile: Profile) -> Iterator[Problem]:
    if is_known(profile.product, profile.version):
        for backend in profile.backends:
            if problem := why_no_backend(profile.product, profile.version, backend):
                yield error(BACKENDS, problem, "Choose another backend, or another release.")


@rule("backend-missing", "The modules are loaded and write nothing.")
def backend_missing(profile: Profile) -> Iterator[Problem]:
    known = is_known(profile.product, profile.version)
    if known and not used_backends(profile) and not profile.is_on("cdr_enable"):
        yield error(BACKENDS, "No backend is in use.", "Choose one: the log is the simplest.")


@rule("fields-unknown", "They are left out of the configuration.")
def fields_unknown(profile: Profile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        return
    title = f"{profile.product.label} {profile.version}"
    for kind, words in _TITLES.items():
        if getattr(profile, kind) and not takes(profile, kind):
            yield warning(Place(kind, words), f"{title} has no {words}.", "Remove them, or choose another release.")
    for purpose, key in (("prepare", "acc_prepare_flag"), ("cdr", "cdr_flag"), ("failed", "failed_transaction_flag")):
        if getattr(profile.flags, purpose) is not None and key not in profile.parameters:
            yield warning(
                Place(f"flags.{purpose}", key), why_absent(profile.product, profile.version, key), "Remove the flag."
            )


@rule("flags-unused", "From OpenSIPS 2.2 on the script asks for accounting with do_accounting(), before with flags.")
def flags_unused(profile: Profile) -> Iterator[Problem]:
    title = f"{profile.product.label} {profile.version}"
    asked = profile.do_accounting
    if profile.uses_do_accounting and (profile.flags.account or profile.flags.missed):
        yield note(Place("flags", "flags"), f"{title} has no accounting flags.", "Remove them: they do nothing.")
    elif not profile.uses_do_accounting and (asked.missed or asked.failed or asked.cdr or asked.table):
        yield note(
            Place("do_accounting", "do_accounting()"),
            f"{title} has no do_accounting().",
            "Ask for accounting with flags instead.",
        )


@rule("parameter-unknown", "The proxy does not start with a parameter that its module does not have.")
def parameter_unknown(profile: Profile) -> Iterator[Problem]:
    if not is_known(profile.product, profile.version):
        return
    for at, one in enumerate(profile.other_parameters):
        if one.module not in _ACC_MODULES:
            continue
        if find_parameter(profile.product, profile.version, one.name, one.module) is None:
            key = f"{one.module}.{one.name}" if one.module == "acc_json" else one.name
            reason = why_absent(profile.product, profile.version, key)
            yield error(
                Place(f"other_parameters[{at}]", f"parameter {one.name} of {one.module}"),
                reason or f"{profile.product.label} {profile.version} has {one.name} in another module.",
                "Remove it, or use what took its place.",
            )


@rule("parameter-type", "The proxy does not start with a text where it wants a number, or the other way round.")
def parameter_type(profile: Profile) -> Iterator[Problem]:
    for at, one in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, one.name, one.module)
        if one.module not in _ACC_MODULES or parameter is None or parameter.kind is Kind.FLAG:
            continue
        if parameter.is_integer != isinstance(one.value, int):
            yield error(
                Place(f"other_parameters[{at}]", f"parameter {one.name} of {one.module}"),
                f"{one.value!r} is {'no number' if parameter.is_integer else 'a number, not a text'}.",
                f"Allowed: {parameter.allowed}.",
            )


@rule("parameter-repeated", "Of a parameter that is set twice the last counts.")
def parameter_repeated(profile: Profile) -> Iterator[Problem]:
    seen = set()
    for at, one in enumerate(profile.other_parameters):
        parameter = find_parameter(profile.product, profile.version, one.name, one.module)
        adds_up = parameter is None or parameter.kind is Kind.FIELDS
        modelled = parameter is not None and parameter.key in profile.options
        if one.module in _ACC_MODULES and not adds_up and (modelled or (one.module, one.name) in seen):
            yield warning(
                Place(f"other_parameters[{at}]", f"parameter {one.name} of {one.module}"),
                f"{one.name} is set twice.",
                "Remove one of the two.",
            )
        seen.add((one.module, one.name))


@rule("event-subscriber", "An event that nobody has subscribed to is dropped.")
def event_subscriber(profile: Profile) -> Iterator[Problem]:
    if profile.product is Product.OPENSIPS and Backend.EVENTS in used_backends(profile):
        yield note(
            BACKENDS,
            "The event interface needs a subscriber for E_ACC_EVENT, E_ACC_MISSED_EVENT and E_ACC_CDR.",
            'Load event_datagram and call subscribe_event("E_ACC_EVENT", "udp:host:port") for each in startup_route.',
        )
