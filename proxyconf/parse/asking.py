"""The accounting requested by the script's ``do_accounting()`` calls (OpenSIPS 2.2 and later)."""

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
class RequestedAccounting:
    """The requested backends and the flags per backend, of all calls together.

    OpenSIPS keeps ``missed`` per backend; ``cdr`` and ``failed`` apply to the whole transaction, whatever backend they
    were requested for (``is_cdr_acc_on``, ``is_failed_acc_on`` in its ``acc_logic.c``).
    """

    backends: set[Backend] = field(default_factory=set)
    flags: dict[str, set[Backend]] = field(default_factory=lambda: {name: set() for name in _FLAGS})
    tables: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def do_accounting(self) -> DoAccounting:
        return DoAccounting(
            missed=frozenset(self.flags["missed"]),
            failed=frozenset(self.backends if self.flags["failed"] else ()),
            cdr=frozenset(self.backends if self.flags["cdr"] else ()),
            table=self.tables[0] if self.tables else "",
        )


def read_calls(calls: Iterable[ScriptCall], backend_of: Callable[[str], Backend]) -> RequestedAccounting:
    """Evaluate the ``do_accounting()`` calls; ``backend_of`` returns the backend of a type (``aaa`` may be two)."""
    requested = RequestedAccounting()
    for call in calls:
        if call.name == "drop_accounting":
            requested.remarks.append(Remark(call.line, call.text, _("drop_accounting() is not imported")))
        if call.name == "do_accounting":
            _read_call(call, requested, backend_of)
    return requested


def _read_call(call: ScriptCall, requested: RequestedAccounting, backend_of: Callable[[str], Backend]) -> None:
    backends = {backend_of(word) for word in _words(call, 0, _TYPES, requested)}
    requested.backends |= backends
    for flag in _words(call, 1, _FLAGS, requested):
        if flag != "failed" or not call.surroundings.is_for_bye:  # in a call for the BYE it does not concern the INVITE
            requested.flags[flag] |= backends
    if len(call.arguments) > 2:
        table = call.arguments[2].value
        if isinstance(table, str) and "$" not in table and table in (requested.tables or [table]):
            requested.tables.append(table)
        else:
            requested.remarks.append(
                Remark(call.line, call.text, _("only one constant table is kept; this one is omitted"))
            )


def _words(call: ScriptCall, position: int, allowed: frozenset[str], requested: RequestedAccounting) -> set[str]:
    if len(call.arguments) <= position:
        if position == 0:
            requested.remarks.append(Remark(call.line, call.text, _("the accounting output is missing")))
        return set()
    value = call.arguments[position].value
    if not isinstance(value, str) or "$" in value:
        requested.remarks.append(Remark(call.line, call.text, _("the value is only known at run time")))
        return set()
    words = {word.strip().lower() for word in value.split("|") if word.strip()}  # as the module compares them
    for word in sorted(words - allowed):
        why = _("{word!r} is not one of {allowed}", word=word, allowed=", ".join(sorted(allowed)))
        requested.remarks.append(Remark(call.line, call.text, why))
    return words & allowed
