"""Parts of a configuration that are the same in every product."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

from proxyconf.profile import AccountingProfile, MessageFlag
from proxyconf.render.modparams import Modparam, default_parameters, effective_parameters, quoted
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.variables import Availability, find_variable, parse_variable

_DEFINABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_PREPROCESSOR = Version(3, 0)
_WIDTH = 118


def comment(text: str, indent: str = "") -> str:
    """Return text as comment lines; a line break in it cannot end the comment."""
    lead = f"{indent}# "
    lines = textwrap.wrap(one_line(text), _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False)
    return "\n".join(lines) or lead.rstrip()


def one_line(text: str) -> str:
    """Return text with each run of white space replaced by one space."""
    return " ".join(text.split())


def heading(profile: AccountingProfile, title: str, *notes: str) -> str:
    name = f"{profile.product.label} {profile.version}"
    return "\n".join([comment(f"{title} for {name}."), *(comment(note) for note in notes)])


def presumed_modules(modules: Iterable[str]) -> str:
    """Return a comment with the modules that the script must load itself; empty if there are none."""
    names = ", ".join(modules)
    return comment(f"The script must load these modules before, for the variables below: {names}.") if names else ""


def has_preprocessor(profile: AccountingProfile) -> bool:
    """Return whether the configuration may contain ``#!define`` (Kamailio 3.0 and later)."""
    return profile.product is Product.KAMAILIO and profile.version >= _FIRST_PREPROCESSOR


def parameter_blocks(profile: AccountingProfile, line: Callable[[Modparam], str], *, verbose: bool) -> Iterator[str]:
    """Yield the lines of the profile's parameters and, if ``verbose``, of the options with default values."""
    yield "\n".join(map(line, effective_parameters(profile)))
    if verbose:
        yield "\n".join([comment("Default values:"), *map(line, default_parameters(profile))])


def modparam(parameter: Modparam, value: str) -> str:
    """Return a ``modparam`` line; ``value`` is inserted unchanged."""
    space = "" if value.startswith("\n") else " "
    return f"modparam({quoted(parameter.module)}, {quoted(parameter.name)},{space}{value})"


def literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else quoted(value)


def named_flags(flags: Iterable[MessageFlag]) -> dict[str, int]:
    """Return the flag names that can be defined: valid for ``#!define``, each with its first number."""
    numbers: dict[str, int] = {}
    for flag in flags:
        if flag.number is not None and _DEFINABLE.fullmatch(flag.name):
            numbers.setdefault(flag.name, flag.number)
    return numbers


def flag_word(profile: AccountingProfile, flag: MessageFlag) -> str:
    """Return the argument of ``setflag()`` for a flag in the profile's release."""
    if flag.number is None:
        return flag.name
    named = named_flags(profile.flags.by_parameter(profile.product, profile.version).values())
    if has_preprocessor(profile) and named.get(flag.name) == flag.number:
        return flag.name
    return str(flag.number)


def is_of_reply(profile: AccountingProfile, text: str) -> bool:
    """Return whether a variable has a value only in replies."""
    try:
        variable = find_variable(profile.product, parse_variable(text).name)
    except ValueError:
        return False
    return variable is not None and variable.availability is Availability.REPLY
