"""Flows are data: they can be written, edited and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Script
from proxyconf.simulate.simulation import simulate
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
MEMBERS = [
    "requests",
    "caller",
    "callee",
    "method",
    "at",
    "forwardings",
    "branches",
    "replies",
    "code",
    "headers",
    "legs",
]


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_read_back_as_it_was(name: str) -> None:
    assert Flow.from_json(json.loads(json.dumps(FLOWS[name].to_json()))) == FLOWS[name]


@given(ANYTHING | st.dictionaries(st.sampled_from(MEMBERS), ANYTHING))
def test_whatever_is_read_is_a_flow_or_one_clear_error(data: object) -> None:
    try:
        flow = Flow.from_json(data)
    except ValueError:
        return
    assert flow.requests


@given(st.sampled_from(list(FLOWS)), st.data())
def test_an_edit_anywhere_is_a_flow_or_one_clear_error(name: str, data: st.DataObject) -> None:
    edited = json.loads(json.dumps(FLOWS[name].to_json()))
    place = edited
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.booleans()):
            place[key] = data.draw(ANYTHING)
            break
        place = inner
    try:
        flow = Flow.from_json(edited)
    except ValueError:
        return
    simulate(AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), Backend), flow)


@given(profiles(), st.sampled_from(list(FLOWS)))
def test_any_profile_can_be_tried(profile: AccountingProfile, name: str) -> None:
    script = Script.generated(profile)
    assert Script.from_json(json.loads(json.dumps(script.to_json()))) == script
    simulate(profile, FLOWS[name])
