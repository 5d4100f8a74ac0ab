"""What the script's ``do_accounting()`` calls ask for (OpenSIPS 2.2 and later)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from proxyconf.parse.statements import ScriptCall
from proxyconf.parse.tokens import Remark
from proxyconf.profile import DoAccounting
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _

_TYPES = frozenset({"log", "db", "aaa", "evi"})
_FLAGS = frozenset({"missed", "failed", "cdr"})


@dataclass(slots=True)
class AskedAccounting:
    """The backends asked for in any call, and the flags per backend, all calls taken together.

    OpenSIPS keeps ``missed`` per backend; ``cdr`` and ``failed`` hold for the whole transaction, whatever backend they
    were asked for (``is_cdr_acc_on``, ``is_failed_acc_on`` in its ``acc_logic.c``).
    """

    backends: set[Backend] = field(default_factory=set)
    flags: dict[str, set[Backend]] = field(default_factory=lambda: {name: set() for name in _FLAGS})
    tables: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def do_accounting(self) -> DoAccounting:
        """The same as part of a profile."""
        return DoAccounting(
            missed=frozenset(self.flags["missed"]),
            failed=frozenset(self.backends if self.flags["failed"] else ()),
            cdr=frozenset(self.backends if self.flags["cdr"] else ()),
            table=self.tables[0] if self.tables else "",
        )


def read_calls(calls: Iterable[ScriptCall], backend_of: Callable[[str], Backend]) -> AskedAccounting:
    """Read the ``do_accounting()`` calls; ``backend_of`` tells the backend of a type (``aaa`` may be two)."""
    asked = AskedAccounting()
    for call in calls:
        if call.name == "drop_accounting":
            asked.remarks.append(Remark(call.line, call.text, _("where accounting is dropped again is not kept")))
        if call.name == "do_accounting":
            _read_call(call, asked, backend_of)
    return asked


def _read_call(call: ScriptCall, asked: AskedAccounting, backend_of: Callable[[str], Backend]) -> None:
    backends = {backend_of(word) for word in _words(call, 0, _TYPES, asked)}
    asked.backends |= backends
    for flag in _words(call, 1, _FLAGS, asked):
        if flag != "failed" or not call.surroundings.is_for_bye:  # that of a BYE says nothing of the INVITE
            asked.flags[flag] |= backends
    if len(call.arguments) > 2:
        table = call.arguments[2].value
        if isinstance(table, str) and "$" not in table and table in (asked.tables or [table]):
            asked.tables.append(table)
        else:
            asked.remarks.append(Remark(call.line, call.text, _("one constant table is kept; this one is left out")))


def _words(call: ScriptCall, position: int, known: frozenset[str], asked: AskedAccounting) -> set[str]:
    if len(call.arguments) <= position:
        if position == 0:
            asked.remarks.append(Remark(call.line, call.text, _("it does not say what to account to")))
        return set()
    value = call.arguments[position].value
    if not isinstance(value, str) or "$" in value:
        asked.remarks.append(Remark(call.line, call.text, _("what it asks for is known at run time only")))
        return set()
    words = {word.strip().lower() for word in value.split("|") if word.strip()}  # as the module compares them
    for word in sorted(words - known):
        why = _("{word!r} is none of {known}", word=word, known=", ".join(sorted(known)))
        asked.remarks.append(Remark(call.line, call.text, why))
    return words & known
