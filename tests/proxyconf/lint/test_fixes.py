"""A fix removes its finding and brings no new problem, in every configuration that the tests of the rules have."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.proxyconf.lint as tests_of_rules
from proxyconf.lint import Finding, Severity, check
from proxyconf.lint.finding import Fix
from proxyconf.profile import AccountingProfile, ExtraDefinition, MessageFlag
from proxyconf.script_facts import ScriptFacts
from tests.proxyconf.lint.cases import LOG, SQL, Case, flags, kamailio, with_label
from tests.proxyconf.strategies import odd_texts, profiles

OFTEN_FIXED = frozenset({"flag-range", "label-characters", "label-repeated", "option-value", "early-media", "leg-avp"})

HIDING = frozenset({"trailing-separator", "variable-unknown", "variable-choice", "cdr-fields-unused"})
"""Rules about a variable that cannot be read, or about fields that are not used: only when that is corrected can other
rules find what is wrong with them.
"""


def _cases() -> Iterator[Case]:
    """Yield the cases of all tests of rules."""
    for module in pkgutil.iter_modules(tests_of_rules.__path__):
        if module.name.startswith("test_") and module.name != "test_fixes":
            members = vars(importlib.import_module(f"{tests_of_rules.__name__}.{module.name}"))
            for test in members.values():
                for mark in getattr(test, "pytestmark", ()):
                    yield from (one for one in mark.args[-1] if isinstance(one, Case))


ALL_CASES = list(_cases())


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.where, finding.what


def _count(findings: list[Finding], least: Severity) -> Counter[str]:
    return Counter(one.rule for one in findings if one.severity.rank <= least.rank)


def unfit(profile: AccountingProfile, facts: ScriptFacts | None = None) -> list[str]:
    """Return what is wrong with the fixes that the findings of a profile have."""
    before = check(profile, facts)
    wrong = []
    for finding in before:
        for fix in finding.fixes:
            after = check(fix.change(profile), facts)
            fewer = _count(after, Severity.NOTE)[finding.rule] < _count(before, Severity.NOTE)[finding.rule]
            if not fewer and _key(finding) in map(_key, after):
                wrong.append(f"{fix.title}: still {finding}")
            new = _count(after, Severity.ERROR) - _count(before, Severity.ERROR)
            if new and finding.rule not in HIDING:
                wrong.append(f"{fix.title}: {finding} brings {new}")
    return wrong


@pytest.mark.parametrize("case", ALL_CASES, ids=[f"{one.rule}: {one.title}" for one in ALL_CASES])
def test_each_fix_of_a_case_removes_its_finding_and_adds_no_error(case: Case) -> None:
    assert unfit(case.wrong, case.facts) == []


@st.composite
def spoilt_profiles(draw: st.DrawFn) -> AccountingProfile:
    """A profile with labels, flags and variables that are wrong now and then."""
    profile = draw(profiles())
    labels = odd_texts | st.sampled_from(["method", "select", "Time", "a b", "User-Name", "x" * 70, "1"])
    variables = st.sampled_from(["$fU", "$hdr(User-Agent)", "$(fU[0])", "$fUU", "$avp(i:abc)", "$rU;", "$mb", "$rs"])
    added = draw(
        st.lists(
            st.builds(
                ExtraDefinition,
                odd_texts,
                variables,
                st.dictionaries(st.sampled_from(profile.backends), labels.filter(bool), min_size=1),
            ),
            max_size=3,
        )
    )
    numbers = st.integers(-1, 40).map(MessageFlag)
    failed = draw(st.none() | numbers | st.sampled_from([MessageFlag(), MessageFlag(None, "a b"), MessageFlag(3, "1")]))
    return replace(profile, extras=(*profile.extras, *added), flags=replace(profile.flags, failed=failed))


@settings(max_examples=30, deadline=None)  # each fix is followed by a check of its own
@given(spoilt_profiles())
def test_each_fix_of_any_profile_removes_its_finding_and_adds_no_error(profile: AccountingProfile) -> None:
    assert unfit(profile) == []


def _fixes_of(profile: AccountingProfile, rule: str) -> list[Fix]:
    return [fix for finding in check(profile) if finding.rule == rule for fix in finding.fixes]


def test_a_fix_keeps_a_macro_of_another_option_and_drops_its_own() -> None:
    profile = replace(kamailio(SQL, early_media=1), macros={"early_media": "EARLY", "db_url": "DBURL"})
    (fix,) = _fixes_of(profile, "early-media")
    assert fix.title == "Set early_media to 0"
    assert fix.change(profile).macros == {"db_url": "DBURL"}


def test_a_label_is_renamed_to_one_that_nothing_else_has() -> None:
    profile = with_label(kamailio(SQL), "a b", "a_b", backend=SQL)
    (fix,) = _fixes_of(profile, "label-characters")
    assert [one.labels[SQL] for one in fix.change(profile).extras] == ["x_a_b", "a_b"]


def test_a_flag_of_its_own_is_not_one_that_the_script_uses() -> None:
    profile = replace(kamailio(LOG), flags=flags(account={LOG: 1}, missed={LOG: 1}))
    facts = ScriptFacts(flags=frozenset({20, 21}))
    (finding,) = [one for one in check(profile, facts) if one.rule == "flag-clash"]
    assert finding.fixes[0].title == "Use flag 22"
    assert finding.fixes[0].change(profile).flags.missed == {LOG: MessageFlag(22)}


def test_most_rules_whose_remedy_is_a_change_of_the_profile_have_a_fix() -> None:
    fixed = {finding.rule for case in ALL_CASES for finding in check(case.wrong, case.facts) if finding.fixes}
    assert fixed > OFTEN_FIXED
    assert len(fixed) > 50
