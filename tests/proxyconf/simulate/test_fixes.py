"""A fix of what is missing in a simulated call makes it be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.profile import AccountingProfile, DoAccounting
from proxyconf.script_facts import ScriptFacts
from proxyconf.simulate.findings import findings_of
from proxyconf.simulate.fixes import fixes_of
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.simulation import simulate
from tests.proxyconf.lint.cases import LOG, RADIUS, SQL, flags, kamailio, opensips, with_cdr

PROFILES = {
    "no flag for missed and failed calls": replace(kamailio(LOG, SQL), flags=flags(account={LOG: 20, SQL: 21})),
    "no flag of SQL": replace(kamailio(LOG, SQL), flags=flags(account={LOG: 20}, missed={LOG: 21}, failed=22)),
    "a filter": replace(kamailio(LOG, failed_filter="486"), flags=flags(account={LOG: 20}, failed=22)),
    "expired dialogs are not recorded": with_cdr(kamailio(LOG, cdr_enable=1), "$dlg_var(call_id)", "callid"),
    "the direction is turned": kamailio(LOG, RADIUS, detect_direction=1, early_media=1),
    "OpenSIPS without options": replace(opensips(LOG, SQL), do_accounting=DoAccounting()),
    "OpenSIPS that counts the ringing": opensips(LOG, early_media=1),
}


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("name", PROFILES)
def test_what_a_fix_is_for_is_written_after_it(name: str, flow: str) -> None:
    profile = PROFILES[name]
    for finding in findings_of(simulate(profile, FLOWS[flow])):
        for fix in fixes_of(profile, finding):
            after = findings_of(simulate(fix.change(profile), FLOWS[flow]))
            same = [one for one in after if one.text == finding.text and set(finding.backends) <= set(one.backends)]
            assert not same, fix.title


def _titles(profile: AccountingProfile, flow: str, facts: ScriptFacts | None = None) -> list[str]:
    findings = findings_of(simulate(profile, FLOWS[flow]))
    return [fix.title for finding in findings for fix in fixes_of(profile, finding, facts)]


def test_a_missing_flag_is_one_that_the_script_does_not_use() -> None:
    profile = PROFILES["no flag for missed and failed calls"]
    facts = ScriptFacts(flags=frozenset({22}))
    assert "failed_transaction_flag: Use flag 23" in _titles(profile, "bye-481", facts)


def test_what_only_the_script_can_change_has_no_fix() -> None:
    assert _titles(replace(kamailio(LOG), extras=()), "digest") == ["Add src_user", "Add dst_user"]
