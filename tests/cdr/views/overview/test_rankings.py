"""Who is busiest, by number, address, gateway and account, and where all of them are."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls() -> None:
    """Calls of two accounts; one went by a gateway that refused it to another that answered."""
    layout = FieldLayout(extras={Backend.SQL: ("gw", "acct")}, roles={"gw": Role.GATEWAY, "acct": Role.ACCOUNT})
    make_proxy(name="edge-1", layout=layout.to_json())
    for _ in range(2):
        make_call(proxies=["edge-1"], extra={"gw": "vienna", "acct": "4711234"}, outcome="answered")
    call = make_call(proxies=["edge-1"], extra={"gw": "graz", "acct": "7"}, outcome="answered")
    call.attempts.create(position=0, code=503, reason="", gateway="vienna", time=NOON)


def ranking(client: Client, name: str) -> list[tuple[str, int]]:
    found = {one.name: one for one in client.get("/busiest/?period=all").context["rankings"]}
    if name not in found:
        return []
    return [(re.sub("<[^>]*>", "", str(bar.label)), bar.calls) for bar in found[name].bars]


def test_gateways_count_the_attempts_where_they_happened(analyst: Client, calls: None) -> None:
    assert ranking(analyst, "gateway") == [("vienna", 3), ("graz", 1)]


def test_accounts_are_ranked_too_and_masked_for_who_may_not_see_them(
    analyst: Client, viewer: Client, calls: None
) -> None:
    assert ranking(analyst, "account") == [("4711234", 2), ("7", 1)]
    assert "4711234" not in viewer.get("/busiest/?period=all").text


def test_what_no_proxy_logs_has_no_ranking(analyst: Client) -> None:
    make_call()
    assert ranking(analyst, "gateway") == []


def test_each_ranking_leads_to_the_whole_report_by_calls_and_by_minutes(analyst: Client, calls: None) -> None:
    html = unescape(analyst.get("/busiest/?period=all").text)
    for name in ("caller", "callee", "source_ip", "gateway", "account"):
        assert f'href="/reports/?period=all&group={name}&sort=-calls"' in html
        assert f'href="/reports/?period=all&group={name}&sort=-minutes"' in html
    assert analyst.get("/reports/?period=all&group=gateway&sort=-minutes").status_code == 200
