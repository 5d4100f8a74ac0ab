"""What the checks say of a start, a real Kamailio does."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxyconf.vocabulary.products import Product, Version
from tests.kamailio.proxy import DidNotStart, running
from tests.proxyconf.lint.cases import ERROR, Case, of_rule
from tests.proxyconf.lint.test_check import all_cases

pytestmark = pytest.mark.kamailio

RELEASE = (Product.KAMAILIO, Version(5, 6))  # the one that Debian 12 has
STOP = {
    *("trailing-separator", "variable-one", "variable-argument", "leg-avp", "too-many-extras", "too-many-legs"),
    *("flag-range", "failed-filter-form", "option-type", "log-facility", "detect-direction-rr", "cdr-names"),
    *("option-value", "parameter-unknown", "parameter-type", "diameter-code"),
}
"""Rules that say of Kamailio that it does not start."""


def of_this_release() -> list[Case]:
    found = [case for case in all_cases() if (case.wrong.product, case.wrong.version) == RELEASE]
    return [case for case in found if case.rule in STOP and case.severity is ERROR and says_so(case)]


def says_so(case: Case) -> bool:
    return any("does not start" in one.why for one in of_rule(case.wrong, case.rule))


@pytest.mark.parametrize("case", of_this_release(), ids=lambda case: f"{case.rule}: {case.title}")
def test_it_does_not_start_with(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DidNotStart), running(case.wrong, tmp_path):
        pass


@pytest.mark.parametrize(
    "case",
    [case for case in of_this_release() if (case.right.product, case.right.version) == RELEASE],
    ids=lambda case: f"{case.rule}: {case.title}",
)
def test_it_starts_without(case: Case, tmp_path: Path) -> None:
    with running(case.right, tmp_path):
        pass
