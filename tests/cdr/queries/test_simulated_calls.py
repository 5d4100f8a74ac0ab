"""accweb makes of simulated records the call that the flow is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.simulation import simulate
from proxyconf.simulated_calls import calls_of
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

KAMAILIO = AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), Backend)
OPENSIPS = AccountingProfile.suggested(Product.OPENSIPS, Version(3, 6), Backend)
EVERY = frozenset(OPENSIPS.backends)
OF_DIALOGS = replace(OPENSIPS, do_accounting=DoAccounting(missed=EVERY, failed=EVERY, cdr=EVERY))
EXPECTED = {
    "answered-caller-hangs-up": [("completed", "answered", "caller")],
    "answered-callee-hangs-up": [("completed", "answered", "callee")],
    "busy": [("unanswered", "busy", None)],
    "busy-then-answered": [("completed", "answered", "caller")],
    "cancelled": [("unanswered", "cancelled", "caller")],
    "no-answer": [("unanswered", "no_answer", None)],
    "digest": [("completed", "answered", "caller")],
    "bye-lost": [("stop_missing", "answered", None)],
    "bye-481": [("completed", "answered", "caller")],
    "parallel-two-answers": [("completed", "answered", "caller"), ("start_missing", "answered", "caller")],
}


def members(profile: AccountingProfile, flow: str, *backends: Backend) -> list[dict[str, object]]:
    reading = calls_of(simulate(profile, FLOWS[flow]), backends)
    assert reading.rejected == ()
    return [dict(call.members) for call in reading.calls]


@pytest.mark.parametrize("flow", EXPECTED)
def test_the_call_of_a_flow(flow: str) -> None:
    calls = members(KAMAILIO, flow)
    assert [(call["state"], call["outcome"], call["released_by"]) for call in calls] == EXPECTED[flow]


@pytest.mark.parametrize("profile", [KAMAILIO, OPENSIPS, OF_DIALOGS], ids=["kamailio", "opensips", "opensips dialogs"])
@pytest.mark.parametrize("flow", FLOWS)
def test_every_record_of_every_output_can_be_read(flow: str, profile: AccountingProfile) -> None:
    for backend in profile.backends:
        members(profile, flow, backend)


@pytest.mark.parametrize("backend", OF_DIALOGS.backends)
def test_each_output_alone_tells_of_a_whole_call(backend: Backend) -> None:
    (call,) = members(OF_DIALOGS, "answered-caller-hangs-up", backend)
    assert (call["state"], call["duration"]) == ("completed", 60.0)


def test_parties_and_attempts_are_those_of_the_flow() -> None:
    labels = {Backend.SYSLOG: "caller"}
    profile = replace(KAMAILIO, backends=(Backend.SYSLOG,), extras=(ExtraDefinition("caller", "$fU", labels),))
    (call,) = members(profile, "gateway-failover")
    assert call["caller"] == "alice"
    assert [attempt["code"] for attempt in call["attempts"]] == [503]  # type: ignore[attr-defined]


def test_no_two_ladders_of_a_page_have_an_id_in_common() -> None:
    calls = calls_of(simulate(KAMAILIO, FLOWS["parallel-two-answers"])).calls
    ids = [found for call in calls for found in re.findall(r' id="([^"]+)"', call.ladder)]
    assert len(ids) == len(set(ids)) > 2


def test_the_ladder_is_drawn() -> None:
    (call,) = calls_of(simulate(KAMAILIO, FLOWS["busy-then-answered"])).calls
    assert call.ladder.startswith("<svg")
    assert "486 Busy Here" in call.ladder
