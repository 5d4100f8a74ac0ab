"""Rules are registered by name; their problems become findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from proxyconf.lint import registry
from proxyconf.lint.finding import Severity
from proxyconf.lint.registry import LintRule, Place, Problem, error, note, rule, rules, script_rule, warning
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

PROFILE = AccountingProfile(Product.KAMAILIO, Version(5, 6), (Backend.SYSLOG,))
PLACE = Place("options.x", "option x")


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, LintRule]:
    registered: dict[str, LintRule] = {}
    monkeypatch.setattr(registry, "_rules", registered)
    return registered


def test_a_problem_becomes_a_finding_with_the_consequence_of_its_rule(empty_registry: dict[str, LintRule]) -> None:
    @rule("some-rule", "the consequence")
    def find(_profile: AccountingProfile) -> Iterator[Problem]:
        yield error(PLACE, "the problem", "the remedy")

    (finding,) = empty_registry["some-rule"].findings(PROFILE, ScriptFacts())
    assert (finding.severity, finding.rule) == (Severity.ERROR, "some-rule")
    assert (finding.where, finding.place) == ("options.x", "option x")
    assert (finding.what, finding.why, finding.remedy) == ("the problem", "the consequence", "the remedy")


def test_a_problem_can_have_a_consequence_of_its_own(empty_registry: dict[str, LintRule]) -> None:
    @rule("some-rule", "the usual consequence")
    def find(_profile: AccountingProfile) -> Iterator[Problem]:
        yield error(PLACE, "the problem", "the remedy", "another consequence")

    (finding,) = empty_registry["some-rule"].findings(PROFILE, ScriptFacts())
    assert finding.why == "another consequence"


def test_a_rule_of_the_script_gets_the_facts_about_it(empty_registry: dict[str, LintRule]) -> None:
    facts = ScriptFacts(is_whole=True)
    seen: list[ScriptFacts] = []

    @script_rule("some-rule", "the consequence")
    def find(_profile: AccountingProfile, script_facts: ScriptFacts) -> Iterator[Problem]:
        seen.append(script_facts)
        return iter(())

    assert list(empty_registry["some-rule"].findings(PROFILE, facts)) == []
    assert seen == [facts]


def test_two_rules_of_the_same_name_are_refused(empty_registry: dict[str, LintRule]) -> None:
    rule("some-rule", "")(lambda _profile: ())
    with pytest.raises(ValueError, match="some-rule"):
        script_rule("some-rule", "")(lambda _profile, _facts: ())


def test_problems_have_the_severity_of_their_function() -> None:
    severities = [make(PLACE, "", "").severity for make in (error, warning, note)]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


def test_a_fix_that_is_not_possible_is_left_out() -> None:
    assert error(PLACE, "", "").fixed_by(None, None).fixes == ()


@pytest.mark.parametrize("name", sorted(rules()))
def test_a_rule_has_a_name_for_documents_and_a_consequence_in_words(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert rules()[name].name == name
    assert str(rules()[name].why).strip()
