"""What a proxy's script does, as far as the check of a profile asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class UndeclaredTag(NamedTuple):
    """A use of ``$acc_extra(tag)`` or ``$acc_leg(tag)`` whose tag no ``modparam`` of the text declares."""

    variable: str
    tag: str
    line: int


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """Facts of a script; the default is that nothing is known.

    ``is_whole`` tells whether the text has routes and no part of it is missing: only then what is not in it is nowhere.
    ``assigned`` are variables without ``$``, such as ``dlg_var(caller)``. ``ends_dialogs``: some ``create_dialog()``
    asks for a BYE to both sides when the dialog expires. ``accounts_failed_bye``: ``do_accounting(…, "failed")`` is
    called for the BYE. ``flags`` are the numbers of message flags that the script uses for other things than
    accounting. ``modules`` are those loaded.
    """

    is_whole: bool = False
    assigned: frozenset[str] = frozenset()
    undeclared: tuple[UndeclaredTag, ...] = ()
    tracks_dialogs: bool = False
    ends_dialogs: bool = False
    accounts_failed_bye: bool = False
    flags: frozenset[int] = frozenset()
    modules: frozenset[str] = frozenset()
