"""Change a script to match a profile: set flags, call ``do_accounting()``, assign fields, track dialogs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxyconf.parse.statements import TRACKING_FUNCTIONS, Assignment, ScriptCall, Statements
from proxyconf.patch.edits import Editor
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, MessageFlag
from proxyconf.render.hints import dialog_values
from proxyconf.render.opensips import accounting_calls
from proxyconf.render.script import flag_word, has_preprocessor, is_of_reply, one_line
from proxyconf.vocabulary.messages import message as _


def change_script(editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile) -> None:
    """Add to the routes what ``after`` needs in addition to ``before``."""
    if after.uses_do_accounting:
        _change_calls(editor, statements, before, after)
    else:
        _set_new_flags(editor, statements, before, after)
    if after.uses_field_declarations:
        _change_assignments(editor, statements, before, after)
    if after.uses_dialog and not before.uses_dialog:
        _track_dialog(editor, statements, after)


# --- flags


def _set_new_flags(editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile) -> None:
    set_before, added = _roles_of_flags(before), set()
    for role, flag in _roles_of_flags(after).items():
        word = flag_word(after, flag) if has_preprocessor(after) else str(flag.number if flag.name == "" else flag.name)
        if set_before.get(role) == flag or flag in added or _is_set(statements, flag):
            continue
        added.add(flag)
        anchors = _anchors(statements, before, role)
        for call in anchors:
            add_statement(editor, call, f"setflag({word});")
        if not anchors:
            editor.problems.append(_where_flag_belongs(role, word))


def _roles_of_flags(profile: AccountingProfile) -> dict[tuple[str, str], MessageFlag]:
    """Return the flags in use: account and missed per backend, failed, prepare, cdr."""
    used = profile.flags.by_parameter(profile.product, profile.version)
    found: dict[tuple[str, str], MessageFlag] = {}
    for backend in profile.backends:
        names = profile.known_backends.get(backend)
        for role, key in (("account", names and names.flag_key), ("missed", names and names.missed_key)):
            if key and key in used:
                found[role, str(backend)] = used[key]
    for role, key in (("failed", "failed_transaction_flag"), ("prepare", "acc_prepare_flag"), ("cdr", "cdr_flag")):
        if key in used:
            found[role, ""] = used[key]
    return found


def _is_flag(call: ScriptCall, flag: MessageFlag) -> bool:
    argument = call.arguments[0] if call.arguments else None
    if argument is None:
        return False
    return (flag.number is not None and str(argument.value) == str(flag.number)) or bool(
        flag.name and flag.name in (argument.word, argument.value)
    )


def _is_set(statements: Statements, flag: MessageFlag) -> bool:
    return any(call.name == "setflag" and _is_flag(call, flag) for call in statements.calls)


def _anchors(statements: Statements, before: AccountingProfile, role: tuple[str, str]) -> list[ScriptCall]:
    """Return the statements after which to set a flag: those that set a flag of the same kind, else account flags."""
    flags = _roles_of_flags(before)
    same = [flag for (kind, _backend), flag in flags.items() if kind == role[0]]
    account = [flag for (kind, _backend), flag in flags.items() if kind == "account"]
    for group in (same, account):
        calls = _setting(statements, group)
        if role[0] != "account" and group is account:
            calls = [call for call in calls if call.surroundings.is_initial or role[0] == "failed"]
        if calls:
            return calls
    return []


def _setting(statements: Statements, flags: Sequence[MessageFlag]) -> list[ScriptCall]:
    """Return the ``setflag`` statements of the flags, one per block."""
    found: list[ScriptCall] = []
    for call in statements.calls:
        is_one = call.name == "setflag" and call.surroundings.is_statement and any(_is_flag(call, f) for f in flags)
        key = (call.surroundings.route, call.surroundings.conditions)
        if is_one and all(key != (one.surroundings.route, one.surroundings.conditions) for one in found):
            found.append(call)
    return found


def _where_flag_belongs(role: tuple[str, str], word: str) -> str:
    where = _("in the route of the initial INVITE, before t_relay()")
    if role[0] in ("account", "failed"):
        where = _("{first}, and for the BYE after loose_route()", first=where)
    if role[0] == "missed":
        where = _("{first}, and again in the failure_route before another attempt", first=where)
    return _(
        "setflag({flag}) could not be placed, since no similar flag is set in this text: call it {where}",
        flag=word,
        where=where,
    )


# --- do_accounting()


def _change_calls(editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile) -> None:
    asked = ("backends", "do_accounting")
    if all(getattr(before, name) == getattr(after, name) for name in asked):
        return
    calls = [call for call in statements.calls if call.name == "do_accounting" and call.surroundings.is_statement]
    # "aaa" is RADIUS or Diameter, whichever is in use
    order = [*after.known_backends, *before.backends, *after.backends]
    words = {after.known_backends[one].type: one for one in order if one in after.known_backends}
    first = next((call for call in calls if not call.surroundings.is_for_bye and _types(call)), None)
    if first is None:
        lines = " ".join(accounting_calls(after, ("cdr", "missed", "failed"), after.backends))
        editor.problems.append(
            _(
                "no do_accounting() call was found to change: call {lines} in the route of the initial INVITE",
                lines=lines or _("nothing"),
            )
        )
        return
    new = [one for one in after.backends if one not in before.backends]
    for call in calls:
        backends = {words[one] for one in _types(call) if one in words and words[one] in after.backends}
        backends |= set(new) if call is first or call.surroundings.is_for_bye else set()
        flags = _flags(call) if call is not first else {"cdr", "missed", "failed"}
        if call.surroundings.is_for_bye:
            flags = {"failed"}
            backends = backends if not after.do_accounting.cdr else set()
        _rewrite(editor, call, accounting_calls(after, flags, backends))


def _types(call: ScriptCall) -> list[str]:
    value = call.arguments[0].value if call.arguments else None
    return [one.strip().lower() for one in value.split("|")] if isinstance(value, str) and "$" not in value else []


def _flags(call: ScriptCall) -> set[str]:
    value = call.arguments[1].value if len(call.arguments) > 1 else None
    return {one.strip().lower() for one in value.split("|")} if isinstance(value, str) else set()


def _rewrite(editor: Editor, call: ScriptCall, lines: Sequence[str]) -> None:
    if editor.text[call.start : call.end] == " ".join(lines) or not _types(call):
        return
    if not editor.stands_in_text(call, call.name):
        editor.problems.append(
            _(
                "line {line}: {text} comes from a #!define; write there: {lines}",
                line=call.line,
                text=call.text,
                lines=" ".join(lines),
            )
        )
    elif not lines and call.surroundings.in_block:
        editor.remove(call)
    elif not lines:
        editor.replace(call.start, call.end, ";")
    elif len(lines) == 1 or call.surroundings.in_block:
        editor.replace(call.start, call.end, " ".join(lines))
    else:
        editor.replace(call.start, call.end, f"{{ {' '.join(lines)} }}")


# --- fields that the script assigns


def _change_assignments(
    editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile
) -> None:
    for variable, old, new in (
        ("acc_extra", _assigned(before, before.extras, "extras"), _assigned(after, after.extras, "extras")),
        ("acc_leg", _assigned(before, before.legs, "legs"), _assigned(after, after.legs, "legs")),
    ):
        written = [one for one in statements.assignments if one.variable == variable]
        for tag in dict.fromkeys([*old, *new]):
            if old.get(tag) == new.get(tag):
                continue
            own = [one for one in written if one.tag == tag]
            if not new.get(tag):
                for assignment in own:
                    _remove_assignment(editor, assignment)
            elif own:
                editor.replace(own[0].value_start, own[0].value_end, one_line(new[tag]))
            else:
                _assign(editor, statements, after, f"${variable}({tag}) = {one_line(new[tag])};", new[tag])


def _assigned(
    profile: AccountingProfile, fields: Iterable[ExtraDefinition | LegDefinition], name: str
) -> dict[str, str]:
    labels = profile.extra_labels if name == "extras" else profile.leg_labels
    declared = {field.name for backend in profile.backends for _label, field in labels(backend)}
    found: dict[str, str] = {}
    for field in fields:
        if field.name in declared:
            found.setdefault(field.name, field.variable)
    return found


def _remove_assignment(editor: Editor, assignment: Assignment) -> None:
    if assignment.surroundings.in_block:
        editor.remove(assignment)
    else:
        editor.replace(assignment.start, assignment.end, ";")


def _assign(editor: Editor, statements: Statements, after: AccountingProfile, line: str, expression: str) -> None:
    if is_of_reply(after, expression):
        _assign_in_reply(editor, statements, line)
        return
    anchors: list[Assignment | ScriptCall] = [
        one for one in statements.assignments if not one.surroundings.route.startswith("onreply")
    ]
    anchors = anchors[-1:] or [
        call
        for call in statements.calls
        if call.name == "do_accounting" and call.surroundings.is_statement and not call.surroundings.is_for_bye
    ]
    if anchors:
        add_statement(editor, anchors[0], line)
    else:
        editor.problems.append(
            _("{line} could not be placed: write it after the do_accounting() of the INVITE", line=line)
        )


def _assign_in_reply(editor: Editor, statements: Statements, line: str) -> None:
    """Add an assignment to the script's own onreply_route, which a generated one would replace."""
    armed = {str(call.arguments[0].value) for call in statements.calls if call.name == "t_on_reply" and call.arguments}
    routes = [one for one in statements.routes if one.kind == "onreply_route" and one.name in armed]
    for route in routes:
        editor.add_in_block(route.body, [line])
    if not routes:
        editor.problems.append(
            _(
                "{line} could not be placed: the value is in the reply; write it into an onreply_route that "
                "t_on_reply() arms for the INVITE",
                line=line,
            )
        )


