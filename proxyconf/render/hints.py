"""Routes that request accounting, with comments on where the script must call them.

Parameters alone do not account anything. Before OpenSIPS 2.2 a transaction is accounted if its request has the flag
when the transaction is created; since 2.2 if the script has called ``do_accounting()``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from proxyconf.profile import AccountingProfile, LegDefinition, MessageFlag
from proxyconf.render.script import comment, flag_word, has_preprocessor, heading, is_of_reply
from proxyconf.vocabulary.layout import VALUE_OF_ROLE, Backend, Role, suggest_role
from proxyconf.vocabulary.products import Product

_WORDS = {Backend.SYSLOG: "the log", Backend.SQL: "SQL", Backend.JSON: "JSON", Backend.EVENTS: "the event interface"}
_DIALOG_VARIABLE = re.compile(r"\$dlg_var\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_EXTERNAL = (Backend.RADIUS, Backend.DIAMETER, Backend.JSON)


def routing_hints(profile: AccountingProfile) -> str:
    """Return commented routes, to be included unchanged and called where the comments say."""
    blocks = [
        heading(
            profile,
            "Routing hints",
            "These routes have no effect until the script calls them; the comments say where.",
        ),
        *(_calls(profile) if profile.uses_do_accounting else _flag_routes(profile)),
        *_reply_values(profile),
    ]
    return "\n\n".join(blocks) + "\n"


def route(name: str, notes: Iterable[str], statements: Iterable[str], *, kind: str = "route") -> str:
    """Return a route with its comment; a route without statements gets a ``return``."""
    lines = [f"    {statement}" for statement in statements] or ["    return;"]
    return "\n".join([*(comment(note) for note in notes), f"{kind}[{name}] {{", *lines, "}"])


# --- flags


def _flag_routes(profile: AccountingProfile) -> Iterator[str]:
    yield _invite(profile)
    yield _within_dialog(profile)
    yield _failure(profile)
    if profile.is_on("report_cancels"):
        notes = [
            "CANCEL: call it for each CANCEL before t_relay(). A CANCEL is accounted only if it has the flag itself."
        ]
        yield route("ACC_CANCEL", notes, _set_flags(profile, profile.flags.account))
    if profile.legs:
        yield _legs(profile)


def _invite(profile: AccountingProfile) -> str:
    flags = profile.flags
    statements = [
        *_set_flags(profile, flags.account),
        *_set_flags(profile, flags.missed, "missed calls in "),
        *_set_flag(profile, flags.failed, "failed calls too, to every backend whose flag is set"),
        *_set_flag(profile, flags.prepare, "so that the flags may still be set in later routes"),
        *_set_flag(profile, flags.cdr, "one record per call, at its end"),
    ]
    if flags.cdr is not None and "cdr_flag" in profile.parameters:
        statements.append("create_dialog();")
    elif profile.uses_dialog:
        statements += ["dlg_manage();", *dialog_values(profile)]
    statements.append("record_route();")
    notes = [
        "Initial INVITE: call it before t_relay() and before any stateful reply. A flag set after the transaction was "
        "created has no effect. A 401 or 407 sent without a transaction is never accounted.",
        "Without record_route() the BYE bypasses this proxy, and the call has no end.",
    ]
    return route("ACC_INVITE", notes, statements)


def dialog_values(profile: AccountingProfile) -> list[str]:
    """Return the assignments of the dialog variables that dialog CDRs log, since there is no request at their time.

    If a field has no role, so that its value is unknown, the assignment is a comment.
    """
    statements: dict[str, str] = {}
    for field in profile.cdr_extras:
        match = _DIALOG_VARIABLE.fullmatch(field.variable)
        if match:
            name = match[1]
            role = field.role or suggest_role(name, field.variable)
            value = VALUE_OF_ROLE.get(role) if role else None
            statements[name] = f"$dlg_var({name}) = {value};" if value else f"# set here: $dlg_var({name}) = …;"
    return list(statements.values())


def _within_dialog(profile: AccountingProfile) -> str:
    bye = [
        *_set_flags(profile, profile.flags.account),
        *_set_flag(profile, profile.flags.failed, "a BYE answered 481 or 408 ends the call too"),
    ]
    statements = _if_method(profile, "BYE", bye)
    external = {one: flag for one, flag in profile.flags.account.items() if one in _EXTERNAL}
    if profile.is_on("report_ack") and external and profile.product is Product.KAMAILIO:
        statements += _if_method(profile, "ACK", _set_flags(profile, external))
    notes = [
        "Requests within the dialog: call it if loose_route() returned true. A BYE without the flag is not accounted. "
        "A re-INVITE needs no flag: with the flag it looks like another start.",
    ]
    return route("ACC_WITHIN_DIALOG", notes, statements)


def _if_method(profile: AccountingProfile, method: str, statements: Iterable[str]) -> list[str]:
    """Return the statements in a condition; nothing if there are none, since an empty block is a syntax error."""
    lines = [f"    {statement}" for statement in statements]
    return [f'if ({_method(profile)} == "{method}") {{', *lines, "}"] if lines else []


def _failure(profile: AccountingProfile) -> str:
    notes = [
        "The missed flag is cleared with each missed event. Call this route from the failure_route, and only if "
        "another attempt follows: otherwise the final reply causes a second event for the same failure.",
    ]
    statements = _set_flags(profile, profile.flags.missed, "missed calls in ")
    return route("ACC_NEXT_ATTEMPT", notes, statements)


def _set_flags(profile: AccountingProfile, flags: Mapping[Backend, MessageFlag], what: str = "") -> list[str]:
    words: dict[str, list[str]] = {}
    for backend, flag in flags.items():
        if backend in profile.backends and backend in profile.known_backends:
            words.setdefault(flag_word(profile, flag), []).append(_word(backend))
    return [f"setflag({word});  # {what}{' and '.join(names)}" for word, names in words.items() if word]


def _set_flag(profile: AccountingProfile, flag: MessageFlag | None, why: str) -> list[str]:
    is_used = flag in profile.flags.by_parameter(profile.product, profile.version).values()
    return [f"setflag({flag_word(profile, flag)});  # {why}"] if flag is not None and is_used else []


def _word(backend: Backend) -> str:
    return _WORDS.get(backend, backend.upper() if backend is Backend.RADIUS else backend.title())


def _method(profile: AccountingProfile) -> str:
    return "method" if profile.product is Product.OPENSER else "$rm"


# --- legs


def _legs(profile: AccountingProfile) -> str:
    notes = [
        "One leg of a forwarded call: call it for every leg, including the first one, with the values of that leg "
        "instead of the examples.",
        "Push a value to every AVP for every leg, if necessary an empty one: each AVP is a separate stack, and a value "
        "that is missing in one leg is taken from another leg.",
    ]
    return route("ACC_LEG", notes, [f"{leg.variable} = {_leg_example(leg)};" for leg in profile.legs])


def _leg_example(leg: LegDefinition) -> str:
    if leg.role is Role.LEG_SOURCE:
        return "$fU"
    if leg.role is Role.LEG_DESTINATION:
        return "$rU"
    return '""'


# --- do_accounting()


def _calls(profile: AccountingProfile) -> Iterator[str]:
    lines = [
        "# in the route of the initial INVITE, before t_relay() and after the checks that may refuse it:",
        "#     record_route();",
        "#     route(ACC_INVITE);",
        "# in the branch of requests within the dialog, if loose_route() returned true, for a BYE:",
        "#     route(ACC_BYE);",
        "# in the failure_route, and only if another attempt follows:",
        "#     route(ACC_FAILURE);",
    ]
    if profile.uses_field_declarations and profile.legs:
        lines += ["# where the call is forwarded, once per further leg:", "#     route(ACC_NEXT_LEG);"]
    yield "\n".join([comment("The routes are part of the accounting section. Call them:"), *lines])
    if not profile.do_accounting.cdr:
        yield comment("Without record_route() the BYE bypasses this proxy, and the call has no end.")
    if profile.legs and not profile.uses_field_declarations:
        yield _legs(profile)


# --- values of replies


def _reply_values(profile: AccountingProfile) -> Iterator[str]:
    fields = [field for field in (*profile.extras, *profile.cdr_extras) if is_of_reply(profile, field.variable)]
    if not fields or profile.uses_field_declarations:  # there the accounting section has an onreply_route for them
        return
    notes = [
        "Extra values are taken from the request, also when a reply is accounted. Values of a reply must be copied to "
        "an AVP when it arrives: activate this route with t_on_reply(), and log the AVP in the field.",
        "A later t_on_reply() replaces this route: if the script has its own onreply_route, put the assignments there.",
    ]
    if not has_preprocessor(profile):
        notes.append('The AVPs of the transaction are visible here with modparam("tm", "onreply_avp_mode", 1).')
    assignments = dict.fromkeys(f"$avp({_avp(profile, field.name)}) = {field.variable};" for field in fields)
    yield route("ACC_REPLY", notes, assignments, kind="onreply_route")


def _avp(profile: AccountingProfile, name: str) -> str:
    word = "".join(character if character.isalnum() else "_" for character in name)
    return f"s:reply_{word}" if profile.product is Product.OPENSER else f"reply_{word}"
