"""Where the script must ask for accounting: routes to call, with the reason of each line.

The parameters alone account nothing. Before OpenSIPS 2.2 a transaction is accounted when its request carries the flag
at the moment the transaction is created; from 2.2 on when the script has called ``do_accounting()``.
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
    """Return the snippet: commented routes, which can be included as they are and called where the comments say."""
    blocks = [
        heading(
            profile,
            "Routing hints",
            "These routes do nothing until the script calls them, in the places that the comments name.",
        ),
        *(_calls(profile) if profile.uses_do_accounting else _flag_routes(profile)),
        *_reply_values(profile),
    ]
    return "\n\n".join(blocks) + "\n"


def route(name: str, notes: Iterable[str], statements: Iterable[str], *, kind: str = "route") -> str:
    """Return one route with its comment; an empty one is left with a plain return."""
    lines = [f"    {one}" for one in statements] or ["    return;"]
    return "\n".join([*(comment(note) for note in notes), f"{kind}[{name}] {{", *lines, "}"])


# --- flags


def _flag_routes(profile: AccountingProfile) -> Iterator[str]:
    yield _invite(profile)
    yield _within_dialog(profile)
    yield _failure(profile)
    if profile.is_on("report_cancels"):
        notes = ["CANCEL: call it for each CANCEL before t_relay(); it is accounted only with the flag on itself."]
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
        "Initial INVITE: call it before t_relay() and before any stateful reply. A flag that is set after the "
        "transaction was created comes too late. A 401 or 407 sent without a transaction is never accounted.",
        "Without record_route() the BYE goes past this proxy, and the call has no end.",
    ]
    return route("ACC_INVITE", notes, statements)


def dialog_values(profile: AccountingProfile) -> list[str]:
    """Return the assignments of the dialog variables that records of dialogs take their fields from: the dialog has no
    request at its end. What no role tells is left as a comment.
    """
    statements: dict[str, str] = {}
    for one in profile.cdr_extras:
        match = _DIALOG_VARIABLE.fullmatch(one.variable)
        if match:
            name = match[1]
            role = one.role or suggest_role(name, one.variable)
            source = VALUE_OF_ROLE.get(role) if role else None
            known = f"$dlg_var({name}) = {source};"
            statements[name] = known if source else f"# set here: $dlg_var({name}) = …;"
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
        "Requests within the dialog: call it after loose_route() has said yes. A BYE without the flag leaves no trace. "
        "A re-INVITE needs no flag: with it, it looks like one more start.",
    ]
    return route("ACC_WITHIN_DIALOG", notes, statements)


def _if_method(profile: AccountingProfile, method: str, statements: Iterable[str]) -> list[str]:
    """Return the statements in a condition; nothing for none, since an empty block stops the proxy."""
    lines = [f"    {one}" for one in statements]
    return [f'if ({_method(profile)} == "{method}") {{', *lines, "}"] if lines else []


def _failure(profile: AccountingProfile) -> str:
    notes = [
        "The missed flag is cleared with each missed event. Call this from the failure_route, and only if another "
        "attempt follows: without one the final reply would give a second event for the same failure.",
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
    known = flag in profile.flags.by_parameter(profile.product, profile.version).values()
    return [f"setflag({flag_word(profile, flag)});  # {why}"] if flag is not None and known else []


def _word(backend: Backend) -> str:
    return _WORDS.get(backend, backend.upper() if backend is Backend.RADIUS else backend.title())


def _method(profile: AccountingProfile) -> str:
    return "method" if profile.product is Product.OPENSER else "$rm"


# --- legs


def _legs(profile: AccountingProfile) -> str:
    notes = [
        "One leg of a forwarded call: call it for every leg, the first one too, with the values of that leg in place "
        "of the examples.",
        "Push a value to every AVP for every leg, an empty one where there is none: each AVP is a stack of its own, "
        "and a value that is missing in one leg is filled from another leg.",
    ]
    return route("ACC_LEG", notes, [f"{one.variable} = {_leg_example(profile, one)};" for one in profile.legs])


def _leg_example(profile: AccountingProfile, one: LegDefinition) -> str:
    if one.role is Role.LEG_SOURCE:
        return "$fU"
    if one.role is Role.LEG_DESTINATION:
        return "$rU"
    return '""'


# --- do_accounting()


def _calls(profile: AccountingProfile) -> Iterator[str]:
    lines = [
        "# in the route of the initial INVITE, before t_relay() and after the checks that may refuse it:",
        "#     record_route();",
        "#     route(ACC_INVITE);",
        "# in the branch of requests within the dialog, after loose_route() has said yes, for a BYE:",
        "#     route(ACC_BYE);",
        "# in the failure_route, and only if another attempt follows:",
        "#     route(ACC_FAILURE);",
    ]
    if profile.uses_field_declarations and profile.legs:
        lines += ["# where the call is forwarded, once per further leg:", "#     route(ACC_NEXT_LEG);"]
    yield "\n".join([comment("The routes stand in the accounting section. Call them:"), *lines])
    if not profile.do_accounting.cdr:
        yield comment("Without record_route() the BYE goes past this proxy, and the call has no end.")
    if profile.legs and not profile.uses_field_declarations:
        yield _legs(profile)


# --- values of replies


def _reply_values(profile: AccountingProfile) -> Iterator[str]:
    names = [one for one in (*profile.extras, *profile.cdr_extras) if is_of_reply(profile, one.variable)]
    if not names or profile.uses_field_declarations:  # there the section assigns them in an onreply_route
        return
    notes = [
        "Extra values are taken from the request, also when a reply is accounted. What stands in a reply must be put "
        "into an AVP when it arrives: arm this with t_on_reply() and let the field hold the AVP.",
        "A later t_on_reply() replaces this route: where the script arms one of its own, put the assignments there.",
    ]
    if not has_preprocessor(profile):
        notes.append('The AVPs of the transaction are seen here with modparam("tm", "onreply_avp_mode", 1).')
    assignments = dict.fromkeys(f"$avp({_avp(profile, one.name)}) = {one.variable};" for one in names)
    yield route("ACC_REPLY", notes, assignments, kind="onreply_route")


def _avp(profile: AccountingProfile, name: str) -> str:
    word = "".join(character if character.isalnum() else "_" for character in name)
    return f"s:reply_{word}" if profile.product is Product.OPENSER else f"reply_{word}"
