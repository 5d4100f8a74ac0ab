"""The accounting section of a Kamailio configuration, 3.0 and later."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from proxyconf.profile import AccountingProfile
from proxyconf.render.modparams import Modparam, modules_needed, modules_presumed, quoted
from proxyconf.render.script import (
    flag_word,
    heading,
    literal,
    modparam,
    named_flags,
    parameter_blocks,
    presumed_modules,
)

_LISTS = ("_extra", "_info")


def acc_section(profile: AccountingProfile, *, verbose: bool = False) -> str:
    """Return the section: names of flags, modules, parameters. ``verbose`` adds the options with default values."""
    blocks = [
        heading(
            profile,
            "Accounting",
            "Include it after the #!define lines and the loadmodule lines of the script and before its routes.",
            "Modules that are already loaded are not loaded again.",
            *_macro_note(profile),
        ),
        "\n".join(_defines(profile)),
        presumed_modules(modules_presumed(profile)),
        "\n".join(_loadmodules(profile)),
        *parameter_blocks(profile, partial(_line, profile), verbose=verbose),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _macro_note(profile: AccountingProfile) -> Iterator[str]:
    names = dict.fromkeys(profile.macros[key] for key in profile.set_options() if key in profile.macros)
    if names:
        yield f"The script must #!define these names before: {', '.join(names)}."


def _defines(profile: AccountingProfile) -> Iterator[str]:
    flags = profile.flags.by_parameter(profile.product, profile.version).values()
    for name, number in named_flags(flags).items():
        yield f"#!ifndef {name}\n#!define {name} {number}\n#!endif"


def _loadmodules(profile: AccountingProfile) -> Iterator[str]:
    for module in modules_needed(profile):
        # the proxy does not start if a module is loaded twice
        yield f"#!ifndef MOD_{module}\nloadmodule {quoted(module + '.so')}\n#!endif"


def _line(profile: AccountingProfile, parameter: Modparam) -> str:
    value = parameter.value
    if parameter.flag is not None:
        return modparam(parameter, flag_word(profile, parameter.flag))
    if parameter.macro:
        return modparam(parameter, parameter.macro)
    if isinstance(value, str) and parameter.name.endswith(_LISTS) and "\n" not in value:
        return modparam(parameter, _one_string_per_field(value))
    return modparam(parameter, literal(value))


def _one_string_per_field(value: str) -> str:
    """Split a list of fields into strings of one field each, which the proxy concatenates."""
    parts = value.split(";")
    if len(parts) == 1:
        return quoted(value)
    strings = [quoted(f"{part};") for part in parts[:-1]] + [quoted(parts[-1])]
    return "".join(f"\n    {string}" for string in strings)
