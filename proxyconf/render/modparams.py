"""The module parameters of a profile, in the order in which they are written; the same for every product."""

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
_WITHOUT_SETTINGS = frozenset({"pv", "tmx", "dialog", "htable", "cfgutils", "siputils"})
"""Modules with variables that can be loaded without any parameter."""

_FIRST_PV_MODULE = Version(3, 0)  # before, the variables of the module pv were part of Kamailio's core


class Modparam(NamedTuple):
    """A parameter to be set. ``flag`` is set if the value is a flag, which may be written by name.

    ``macro`` is the ``#!define`` of the script that is written instead of the value.
    """

    module: str
    name: str
    value: Value
    flag: MessageFlag | None = None
    macro: str = ""


def effective_parameters(profile: AccountingProfile) -> list[Modparam]:
    """Return the parameters that the profile sets to a value other than the default: flags, extras, legs, options.

    Only parameters of this release for the backends in use are returned.
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
        *(Modparam(*parameter) for parameter in profile.other_parameters),
    ]


def default_parameters(profile: AccountingProfile) -> list[Modparam]:
    """Return the options that the profile does not change, with their default values."""
    changed = profile.set_options()
    return [
        _option(parameter, parameter.default)
        for key, parameter in profile.applicable_options().items()
        if key not in changed and parameter.default != ""
    ]


def modules_needed(profile: AccountingProfile) -> list[str]:
    """Return the modules that the parameters need, in load order."""
    parameters = effective_parameters(profile)
    parameter_modules = [parameter.module for parameter in parameters]
    modules = ["tm", "rr"]
    if profile.uses_dialog or "dialog" in parameter_modules:
        modules.append("dialog")
    modules += [module for module in _variable_modules(profile) if module in _WITHOUT_SETTINGS]
    values = {(parameter.module, parameter.name): parameter.value for parameter in parameters}
    modules += filter(None, [_driver(profile, str(values.get(("acc", "db_url"), "")))])
    modules += filter(None, [_aaa_module(str(values.get(("acc", "aaa_url"), "")))])
    modules += [module for module in parameter_modules if module == "mqueue"]
    modules.append("acc")
    modules += [names.module for backend in profile.backends if (names := profile.known_backends.get(backend))]
    modules += [module for module in parameter_modules if module.startswith("acc_")]
    return list(dict.fromkeys(modules))


def modules_presumed(profile: AccountingProfile) -> list[str]:
    """Return the modules of the profile's variables that need parameters, so that the script must load them."""
    loaded = ("core", *modules_needed(profile))
    return list(dict.fromkeys(module for module in _variable_modules(profile) if module not in loaded))


def pairs_text(pairs: Iterable[tuple[str, ExtraDefinition | LegDefinition]]) -> str:
    """Return ``name=$pv;name=$pv``, without a semicolon at the end, with which the proxy does not start."""
    return ";".join(f"{label}={field.variable}" for label, field in pairs)


def quoted(text: str) -> str:
    """Return a string in double quotes, escaped for the lexers of the proxies."""
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
            yield Modparam("acc", name, pairs_text((leg.name, leg) for leg in legs))


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
                fields = ";".join(
                    field.name if label == field.name else f"{field.name}->{label}" for label, field in pairs
                )
                yield Modparam("acc", name, f"{names.type}: {fields}")


def _option(parameter: Parameter, value: Value) -> Modparam:
    return Modparam(parameter.module, parameter.name, value)


def _queues(profile: AccountingProfile) -> Iterator[Modparam]:
    """Yield the queues of acc_json, which must exist when the proxy starts."""
    queues = [profile.set_options().get(f"acc_json.{name}") for name in _QUEUE_OPTIONS]
    for queue in dict.fromkeys(filter(None, queues)):
        yield Modparam("mqueue", "mqueue", f"name={queue}")


def _companions(profile: AccountingProfile) -> Iterator[Modparam]:
    if profile.is_on("detect_direction") and not profile.sets_other("rr", "append_fromtag"):
        # without it the module does not start: it reads the direction from the tag in the Route header
        yield Modparam("rr", "append_fromtag", 1)


def _variable_modules(profile: AccountingProfile) -> Iterator[str]:
    """Yield the modules of the variables in use; the proxy does not start with an unknown variable in a list."""
    if profile.product is not Product.OPENSIPS and profile.version < _FIRST_PV_MODULE:
        return
    extras, legs = (*profile.extras, *profile.cdr_extras), (*profile.legs, *profile.cdr_legs)
    for text in (*(extra.variable for extra in extras), *(leg.variable for leg in legs)):
        try:
            variable = find_variable(profile.product, parse_variable(text).name)
        except ValueError:
            continue
        if variable is not None:
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
