"""What the routing script asks for on each kind of request: the half of accounting that no parameter says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

ENGINES = frozenset({Backend.RADIUS, Backend.DIAMETER, Backend.JSON})
"""Kamailio's backends that are modules of their own: they test the flags of the ACK itself."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The accounting asked for on a request: flags that are set, or what ``do_accounting()`` names."""

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
            raise ValueError(f"{where} must be a JSON object")
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
    """The script's part. ``next_attempt`` is what the failure_route sets before it tries the next destination.

    ``record_route``: later requests of the dialog pass the proxy. ``missed_again_without_attempt``: the failure_route
    sets the missed flag also where no attempt follows. ``bye_on_timeout``: the proxy itself ends an expired dialog
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
        """Return what the generated routes do when they are called where their comments say."""
        if profile.uses_do_accounting:
            return cls._generated_calls(profile)
        usable = [one for one in profile.backends if one in profile.known_backends]
        account = frozenset(one for one in usable if one in profile.flags.account)
        missed = frozenset(one for one in usable if one in profile.flags.missed)
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
        asked = profile.do_accounting
        every = frozenset(profile.backends)
        is_cdr, failed = bool(asked.cdr & every), bool(asked.failed & every)
        return cls(
            invite=Marks(every, asked.missed & every, failed, is_cdr),
            bye=Marks() if is_cdr else Marks(every, failed=failed),
            cancel=Marks(every if profile.is_on("report_cancels") else frozenset()),
            next_attempt=Marks(every if asked.missed & every else frozenset(), asked.missed & every),
            bye_on_timeout=is_cdr,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data that ``from_json`` reads back to an equal script."""
        marks = {name: getattr(self, name).to_json() for name in _MARKED}
        return {**marks, **{name: getattr(self, name) for name in _SWITCHES}}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what ``to_json`` wrote; what is absent is not set. Raise ``ValueError`` for a wrong value."""
        if not isinstance(data, Mapping):
            raise ValueError("the script's part must be a JSON object")
        members: dict[str, Any] = {name: Marks.from_json(data[name], name) for name in _MARKED if name in data}
        members |= {name: bool(data[name]) for name in _SWITCHES if name in data}
        return cls(**members)


def _backends(names: Any, where: str) -> frozenset[Backend]:
    if not isinstance(names, Iterable) or isinstance(names, str):
        raise ValueError(f"{where} must be a list of backends")
    try:
        return frozenset(Backend(one) for one in names)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