# --- dialogs


def _track_dialog(editor: Editor, statements: Statements, after: AccountingProfile) -> None:
    if any(call.name in TRACKING_FUNCTIONS for call in statements.calls):
        return
    if after.uses_do_accounting:
        lines, names = ['create_dialog("B");'], ("do_accounting",)
    elif after.flags.cdr is not None and "cdr_flag" in after.parameters:
        lines, names = ["create_dialog();"], ("setflag",)
    else:
        lines, names = ["dlg_manage();", *dialog_values(after)], ("setflag",)
    flags = list(after.flags.account.values())
    for call in statements.calls:
        fits = call.name in names and call.surroundings.is_statement and call.surroundings.is_initial
        if fits and (call.name != "setflag" or any(_is_flag(call, flag) for flag in flags)):
            for line in lines if call.surroundings.in_block else [" ".join(lines)]:
                add_statement(editor, call, line)
            return
    editor.problems.append(
        _(
            "{lines} could not be placed: the dialog must be tracked in the route of the initial INVITE",
            lines=" ".join(lines),
        )
    )


def add_statement(editor: Editor, statement: ScriptCall | Assignment, line: str) -> None:
    """Add a statement after another one, under the same conditions."""
    word = "$" if isinstance(statement, Assignment) else statement.name
    if not editor.stands_in_text(statement, word):
        editor.problems.append(
            _("line {line}: it comes from a #!define; write after it: {text}", line=statement.line, text=line)
        )
    elif statement.surroundings.in_block:
        editor.add_line_after(statement, line)
    else:
        editor.replace(statement.start, statement.end, f"{{ {editor.text[statement.start : statement.end]} {line} }}")
