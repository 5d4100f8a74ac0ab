"""The other call of a B2BUA stands on the page, and can be put beside the first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from cdr.models import Call
from cdr.queries.visibility import Visibility
from cdr.views.call.linked_calls import linked_calls
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def proxy() -> Proxy:
    layout = FieldLayout(extras={Backend.SQL: ("bleg", "gw")}, roles={"bleg": Role.RELATED_CALL_ID})
    return make_proxy(name="b2bua", layout=layout.to_json())


def linked(call: Call, proxy: Proxy) -> list[str]:
    return [other.call_id for other in linked_calls(Visibility(), call, [proxy])]


def test_the_call_that_a_field_names_is_found_and_finds_the_first(proxy: Proxy) -> None:
    first = make_call(call_id="a-leg", extra={"bleg": "b-leg"}, proxies=["b2bua"])
    second = make_call(call_id="b-leg", started_at=first.started_at + timedelta(seconds=1), proxies=["b2bua"])
    make_call(call_id="other", extra={"bleg": "elsewhere", "gw": "a-leg"}, proxies=["b2bua"])
    assert linked(first, proxy) == ["b-leg"]
    assert linked(second, proxy) == ["a-leg"]


def test_the_way_back_is_searched_within_five_minutes(proxy: Proxy) -> None:
    make_call(call_id="a-leg", extra={"bleg": "b-leg"}, started_at=NOON - timedelta(minutes=6))
    second = make_call(call_id="b-leg", started_at=NOON)
    assert linked(second, proxy) == []


def test_calls_out_of_reach_are_not_linked(proxy: Proxy) -> None:
    first = make_call(call_id="a-leg", extra={"bleg": "b-leg"}, proxies=["b2bua"])
    make_call(call_id="b-leg", proxies=["far"])
    assert linked_calls(Visibility(frozenset({"b2bua"})), first, [proxy]) == []


def test_the_page_puts_both_side_by_side(analyst: Client, proxy: Proxy) -> None:
    first = make_call(call_id="a-leg", extra={"bleg": "b-leg"}, proxies=["b2bua"])
    second = make_call(call_id="b-leg", proxies=["b2bua"])
    html = analyst.get(f"/calls/{first.pk}/").text
    assert "Linked calls" in html
    assert f'href="/calls/compare/?id={first.pk}&amp;id={second.pk}"' in html


def test_a_label_suggests_the_role() -> None:
    assert FieldLayout().role_of("b2b_call_id") is Role.RELATED_CALL_ID
