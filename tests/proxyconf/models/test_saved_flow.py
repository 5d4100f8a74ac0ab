"""Call flows that users saved with a proxy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from proxyconf.models import Proxy
from proxyconf.models.saved_flow import SavedFlow, flows_of, saved_script
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Marks, Script
from proxyconf.vocabulary.layout import Backend

pytestmark = pytest.mark.django_db
BUSY = FLOWS["busy"]


@pytest.fixture
def proxy() -> Proxy:
    return Proxy.objects.create(name="edge-1")


def save(proxy: Proxy, name: str, script: Script | None = None) -> SavedFlow:
    flow = replace(BUSY, name=name, title=f"{name} of {proxy}")
    return SavedFlow.objects.create(
        proxy=proxy, name=name, flow=flow.to_json(), script=script.to_json() if script else None
    )


def test_a_proxy_without_saved_flows_has_the_built_in_ones(proxy: Proxy) -> None:
    assert flows_of(proxy) == FLOWS


def test_a_saved_flow_follows_the_built_in_ones(proxy: Proxy) -> None:
    save(proxy, "our-busy")
    flows = flows_of(proxy)
    assert list(flows) == [*FLOWS, "our-busy"]
    assert flows["our-busy"] == replace(BUSY, name="our-busy", title="our-busy of edge-1")


def test_a_saved_flow_takes_the_place_of_a_built_in_one_of_its_name(proxy: Proxy) -> None:
    save(proxy, "busy")
    assert flows_of(proxy)["busy"].title == "busy of edge-1"
    assert FLOWS["busy"].title != "busy of edge-1"


def test_the_flows_of_another_proxy_are_not_shown(proxy: Proxy) -> None:
    save(Proxy.objects.create(name="edge-2"), "our-busy")
    assert "our-busy" not in flows_of(proxy)


def test_the_script_that_was_saved_with_a_flow_is_returned(proxy: Proxy) -> None:
    script = Script(invite=Marks(frozenset({Backend.SQL}), failed=True), record_route=False)
    save(proxy, "our-busy", script)
    assert saved_script(proxy, "our-busy") == script


def test_a_flow_without_a_script_or_without_a_name_has_none(proxy: Proxy) -> None:
    save(proxy, "our-busy")
    assert saved_script(proxy, "our-busy") is None
    assert saved_script(proxy, "busy") is None


def test_two_flows_of_a_proxy_cannot_have_the_same_name(proxy: Proxy) -> None:
    save(proxy, "our-busy")
    with pytest.raises(IntegrityError):
        save(proxy, "our-busy")


@pytest.mark.parametrize("name", ["", "Busy", "our busy", "-busy", "busy/x", "büsy"])
def test_a_name_is_a_word_for_addresses(proxy: Proxy, name: str) -> None:
    with pytest.raises(ValidationError):
        SavedFlow(proxy=proxy, name=name, flow=BUSY.to_json()).full_clean()
