"""The parameters that make a profile effective, in the order in which they are written; the same for every product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, MessageFlag
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import Parameter, Value
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.variables import find_variable, parse_variable

_URL_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_]*):")
_OPENSER_DRIVERS: Mapping[str, str] = {"text": "dbtext"}  # OpenSER 1.x: mysql.so, postgres.so, dbtext.so
_UNDEMANDING = frozenset({"pv", "tmx", "dialog", "htable", "cfgutils", "siputils"})
"""Modules with variables that can be loaded without any setting."""

_FIRST_PV_MODULE = Version(3, 0)  # before, Kamailio's core had the variables that the module pv has


class Modparam(NamedTuple):
    """One parameter to be set. ``flag`` is given where the value is a flag, whose name may stand for it; ``macro``
    names the ``#!define`` of the script that stands for the value.
    """

    module: str
    name: str
    value: Value
    flag: MessageFlag | None = None
    macro: str = ""


def effective_parameters(profile: AccountingProfile) -> list[Modparam]:
    """Return every parameter that the profile sets to something else than its default: flags, extras, legs, options.

    Only what this release has and its backends in use need. A flag that is not set is left out.
    """
    return [
        *_flags(profile),
        *_lists(profile),
        *_queues(profile),
        *(
            _option(profile.parameters[key], value)._replace(macro=profile.macros.get(key, ""))
            for key, value in profile.set_options().items()
        ),
        *_companions(profile),
        *(Modparam(*one) for one in profile.other_parameters),
    ]


def default_parameters(profile: AccountingProfile) -> list[Modparam]:
    """Return the options that the profile leaves at their default, with that default."""
    changed = profile.set_options()
    return [
        _option(parameter, parameter.default)
        for key, parameter in profile.applicable_options().items()
        if key not in changed and parameter.default != ""
    ]


def modules_needed(profile: AccountingProfile) -> list[str]:
    """Return the modules that the parameters need, in an order in which they can be loaded."""
    parameters = effective_parameters(profile)
    modules = ["tm", "rr"]
    if profile.uses_dialog or any(one.module == "dialog" for one in parameters):
        modules.append("dialog")
    modules += [module for module in _variable_modules(profile) if module in _UNDEMANDING]
    settings = {(one.module, one.name): one.value for one in parameters}
    modules += filter(None, [_driver(profile, str(settings.get(("acc", "db_url"), "")))])
    modules += filter(None, [_aaa_module(str(settings.get(("acc", "aaa_url"), "")))])
    modules += [one.module for one in parameters if one.module == "mqueue"]
    modules.append("acc")
    modules += [profile.known_backends[one].module for one in profile.backends if one in profile.known_backends]
    modules += [one.module for one in parameters if one.module.startswith("acc_")]
    return list(dict.fromkeys(modules))


def modules_presumed(profile: AccountingProfile) -> list[str]:
    """Return the modules that variables of the profile come from and that need settings of their own: the script must
    load them before.
    """
    loaded = ("core", *modules_needed(profile))
    return list(dict.fromkeys(module for module in _variable_modules(profile) if module not in loaded))


def pairs_text(pairs: Iterable[tuple[str, ExtraDefinition | LegDefinition]]) -> str:
    """Return ``name=$pv;name=$pv``; never with a semicolon at the end, which stops the proxy."""
    return ";".join(f"{label}={one.variable}" for label, one in pairs)


def quoted(text: str) -> str:
    """Return a string in double quotes as the proxies' lexers read it back."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\x{ord(character):02x}" if ord(character) < 32 else character


_ESCAPES: Mapping[str, str] = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


_QUEUE_OPTIONS = ("acc_output_mqueue", "cdr_output_mqueue", "output_mqueue")


def _flags(profile: AccountingProfile) -> Iterator[Modparam]:
    if profile.uses_do_accounting:
        return
    unused = _flag_keys_of_unused_backends(profile)
    for key, flag in profile.flags.by_parameter(profile.product, profile.version).items():
        parameter = profile.parameters[key]
        value = flag.number if flag.number is not None else flag.name
        if key not in unused and value != "":
            yield Modparam(parameter.module, parameter.name, value, flag)


