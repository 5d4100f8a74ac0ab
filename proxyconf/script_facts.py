"""Facts about a proxy's script that the check of a profile uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class UndeclaredTag(NamedTuple):
    """A use of ``$acc_extra(tag)`` or ``$acc_leg(tag)`` whose tag no ``modparam`` declares."""

    variable: str
    tag: str
    line: int


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """Facts about a script; by default nothing is known.

    ``is_whole``: the text has routes and no included file is missing. Only then does the absence of a statement mean
    something. ``assigned`` are the assigned variables without ``$``, such as ``dlg_var(caller)``. ``ends_dialogs``: a
    ``create_dialog()`` requests a BYE to both sides when the dialog expires. ``accounts_failed_bye``:
    ``do_accounting(…, "failed")`` is called for the BYE. ``flags`` are the numbers of the message flags that the script
    uses for purposes other than accounting. ``modules`` are the loaded modules.
    ``flags_set_again`` are the flags, by number and by name, that a failure_route sets, or a named route that one may
    call; ``requests_missed_again``: ``do_accounting(…, "missed")`` is called there.
    """

    is_whole: bool = False
    assigned: frozenset[str] = frozenset()
    undeclared: tuple[UndeclaredTag, ...] = ()
    tracks_dialogs: bool = False
    ends_dialogs: bool = False
    accounts_failed_bye: bool = False
    flags: frozenset[int] = frozenset()
    modules: frozenset[str] = frozenset()
    has_failure_route: bool = False
    flags_set_again: frozenset[str] = frozenset()
    requests_missed_again: bool = False


class AccountingCall(NamedTuple):
    """``do_accounting(types, flags)``, its words in lower case."""

    types: frozenset[str]
    flags: frozenset[str]


class RequestActions(NamedTuple):
    """What a script does for accounting while it handles a request, before it relays it.

    ``flags`` are the message flags that it sets, by number and by name. ``ends_dialog``: the proxy sends a BYE to both
    sides when the dialog expires.
    """

    flags: frozenset[str] = frozenset()
    accounting: tuple[AccountingCall, ...] = ()
    is_recorded: bool = False
    tracks_dialog: bool = False
    ends_dialog: bool = False
    is_relayed: bool = False


class ScriptActions(NamedTuple):
    """What a script does for accounting on each kind of request; ``next_attempt``: in the failure_route."""

    invite: RequestActions
    reinvite: RequestActions
    bye: RequestActions
    ack: RequestActions
    cancel: RequestActions
    next_attempt: RequestActions
