"""Findings in groups."""

from __future__ import annotations

from proxyconf.lint import Finding, Severity, grouped


def finding(severity: Severity, rule: str, place: str) -> Finding:
    return Finding(severity, rule, place, place, "What.", "Why.", "Remedy.")


def test_notes_of_one_rule_stand_together_and_warnings_alone() -> None:
    warnings = [finding(Severity.WARNING, "a", place) for place in ("field 1", "field 2")]
    notes = [finding(Severity.NOTE, "b", place) for place in ("field 1", "field 2", "field 3")]
    other = finding(Severity.NOTE, "c", "field 1")
    assert grouped([*warnings, *notes[:2], other, notes[2]]) == [
        (warnings[0], []),
        (warnings[1], []),
        (notes[0], notes[1:]),
        (other, []),
    ]
