"""The accounting that the routing script requests for each kind of request, which no parameter sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from proxyconf.profile import AccountingProfile, MessageFlag
from proxyconf.script_facts import RequestActions, ScriptActions
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

ENGINES = frozenset({Backend.RADIUS, Backend.DIAMETER, Backend.JSON})
"""Kamailio's backends in separate modules: they test the flags of the ACK itself."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The accounting requested for a SIP request: the flags that are set, or the arguments of ``do_accounting()``."""

    account: frozenset[Backend] = frozenset()
    missed: frozenset[Backend] = frozenset()
    failed: bool = False
    cdr: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "account": sorted(self.account),
            "missed": sorted(self.missed),
            "failed": self.failed,
            "cdr": self.cdr,
        }

    @classmethod
    def from_json(cls, data: Any, where: str) -> Self:
        if not isinstance(data, Mapping):
            raise ValueError(_("{where} must be a JSON object", where=where))
        return cls(
            _backends(data.get("account", ()), f"{where}.account"),
            _backends(data.get("missed", ()), f"{where}.missed"),
            bool(data.get("failed", False)),
            bool(data.get("cdr", False)),
        )


_MARKED = ("invite", "reinvite", "bye", "ack", "cancel", "next_attempt")
_SWITCHES = ("record_route", "missed_again_without_attempt", "bye_on_timeout")


@dataclass(frozen=True, slots=True)
class Script:
    """The accounting requested by a script. ``next_attempt`` is requested by the failure_route before the next attempt.

    ``record_route``: later requests of the dialog pass the proxy. ``missed_again_without_attempt``: the failure_route
    sets the missed flag even if no attempt follows. ``bye_on_timeout``: the proxy itself ends an expired dialog
    (OpenSIPS ``create_dialog("B")``, Kamailio's dialog flag for it).
    """

    invite: Marks = field(default_factory=Marks)
    reinvite: Marks = field(default_factory=Marks)
    bye: Marks = field(default_factory=Marks)
    ack: Marks = field(default_factory=Marks)
    cancel: Marks = field(default_factory=Marks)
    next_attempt: Marks = field(default_factory=Marks)
    record_route: bool = True
    missed_again_without_attempt: bool = False
    bye_on_timeout: bool = False

    @classmethod
    def generated(cls, profile: AccountingProfile) -> Self:
        """Return the requests of the generated routes, called as their comments say."""
        if profile.uses_do_accounting:
            return cls._generated_calls(profile)
        usable = [backend for backend in profile.backends if backend in profile.known_backends]
        account = frozenset(backend for backend in usable if backend in profile.flags.account)
        missed = frozenset(backend for backend in usable if backend in profile.flags.missed)
        in_release = profile.flags.by_parameter(profile.product, profile.version)
        failed = "failed_transaction_flag" in in_release
        acknowledged = account & ENGINES if profile.product is Product.KAMAILIO else frozenset()
        return cls(
            invite=Marks(account, missed, failed, "cdr_flag" in in_release),
            bye=Marks(account, failed=failed),
            ack=Marks(acknowledged if profile.is_on("report_ack") else frozenset()),
            cancel=Marks(account if profile.is_on("report_cancels") else frozenset()),
            next_attempt=Marks(missed=missed),
        )

    @classmethod
    def _generated_calls(cls, profile: AccountingProfile) -> Self:
        do_accounting = profile.do_accounting
        every = frozenset(profile.backends)
        is_cdr, failed = bool(do_accounting.cdr & every), bool(do_accounting.failed & every)
        return cls(
            invite=Marks(every, do_accounting.missed & every, failed, is_cdr),
            bye=Marks() if is_cdr else Marks(every, failed=failed),
            cancel=Marks(every if profile.is_on("report_cancels") else frozenset()),
            next_attempt=Marks(every if do_accounting.missed & every else frozenset(), do_accounting.missed & every),
            bye_on_timeout=is_cdr,
        )

    @classmethod
    def written(cls, profile: AccountingProfile, actions: ScriptActions) -> Self:
        """Return what a proxy's own script does with the flags of ``profile``."""
        marks = {name: _marks(profile, getattr(actions, name)) for name in _MARKED}
        if marks["invite"].cdr and profile.uses_do_accounting:
            marks["bye"] = Marks()  # acc_logic.c: within a dialog that has its context a call adds no event
        return cls(
            **marks,
            record_route=actions.invite.is_recorded,
            missed_again_without_attempt=bool(marks["next_attempt"].missed) and not actions.next_attempt.is_relayed,
            bye_on_timeout=actions.invite.ends_dialog,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which ``from_json`` builds an equal script."""
        marks = {name: getattr(self, name).to_json() for name in _MARKED}
        return {**marks, **{name: getattr(self, name) for name in _SWITCHES}}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Build a script from the data of ``to_json``; absent members are not set.

        Raise ``ValueError`` for an invalid value.
        """
        if not isinstance(data, Mapping):
            raise ValueError(_("{where} must be a JSON object", where=_("the script's part")))
        members: dict[str, Any] = {name: Marks.from_json(data[name], name) for name in _MARKED if name in data}
        members |= {name: bool(data[name]) for name in _SWITCHES if name in data}
        return cls(**members)


def _marks(profile: AccountingProfile, actions: RequestActions) -> Marks:
    if profile.uses_do_accounting:
        return _asked(profile, actions)

    def is_set(flag: MessageFlag | None) -> bool:
        return flag is not None and bool({flag.name or "", str(flag.number)} & actions.flags)

    flags = profile.flags
    usable = [one for one in profile.backends if one in profile.known_backends]
    return Marks(
        frozenset(one for one in usable if is_set(flags.account.get(one))),
        frozenset(one for one in usable if is_set(flags.missed.get(one))),
        failed="failed_transaction_flag" in profile.parameters and is_set(flags.failed),
        cdr="cdr_flag" in profile.parameters and is_set(flags.cdr),
    )


def _asked(profile: AccountingProfile, actions: RequestActions) -> Marks:
    types = {profile.known_backends[one].type: one for one in profile.backends if one in profile.known_backends}
    account = {types[one] for call in actions.accounting for one in call.types if one in types}
    missed = {types[one] for call in actions.accounting if "missed" in call.flags for one in call.types if one in types}
    flags = {flag for call in actions.accounting for flag in call.flags}
    return Marks(frozenset(account), frozenset(missed), failed="failed" in flags, cdr="cdr" in flags)


def _backends(names: Any, where: str) -> frozenset[Backend]:
    if not isinstance(names, Iterable) or isinstance(names, str):
        raise ValueError(_("{where} must be a list of backends", where=where))
    try:
        return frozenset(map(Backend, names))
    except ValueError as error:
        allowed = ", ".join(Backend)
        raise ValueError(_("{where}: use only {allowed}", where=where, allowed=allowed)) from error
