"""How a rule is tested: a profile in which it finds something, and the same profile mended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from proxyconf.lint import Finding, Severity, check
from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition, Flags, LegDefinition, MessageFlag
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import Value
from proxyconf.vocabulary.products import Product, Version

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
LOG, SQL, RADIUS, DIAMETER = Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.DIAMETER
JSON, EVENTS = Backend.JSON, Backend.EVENTS
POSTGRESQL, MYSQL, SQLITE = "postgres://sip@host/acc", "mysql://sip@host/acc", "sqlite:///var/lib/acc"


@dataclass(frozen=True)
class Case:
    """What ``rule`` finds in ``wrong``, and not in ``right``: how grave, and where."""

    title: str
    rule: str
    severity: Severity
    where: str
    wrong: AccountingProfile
    right: AccountingProfile
    facts: ScriptFacts | None = None

    def holds(self) -> None:
        """Fail unless the rule finds just what it should."""
        found = of_rule(self.wrong, self.rule, self.facts)
        assert (self.severity, self.where) in [(one.severity, one.where) for one in found], found
        assert of_rule(self.right, self.rule, self.facts) == []


def cases(*all_of_them: Case) -> pytest.MarkDecorator:
    """Parametrise a test by cases, named by their titles."""
    return pytest.mark.parametrize("case", all_of_them, ids=[one.title for one in all_of_them])


def of_rule(profile: AccountingProfile, rule: str, facts: ScriptFacts | None = None) -> list[Finding]:
    """Return what one rule finds."""
    return [one for one in check(profile, facts) if one.rule == rule]


def kamailio(*backends: Backend, version: tuple[int, int] = (5, 6), **options: Value) -> AccountingProfile:
    """A Kamailio with its flags set."""
    return replace(
        AccountingProfile.suggested(Product.KAMAILIO, Version(*version), backends or (LOG,)), options=options
    )


def opensips(*backends: Backend, version: tuple[int, int] = (3, 4), **options: Value) -> AccountingProfile:
    """An OpenSIPS that asks for missed and failed calls."""
    return replace(
        AccountingProfile.suggested(Product.OPENSIPS, Version(*version), backends or (LOG,)), options=options
    )


def openser(*backends: Backend, version: tuple[int, int] = (1, 3), **options: Value) -> AccountingProfile:
    """An OpenSER with its flags set."""
    return replace(AccountingProfile.suggested(Product.OPENSER, Version(*version), backends or (LOG,)), options=options)


def with_extra(profile: AccountingProfile, variable: str, label: str = "x_value", **rest: Any) -> AccountingProfile:
    """Add an extra field that all backends of the profile log."""
    labels = {one: str(1001 + len(profile.extras)) if one is DIAMETER else label for one in profile.backends}
    one = ExtraDefinition(f"field{len(profile.extras)}", variable, labels, **rest)
    return replace(profile, extras=(*profile.extras, one))


def with_label(profile: AccountingProfile, *labels: str, backend: Backend | None = None) -> AccountingProfile:
    """Add an extra field for each label of one backend, by default the first that is in use."""
    wanted = backend or profile.backends[0]
    added = tuple(ExtraDefinition(f"field{at}", "$si", {wanted: label}) for at, label in enumerate(labels))
    return replace(profile, extras=(*profile.extras, *added))


def with_leg(
    profile: AccountingProfile, variable: str = "$avp(src)", name: str = "src", **rest: Any
) -> AccountingProfile:
    """Add a leg field that all backends of the profile log."""
    one = LegDefinition(name, variable, dict.fromkeys(profile.backends, name), **rest)
    return replace(profile, legs=(*profile.legs, one))


def with_cdr(
    profile: AccountingProfile, variable: str, label: str = "x_value", sql_label: str = ""
) -> AccountingProfile:
    """Add a field of dialog records."""
    one = ExtraDefinition(label, variable, {LOG: label, SQL: sql_label or label})
    return replace(profile, cdr_extras=(*profile.cdr_extras, one))


def with_flags(profile: AccountingProfile, **flags: Any) -> AccountingProfile:
    """Replace flags; a number stands for the flag."""
    return replace(profile, flags=replace(profile.flags, **{name: flag_of(value) for name, value in flags.items()}))


def flag_of(value: Any) -> Any:
    """Return a number, a name, or those of a mapping, as flags."""
    if isinstance(value, dict):
        return {backend: flag_of(one) for backend, one in value.items()}
    if isinstance(value, int):
        return MessageFlag(value)
    return MessageFlag(None, value) if isinstance(value, str) else value


def asking(profile: AccountingProfile, **asked: Any) -> AccountingProfile:
    """Replace what ``do_accounting()`` asks for."""
    return replace(profile, do_accounting=DoAccounting(**asked))


def flags(**all_of_them: Any) -> Flags:
    """Return flags given by number."""
    return Flags(**{name: flag_of(value) for name, value in all_of_them.items()})
