"""The script's part: what the generated routes do, and what a script of one's own does."""

from __future__ import annotations

import pytest

from proxyconf.parse import actions_of_script
from proxyconf.simulate.findings import findings_of
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.simulation import simulate
from tests.proxyconf.lint.cases import LOG, SQL
from tests.proxyconf.patch.configurations import CONFIGURATIONS


def written(name: str) -> tuple[Script, Marks]:
    """Return the script's part of a configuration of the tests, and its marks of the INVITE."""
    one = CONFIGURATIONS[name]
    actions = actions_of_script(one.files, one.product, one.defines)
    assert actions is not None
    script = Script.written(one.profile, actions)
    return script, script.invite


def test_flags_that_the_script_sets_are_marks_of_the_outputs_that_have_them() -> None:
    script, invite = written("kamailio with a database")
    assert invite == Marks(frozenset({LOG, SQL}), frozenset({LOG, SQL}))
    assert script.bye == Marks(frozenset({LOG, SQL}), failed=True)
    assert script.reinvite == script.next_attempt == Marks()
    assert script.record_route


def test_calls_of_do_accounting_are_marks_of_what_they_ask_for() -> None:
    script, invite = written("opensips")
    assert invite == Marks(frozenset({LOG}), frozenset({LOG}), failed=True)
    assert script.bye == Marks(frozenset({LOG}), failed=True)


@pytest.mark.parametrize("flow", ["answered-caller-hangs-up", "bye-481", "busy", "gateway-failover"])
def test_nothing_of_a_call_is_lost_that_the_script_asks_for(flow: str) -> None:
    profile = CONFIGURATIONS["kamailio"].profile
    script, _invite = written("kamailio")
    assert [one.text for one in findings_of(simulate(profile, FLOWS[flow], script)) if one.severity != "note"] == []
