"""Extract the facts for the check of a profile from the statements of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyconf.parse.lists import split_declaration
from proxyconf.parse.statements import ASSIGNED_BY_TAG, TRACKING_FUNCTIONS, ScriptCall, Statements
from proxyconf.script_facts import ScriptFacts, UndeclaredTag
from proxyconf.vocabulary.products import Product

_OTHER_LANGUAGES = "app_"  # modules whose routes are written in Lua, Python, …
_DECLARED_BY = {"acc_extra": "extra_fields", "acc_leg": "leg_fields"}


def facts_of(statements: Statements, product: Product, flags: Iterable[int]) -> ScriptFacts:
    """Return the facts about a script; ``flags`` are the numbers that it uses for purposes other than accounting."""
    modules = frozenset(statements.modules)
    return ScriptFacts(
        is_whole=bool(statements.routes) and not statements.missing_files and not has_other_language(statements),
        assigned=frozenset(use.text for use in statements.variables if use.is_assigned),
        undeclared=tuple(_undeclared(statements)) if product is Product.OPENSIPS else (),
        tracks_dialogs=any(call.name in TRACKING_FUNCTIONS for call in statements.calls)
        or any(modparam[:2] == ("dialog", "dlg_flag") for modparam in statements.modparams),
        ends_dialogs=any(call.name == "create_dialog" and "B" in _text(call, 0) for call in statements.calls),
        accounts_failed_bye=any(
            call.name == "do_accounting" and call.surroundings.is_for_bye and "failed" in _text(call, 1).lower()
            for call in statements.calls
        ),
        flags=frozenset(flags),
        modules=modules,
        has_failure_route=any(route.kind == "failure_route" for route in statements.routes),
        flags_set_again=frozenset(
            word
            for call in statements.calls
            if call.name == "setflag" and call.arguments and _is_after_failure(call)
            for word in (str(call.arguments[0].value), call.arguments[0].word)
            if word
        ),
        requests_missed_again=any(
            call.name == "do_accounting" and "missed" in _text(call, 1).lower() and _is_after_failure(call)
            for call in statements.calls
        ),
    )


def _is_after_failure(call: ScriptCall) -> bool:
    """Return whether a failure_route reaches the call, or may reach it: it can call any named route."""
    return call.surroundings.route.startswith(("failure_route", "route["))


def has_other_language(statements: Statements) -> bool:
    """Return whether a module runs routes in another language, such as Lua or Python."""
    return any(module.startswith(_OTHER_LANGUAGES) for module in statements.modules)


def _text(call: ScriptCall, position: int) -> str:
    value = call.arguments[position].value if len(call.arguments) > position else None
    return value if isinstance(value, str) else ""


def _undeclared(statements: Statements) -> Iterator[UndeclaredTag]:
    """Yield the first use of each undeclared tag; nothing if a declaration cannot be read."""
    declared: dict[str, set[str]] = {variable: set() for variable in ASSIGNED_BY_TAG}
    for variable, parameter in _DECLARED_BY.items():
        for modparam in statements.modparams:
            if modparam.name == parameter:
                try:
                    declared[variable] |= {field.tag for field in split_declaration(str(modparam.argument.value))[1]}
                except ValueError:
                    return
    for use in statements.variables:
        if use.name in declared and use.argument not in declared[use.name] and "$" not in use.argument:
            declared[use.name].add(use.argument)
            yield UndeclaredTag(use.name, use.argument, use.line)
