"""Run all rules over a profile."""

from __future__ import annotations

from proxyconf.lint import (  # noqa: F401 - each file registers its rules
    cdrs,
    columns,
    diameter,
    flags,
    labels,
    legs,
    lists,
    options,
    radius,
    release,
    script,
    sql,
    variables,
)
from proxyconf.lint.finding import Finding
from proxyconf.lint.registry import rules
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts


def check(profile: AccountingProfile, facts: ScriptFacts | None = None) -> list[Finding]:
    """Return all findings, the gravest first, else in the order of the rules. It takes any profile and never fails.

    ``facts`` are those of the script that the profile belongs to; without them nothing is said of a script.
    """
    known = facts or ScriptFacts()
    found = [finding for rule in rules().values() for finding in rule.findings(profile, known)]
    return sorted(found, key=lambda finding: finding.severity.rank)
