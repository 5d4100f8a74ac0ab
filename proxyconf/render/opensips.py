"""The accounting section of the proxies without a preprocessor: OpenSIPS, OpenSER and Kamailio before 3.0.

From OpenSIPS 2.2 on it holds the routes that call ``do_accounting()`` too: there is no other way to say what is
accounted.
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

# do_accounting("db", , "table"): before, flags cannot be left out and an empty string stops the proxy, so that a table
# without flags can be set with db_table_acc only
_SKIPPED_ARGUMENTS = Version(3, 0)
_Field = TypeVar("_Field", ExtraDefinition, LegDefinition)


def modules_section(profile: AccountingProfile) -> str:
    """Return the ``loadmodule`` lines, to be copied into the script once: a module loaded twice stops the proxy."""
    blocks = [
        heading(
            profile,
            "Modules for accounting",
            "Copy into the script the lines that it lacks; do not include this file: the proxy does not start with a "
            "module that is loaded twice.",
        ),
        _loadmodules(profile),
    ]
    return "\n\n".join(blocks) + "\n"


def acc_section(profile: AccountingProfile, *, verbose: bool = False, modules: bool = True) -> str:
    """Return the section: modules, parameters, routes. ``verbose`` adds the options left at their default; without
    ``modules`` it can be included by a script that loads them.
    """
    note = "Include it after the loadmodule lines of the script (modules.cfg lists those needed)."
    if modules:
        note = "Leave out the loadmodule lines of modules that the script loads already."
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
    """Return the ``do_accounting()`` calls that ask for ``backends`` with those flags of ``words`` (missed, failed,
    cdr) which the profile sets; backends with equal flags share a call. ``cdr`` and ``failed`` hold for all backends.
    """
    asked, every = profile.do_accounting, frozenset(profile.backends)
    wanted = {
        "cdr": every if asked.cdr else frozenset(),
        "missed": asked.missed,
        "failed": every if asked.failed else frozenset(),
    }
    groups: dict[tuple[str, ...], list[Backend]] = {}
    for backend in profile.backends:
        if backend in backends and backend in profile.known_backends:
            flags = tuple(word for word in wanted if word in words and backend in wanted[word])
            groups.setdefault(flags, []).append(backend)
    return [_call(profile, group, flags) for flags, group in groups.items()]


def _call(profile: AccountingProfile, backends: Iterable[Backend], flags: Iterable[str]) -> str:
    types = dict.fromkeys(profile.known_backends[one].type for one in backends)
    arguments = [quoted("|".join(types)), quoted("|".join(flags))]
    if profile.do_accounting.table and Backend.SQL in backends:
        table = quoted(profile.do_accounting.table)
        if arguments[1] != quoted(""):
            return f"do_accounting({arguments[0]}, {arguments[1]}, {table});"
        if profile.version >= _SKIPPED_ARGUMENTS:
            return f"do_accounting({arguments[0]}, , {table});"
    return f"do_accounting({', '.join(one for one in arguments if one != quoted(''))});"


def _line(one: Modparam) -> str:
    return modparam(one, literal(one.value))


def _routes(profile: AccountingProfile) -> Iterator[str]:
    classic = () if profile.do_accounting.cdr else profile.backends
    missed = [one for one in profile.backends if one in profile.do_accounting.missed]
    of_request = [*_extra_values(profile, of_reply=False), *_leg_values(profile)]
    of_reply = _extra_values(profile, of_reply=True)
    values = [
        *(["route(ACC_VALUES);"] if of_request else []),
        *(['t_on_reply("ACC_REPLY");'] if of_reply else []),
    ]
    dialog = []
    if profile.do_accounting.cdr:
        # without B a dialog that expires leaves no record at all
        dialog = ['create_dialog("B");  # the record is written at its end; with B also when the BYE is lost']
    calls = accounting_calls(profile, ("cdr", "missed", "failed"), profile.backends)
    yield _route("ACC_INVITE", "Call it for the initial INVITE, before t_relay().", [*dialog, *calls, *values])
    bye = accounting_calls(profile, ("failed",), classic)
    note = "Call it for the BYE." if bye else "The BYE needs no call: it ends the dialog, whose record is then written."
    yield _route("ACC_BYE", note, [*bye, *values] if bye else [])
    again = accounting_calls(profile, ("missed",), missed)
    note = "Call it in the failure_route before the next attempt: each missed event must be asked for anew."
    yield _route("ACC_FAILURE", note, again)
    if of_request:
        yield _route("ACC_VALUES", "The extra fields keep what they are at this moment.", of_request)
    if of_reply:
        note = (
            "The values of a reply are read when it arrives. A later t_on_reply() replaces this route: where the "
            "script arms one of its own, put these assignments there."
        )
        yield _route("ACC_REPLY", note, of_reply, "onreply_route")
    if _leg_tags(profile):
        note = "Call it for each further leg: the first one is there from the start."
        yield _route("ACC_NEXT_LEG", note, ["acc_new_leg();", *_leg_values(profile)])


def _route(name: str, note: str, statements: Iterable[str], kind: str = "route") -> str:
    lines = [f"    {one}" for one in statements]
    return "\n".join([comment(note), f"{kind}[{name}] {{", *lines, "    return;", "}"])


def _extra_values(profile: AccountingProfile, *, of_reply: bool) -> list[str]:
    return [
        f"$acc_extra({one.name}) = {one_line(one.variable)};"
        for one in _extra_tags(profile)
        if one.variable.strip() and is_of_reply(profile, one.variable) == of_reply  # the script assigns the others
    ]


def _leg_values(profile: AccountingProfile) -> list[str]:
    return [f"$acc_leg({one.name}) = {one_line(one.variable)};" for one in _leg_tags(profile) if one.variable.strip()]


def _extra_tags(profile: AccountingProfile) -> list[ExtraDefinition]:
    """The fields that a backend in use declares: an undeclared tag in the script stops the proxy."""
    if not profile.uses_field_declarations:
        return []
    declared = [one for backend in profile.backends for _label, one in profile.extra_labels(backend)]
    return _first_of_each(one for one in profile.extras if one in declared and one.variable)


def _leg_tags(profile: AccountingProfile) -> list[LegDefinition]:
    if not profile.uses_field_declarations:
        return []
    declared = [one for backend in profile.backends for _label, one in profile.leg_labels(backend)]
    return _first_of_each(one for one in profile.legs if one in declared and one.variable)


def _first_of_each(fields: Iterable[_Field]) -> list[_Field]:
    """One field per tag: a tag can be declared under two names, and is assigned once."""
    by_tag: dict[str, _Field] = {}
    for one in fields:
        by_tag.setdefault(one.name, one)
    return list(by_tag.values())