def _flag_keys_of_unused_backends(profile: AccountingProfile) -> set[str]:
    return {
        key
        for backend, names in profile.known_backends.items()
        if backend not in profile.backends
        for key in (names.flag_key, names.missed_key)
    }


def _lists(profile: AccountingProfile) -> Iterator[Modparam]:
    if profile.uses_field_declarations:
        yield from _declarations(profile)
        return
    for backend, names in profile.known_backends.items():
        if backend not in profile.backends:
            continue
        for name, pairs in ((names.extra, profile.extra_labels(backend)), (names.extra_bye, _bye(profile, backend))):
            if name and pairs:
                yield Modparam(names.module, name, pairs_text(pairs))
    if "cdr_extra" in profile.parameters and profile.cdr_labels(Backend.SYSLOG):
        yield Modparam("acc", "cdr_extra", pairs_text(profile.cdr_labels(Backend.SYSLOG)))
    json_labels = profile.cdr_labels(Backend.JSON)
    if "acc_json.cdr_extra" in profile.parameters and json_labels and Backend.JSON in profile.backends:
        yield Modparam("acc_json", "cdr_extra", pairs_text(json_labels))
    for name, legs in (("multi_leg_info", profile.legs), ("multi_leg_bye_info", profile.cdr_legs)):
        if legs and name in profile.parameters:
            yield Modparam("acc", name, pairs_text((one.name, one) for one in legs))


def _bye(profile: AccountingProfile, backend: Backend) -> tuple[tuple[str, ExtraDefinition], ...]:
    return profile.cdr_labels(backend) if profile.product is Product.OPENSIPS else ()


def _declarations(profile: AccountingProfile) -> Iterator[Modparam]:
    for backend, names in profile.known_backends.items():
        if backend not in profile.backends:
            continue
        for name, pairs in (
            ("extra_fields", profile.extra_labels(backend)),
            ("leg_fields", profile.leg_labels(backend)),
        ):
            if pairs:
                fields = ";".join(one.name if label == one.name else f"{one.name}->{label}" for label, one in pairs)
                yield Modparam("acc", name, f"{names.type}: {fields}")


def _option(parameter: Parameter, value: Value) -> Modparam:
    return Modparam(parameter.module, parameter.name, value)


def _queues(profile: AccountingProfile) -> Iterator[Modparam]:
    """The queues that acc_json puts its objects in: they must exist when the proxy starts."""
    queues = [profile.set_options().get(f"acc_json.{name}") for name in _QUEUE_OPTIONS]
    for queue in dict.fromkeys(filter(None, queues)):
        yield Modparam("mqueue", "mqueue", f"name={queue}")


def _companions(profile: AccountingProfile) -> Iterator[Modparam]:
    if profile.is_on("detect_direction") and not profile.sets_other("rr", "append_fromtag"):
        # the module refuses to start without it: the direction is read from the tag in the Route header
        yield Modparam("rr", "append_fromtag", 1)


def _variable_modules(profile: AccountingProfile) -> Iterator[str]:
    """Yield the modules that have the variables in use: an unknown variable in a list stops the proxy."""
    extras = (*profile.extras, *profile.cdr_extras)
    legs = (*profile.legs, *profile.cdr_legs)
    for text in (*(one.variable for one in extras), *(one.variable for one in legs)):
        try:
            variable = find_variable(profile.product, parse_variable(text).name)
        except ValueError:
            continue
        core_had_it = profile.product is not Product.OPENSIPS and profile.version < _FIRST_PV_MODULE
        if variable is not None and not core_had_it:
            yield variable.module


def _driver(profile: AccountingProfile, url: str) -> str:
    match = _URL_SCHEME.match(url)
    if match is None:
        return ""
    if profile.product is Product.OPENSER:
        return _OPENSER_DRIVERS.get(match[1], match[1])
    return match[1] if match[1].startswith("db_") else f"db_{match[1]}"


def _aaa_module(url: str) -> str:
    match = _URL_SCHEME.match(url)
    return f"aaa_{match[1]}" if match else ""
