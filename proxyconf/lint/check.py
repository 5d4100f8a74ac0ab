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
    """Return all findings, the most severe first, then in the order of the rules. Any profile can be checked.

    ``facts`` are those of the profile's script; without them there are no findings about the script.
    """
    facts = facts or ScriptFacts()
    findings = [finding for rule in rules().values() for finding in rule.findings(profile, facts)]
    return sorted(findings, key=lambda finding: finding.severity.rank)
