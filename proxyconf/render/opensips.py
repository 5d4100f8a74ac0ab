"""The accounting section for proxies without a preprocessor: OpenSIPS, OpenSER and Kamailio before 3.0.

Since OpenSIPS 2.2 it contains the routes that call ``do_accounting()``, which is the only way to request accounting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.render.modparams import Modparam, modules_needed, modules_presumed, quoted
from proxyconf.render.script import (
    comment,
    heading,
    is_of_reply,
    literal,
    modparam,
    one_line,
    parameter_blocks,
    presumed_modules,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Version

# do_accounting("db", , "table"): in older releases flags cannot be omitted, and the proxy does not start with an empty
# string, so a table without flags can only be set with db_table_acc
_SKIPPED_ARGUMENTS = Version(3, 0)
_Field = TypeVar("_Field", ExtraDefinition, LegDefinition)


def modules_section(profile: AccountingProfile) -> str:
    """Return the ``loadmodule`` lines to copy to the script: the proxy does not start if a module is loaded twice."""
    blocks = [
        heading(
            profile,
            "Modules for accounting",
            "Copy the missing lines to the script. Do not include this file: the proxy does not start if a module is "
            "loaded twice.",
        ),
        _loadmodules(profile),
    ]
    return "\n\n".join(blocks) + "\n"


def acc_section(profile: AccountingProfile, *, verbose: bool = False, modules: bool = True) -> str:
    """Return the section: modules, parameters, routes.

    ``verbose`` adds the options with default values. Without ``modules`` a script that loads them can include it.
    """
    note = "Include it after the loadmodule lines of the script (modules.cfg lists the modules needed)."
    if modules:
        note = "Leave out the loadmodule lines of modules that the script already loads."
    blocks = [
        heading(profile, "Accounting", note),
        presumed_modules(modules_presumed(profile)),
        _loadmodules(profile) if modules else "",
        *parameter_blocks(profile, _line, verbose=verbose),
    ]
    if profile.uses_do_accounting:
        blocks += _routes(profile)
    return "\n\n".join(filter(None, blocks)) + "\n"


def _loadmodules(profile: AccountingProfile) -> str:
    return "\n".join(f"loadmodule {quoted(module + '.so')}" for module in modules_needed(profile))


def accounting_calls(profile: AccountingProfile, words: Iterable[str], backends: Iterable[Backend]) -> list[str]:
    """Return the ``do_accounting()`` calls for ``backends``, with those of ``words`` that the profile sets.

    ``words`` are the flags missed, failed and cdr; cdr and failed apply to all backends. Backends with equal flags
    share a call.
    """
    do_accounting, every = profile.do_accounting, frozenset(profile.backends)
    backends_by_flag = {
        "cdr": every if do_accounting.cdr else frozenset(),
        "missed": do_accounting.missed,
        "failed": every if do_accounting.failed else frozenset(),
    }
    groups: dict[tuple[str, ...], list[Backend]] = {}
    for backend in profile.backends:
        if backend in backends and backend in profile.known_backends:
            flags = tuple(word for word, having in backends_by_flag.items() if word in words and backend in having)
            groups.setdefault(flags, []).append(backend)
    return [_call(profile, group, flags) for flags, group in groups.items()]


def _call(profile: AccountingProfile, backends: Iterable[Backend], flags: Iterable[str]) -> str:
    types = dict.fromkeys(profile.known_backends[backend].type for backend in backends)
    arguments = [quoted("|".join(types)), quoted("|".join(flags))]
    if profile.do_accounting.table and Backend.SQL in backends:
        table = quoted(profile.do_accounting.table)
        if arguments[1] != quoted(""):
            return f"do_accounting({arguments[0]}, {arguments[1]}, {table});"
        if profile.version >= _SKIPPED_ARGUMENTS:
            return f"do_accounting({arguments[0]}, , {table});"
    return f"do_accounting({', '.join(argument for argument in arguments if argument != quoted(''))});"


def _line(parameter: Modparam) -> str:
    return modparam(parameter, literal(parameter.value))


def _routes(profile: AccountingProfile) -> Iterator[str]:
    bye_backends = () if profile.do_accounting.cdr else profile.backends
    missed = [backend for backend in profile.backends if backend in profile.do_accounting.missed]
    of_request = [*_extra_values(profile, of_reply=False), *_leg_values(profile)]
    of_reply = _extra_values(profile, of_reply=True)
    values = [
        *(["route(ACC_VALUES);"] if of_request else []),
        *(['t_on_reply("ACC_REPLY");'] if of_reply else []),
    ]
    dialog = []
    if profile.do_accounting.cdr:
        # without B no record is written for a dialog that expires
        dialog = ['create_dialog("B");  # the record is written at its end; with B also if the BYE is lost']
    calls = accounting_calls(profile, ("cdr", "missed", "failed"), profile.backends)
    yield _route("ACC_INVITE", "Call it for the initial INVITE, before t_relay().", [*dialog, *calls, *values])
    bye = accounting_calls(profile, ("failed",), bye_backends)
    note = "Call it for the BYE." if bye else "The BYE needs no call: it ends the dialog, whose record is then written."
    yield _route("ACC_BYE", note, [*bye, *values] if bye else [])
    next_attempt = accounting_calls(profile, ("missed",), missed)
    note = "Call it in the failure_route before the next attempt: missed calls must be requested again each time."
    yield _route("ACC_FAILURE", note, next_attempt)
    if of_request:
        yield _route("ACC_VALUES", "Assigns the extra fields their current values.", of_request)
    if of_reply:
        note = (
            "The values of a reply are read when it arrives. A later t_on_reply() replaces this route: if the script "
            "has its own onreply_route, put these assignments there."
        )
        yield _route("ACC_REPLY", note, of_reply, "onreply_route")
    if _leg_tags(profile):
        note = "Call it for each further leg: the first one always exists."
        yield _route("ACC_NEXT_LEG", note, ["acc_new_leg();", *_leg_values(profile)])


def _route(name: str, note: str, statements: Iterable[str], kind: str = "route") -> str:
    lines = [f"    {statement}" for statement in statements]
    return "\n".join([comment(note), f"{kind}[{name}] {{", *lines, "    return;", "}"])


def _extra_values(profile: AccountingProfile, *, of_reply: bool) -> list[str]:
    return [
        f"$acc_extra({field.name}) = {one_line(field.variable)};"
        for field in _extra_tags(profile)
        if field.variable.strip() and is_of_reply(profile, field.variable) == of_reply  # the script assigns the others
    ]


def _leg_values(profile: AccountingProfile) -> list[str]:
    return [f"$acc_leg({leg.name}) = {one_line(leg.variable)};" for leg in _leg_tags(profile) if leg.variable.strip()]


def _extra_tags(profile: AccountingProfile) -> list[ExtraDefinition]:
    """Return the fields that a backend in use declares; the proxy does not start with an undeclared tag."""
    if not profile.uses_field_declarations:
        return []
    declared = [field for backend in profile.backends for _label, field in profile.extra_labels(backend)]
    return _first_of_each_tag(field for field in profile.extras if field in declared and field.variable)


def _leg_tags(profile: AccountingProfile) -> list[LegDefinition]:
    if not profile.uses_field_declarations:
        return []
    declared = [leg for backend in profile.backends for _label, leg in profile.leg_labels(backend)]
    return _first_of_each_tag(leg for leg in profile.legs if leg in declared and leg.variable)


def _first_of_each_tag(fields: Iterable[_Field]) -> list[_Field]:
    """Return one field per tag: a tag can be declared under two names, and is assigned once."""
    by_tag: dict[str, _Field] = {}
    for field in fields:
        by_tag.setdefault(field.name, field)
    return list(by_tag.values())
