"""Whether a real Kamailio takes what the vocabulary of variables and transformations says it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxyconf.lint import Severity, check
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.transformations import transformations_of
from proxyconf.vocabulary.variables import Takes, variables_in
from tests.kamailio.proxy import DidNotStart, running

pytestmark = pytest.mark.kamailio

RELEASE = Version(5, 6)  # the one that Debian 12 has
BATCH = 40  # fields that acc takes, fewer than its limit
ARGUMENTS = ",1,1"
REFUSED = (
    *("$(fU{s.foo})", "$(ru{uri.usr})", "$(fU{s.substr,0})", "$(fU{s.sha1})", "$(fU{s.countc,a})", "$(fU[0])"),
    *("$(avp(x)[abc])", "$avp(i:abc)", "$time(nosuch)", "$K(IP)", "$foo", "$ctu", "$ful"),
)


def logging(*texts: str) -> AccountingProfile:
    extras = [ExtraDefinition(f"f{at}", text, {Backend.SYSLOG: f"f{at}"}) for at, text in enumerate(texts)]
    return replace(AccountingProfile.suggested(Product.KAMAILIO, RELEASE, (Backend.SYSLOG,)), extras=tuple(extras))


def plain_variables() -> list[str]:
    known = variables_in(Product.KAMAILIO, RELEASE).values()
    return [f"${one.name}" for one in known if one.module == "pv" and one.takes is not Takes.REQUIRED]


def transformations() -> list[str]:
    """Each transformation of numbers or of nothing, which needs no other text."""
    known = transformations_of(Product.KAMAILIO).values()
    usable = [one for one in known if one.module == "pv" and (one.since is None or one.since <= RELEASE)]
    return [f"$(fU{{{one.name}{ARGUMENTS[: 2 * one.arguments]}}})" for one in usable]


def batches(texts: list[str]) -> list[list[str]]:
    return [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]


@pytest.mark.parametrize("texts", batches(plain_variables() + transformations()), ids=lambda texts: texts[0])
def test_kamailio_starts_with_what_the_vocabulary_has(texts: list[str], tmp_path: Path) -> None:
    with running(logging(*texts), tmp_path):
        pass


@pytest.mark.parametrize("text", REFUSED)
def test_what_kamailio_refuses_is_an_error_of_the_check(text: str, tmp_path: Path) -> None:
    profile = logging(text)
    assert any(one.severity is Severity.ERROR for one in check(profile))
    with pytest.raises(DidNotStart), running(profile, tmp_path):
        pass
