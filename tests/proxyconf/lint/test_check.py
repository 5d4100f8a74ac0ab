"""All rules together: what holds for every profile."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.proxyconf.lint as package
from proxyconf.lint import Severity, check
from proxyconf.lint.registry import rule, rules
from proxyconf.parse import parse_config
from proxyconf.profile import (
    AccountingProfile,
    DoAccounting,
    ExtraDefinition,
    Flags,
    LegDefinition,
    MessageFlag,
    OtherParameter,
    RadiusType,
    SqlType,
)
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.messages import TranslatableText
from proxyconf.vocabulary.parameters import ParameterKind
from proxyconf.vocabulary.products import Product, Version
from tests.conftest import RECORDED
from tests.proxyconf.lint.cases import Case
from tests.proxyconf.strategies import ALL_RELEASES, odd_texts, profiles

words = st.sampled_from(["", "a;b", "user", "$fU", "$ua;", "$", "$(", "$(hdr(x)[*])", "$avp(s:x)", "acc", "77", "$rr"])
texts = words | odd_texts
integers = st.integers(-3, 300) | st.integers()
flags = st.builds(MessageFlag, st.none() | integers, texts)
backends = st.sampled_from(Backend)
labelled = {
    "name": texts,
    "variable": texts,
    "labels": st.dictionaries(backends, texts, max_size=4),
    "role": st.none() | st.sampled_from(Role),
    "sql_type": st.sampled_from(SqlType),
    "sql_width": integers,
    "radius_number": st.none() | integers,
    "radius_type": st.none() | st.sampled_from(RadiusType),
}
extras = st.lists(st.builds(ExtraDefinition, **labelled), max_size=4).map(tuple)
legs = st.lists(st.builds(LegDefinition, **labelled), max_size=4).map(tuple)


@st.composite
def any_profiles(draw: st.DrawFn) -> AccountingProfile:
    """A profile that can hold anything, as a form or a configuration of somebody may."""
    product, version = draw(
        st.sampled_from(ALL_RELEASES) | st.tuples(st.sampled_from(Product), st.builds(Version, st.integers(0, 9)))
    )
    keys = [
        key for key, one in AccountingProfile(product, version).parameters.items() if one.kind is not ParameterKind.FLAG
    ]
    names = st.sampled_from(keys) | texts if keys else texts
    some = st.frozensets(backends)
    return AccountingProfile(
        product,
        version,
        tuple(draw(st.lists(backends, unique=True))),
        draw(
            st.builds(
                Flags,
                st.dictionaries(backends, flags),
                st.dictionaries(backends, flags),
                *[st.none() | flags] * 3,
            )
        ),
        draw(st.builds(DoAccounting, some, some, some, texts)),
        draw(st.dictionaries(names, texts | integers, max_size=8)),
        *(draw(one) for one in (extras, legs, extras, legs)),
        tuple(draw(st.lists(st.builds(OtherParameter, words, texts, texts | integers), max_size=3))),
    )


@settings(max_examples=80, deadline=None)
@given(any_profiles())
def test_any_profile_can_be_checked(profile: AccountingProfile) -> None:
    for finding in check(profile):
        assert finding.what
        assert finding.why
        assert finding.remedy


@settings(max_examples=40, deadline=None)
@given(any_profiles())
def test_every_place_is_in_the_profile(profile: AccountingProfile) -> None:
    for finding in check(profile):
        assert not finding.where or finding.where.split(".")[0].split("[")[0] in {
            one.name for one in fields(AccountingProfile)
        }
        for kind, index in re.findall(r"^(\w+)\[(\d+)\]", finding.where):
            assert int(index) < len(getattr(profile, kind))


@settings(max_examples=20, deadline=None)
@given(any_profiles())
def test_the_gravest_findings_come_first(profile: AccountingProfile) -> None:
    ranks = [finding.severity.rank for finding in check(profile)]
    assert ranks == sorted(ranks)


@settings(max_examples=20, deadline=None)
@given(profiles())
def test_a_profile_that_a_proxy_takes_has_no_finding_of_its_form(profile: AccountingProfile) -> None:
    forms = {"label-characters", "trailing-separator", "variable-one", "leg-avp", "flag-range", "failed-filter-form"}
    usual = replace(profile, other_parameters=())
    assert [one for one in check(usual) if one.rule in forms] == []


@pytest.mark.parametrize("product", Product)
def test_a_suggested_profile_has_no_error(product: Product) -> None:
    for release in [one for one in ALL_RELEASES if one[0] is product]:
        found = [one for one in check(AccountingProfile.suggested(*release)) if one.severity is Severity.ERROR]
        assert found == [], release


@pytest.mark.parametrize("scenario", sorted(one.parent.name for one in RECORDED.glob("*/acc.cfg")))
def test_a_recorded_configuration_that_ran_has_no_error(scenario: str) -> None:
    profile = parse_config((RECORDED / scenario / "acc.cfg").read_text()).profile
    assert [one for one in check(profile) if one.severity is Severity.ERROR] == []


def all_cases() -> list[Case]:
    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    return [case for module in modules for case in getattr(module, "CASES", ())]


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in all_cases()} == set(rules())


def test_every_finding_is_made_of_short_sentences() -> None:
    for case in all_cases():
        for finding in check(case.wrong, case.facts):
            for text in (finding.what, finding.why, finding.remedy):
                assert text[-1] in ".?!)", f"{finding.rule}: {text!r}"
                assert len(text) < 420, f"{finding.rule}: {text!r}"
                assert "  " not in text


def test_every_finding_can_be_translated() -> None:
    for case in all_cases():
        for finding in check(case.wrong, case.facts):
            for text in (finding.what, finding.why, finding.remedy):
                assert isinstance(text, TranslatableText), text


def test_a_name_is_given_to_one_rule_only() -> None:
    with pytest.raises(ValueError, match="flag-range"):
        rule("flag-range", "Another one.")(lambda profile: [])
