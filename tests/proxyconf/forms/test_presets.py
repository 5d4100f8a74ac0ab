from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from proxyconf.forms.presets import PRESETS, with_new_backends, with_preset
from proxyconf.lint import Severity, check
from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition, MessageFlag
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.parameters import RELEASES
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, RADIUS = Backend.SYSLOG, Backend.SQL, Backend.RADIUS
KAMAILIO = (Product.KAMAILIO, Version(5, 6))


@pytest.mark.parametrize("preset", [one.name for one in PRESETS])
@pytest.mark.parametrize("product", Product)
def test_a_preset_brings_no_error_into_a_suggested_profile(preset: str, product: Product) -> None:
    suggested = AccountingProfile.suggested(product, Version.parse(RELEASES[product][-1]), (LOG,))
    before = {str(one) for one in check(suggested)}
    found = [one for one in check(with_preset(suggested, preset)) if str(one) not in before]
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []


def test_a_preset_adds_what_is_missing_and_gives_it_names_and_roles() -> None:
    caller = ExtraDefinition("who", "$fU", {LOG: "who"})
    found = with_preset(AccountingProfile(*KAMAILIO, (LOG, RADIUS), extras=(caller,)), "minimal").extras
    assert found == (caller, ExtraDefinition("dst_user", "$rU", {LOG: "dst_user", RADIUS: "Dst-User"}, Role.CALLEE))


def test_an_unknown_preset_changes_nothing() -> None:
    assert with_preset(AccountingProfile(*KAMAILIO), "nothing") == AccountingProfile(*KAMAILIO)


def test_a_new_backend_gets_free_flags_and_the_labels_of_the_log() -> None:
    before = replace(
        AccountingProfile.suggested(*KAMAILIO, (LOG,)), extras=(ExtraDefinition("ua", "$ua", {LOG: "agent"}),)
    )
    found = with_new_backends(replace(before, backends=(LOG, SQL)), before, flags_elsewhere=(23,))
    assert (found.flags.account[SQL], found.flags.missed[SQL]) == (MessageFlag(24), MessageFlag(25))
    assert found.extras[0].labels == {LOG: "agent", SQL: "agent"}


def test_a_new_backend_is_asked_for_as_the_others_are() -> None:
    asked = DoAccounting(missed=frozenset({LOG}), failed=frozenset({LOG}))
    before = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG,), do_accounting=asked)
    found = with_new_backends(replace(before, backends=(LOG, SQL)), before).do_accounting
    assert found == DoAccounting(missed=frozenset({LOG, SQL}), failed=frozenset({LOG, SQL}))


@given(profiles())
def test_backends_that_are_there_stay_as_they_are(profile: AccountingProfile) -> None:
    assert with_new_backends(profile, profile) == profile
