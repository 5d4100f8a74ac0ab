"""Caller, callee, source address and User-Agent, from the labels that proxies log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.parties import extra_and_gateway, parties_of, user_of
from cdr.correlation.record import LegRecord, Policy
from cdr.events import Pairs
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from tests.cdr.correlation.telling import POLICIES, invite

LEG = LegRecord("zoe", "bob", None, ())


def caller_of(*extras: Pairs) -> str | None:
    return parties_of([invite("a", "b", 0, extra=extra) for extra in extras], (), POLICIES).caller


@pytest.mark.parametrize(
    ("party", "user"),
    [
        ("sip:bob@example.com", "bob"),
        ("SIPS:bob@example.com", "bob"),
        ("sip:bob;day=tue@example.com", "bob"),
        ("sip:bob:secret@example.com", "bob"),
        ("tel:+49-30-123", "+49-30-123"),
        ("tel:123;phone-context=example.com", "123"),
        ("sip:example.com", "sip:example.com"),
        ("sip:@example.com", "sip:@example.com"),
        ("bob", "bob"),
        ("bob@example.com", "bob@example.com"),
        ("http://example.com/bob", "http://example.com/bob"),
        ("", ""),
    ],
)
def test_the_user_of_an_address(party: str, user: str) -> None:
    assert user_of(party) == user


@given(st.text())
def test_any_text_has_a_user_unless_it_is_empty(text: str) -> None:
    assert bool(user_of(text)) == bool(text)


@given(st.text(alphabet="abc0123+", min_size=1))
def test_a_user_without_an_address_is_itself(user: str) -> None:
    assert user_of(user_of(f"sip:{user}@example.com")) == user


def test_labels_with_a_usual_name_have_their_role() -> None:
    extra = (("src_user", "alice"), ("dst_user", "bob"), ("src_ip", "192.0.2.7"), ("ua", "Phone 1.0"))
    found = parties_of([invite("a", "b", 0, extra=extra)], (), POLICIES)
    assert (found.caller, found.callee, found.source_ip, found.user_agent) == ("alice", "bob", "192.0.2.7", "Phone 1.0")


def test_the_layout_gives_a_label_another_role() -> None:
    policies = {"p": Policy(layout=FieldLayout(roles={"x": Role.CALLER}))}
    assert parties_of([invite("a", "b", 0, extra=(("x", "alice"),))], (), policies).caller == "alice"


def test_the_first_value_of_a_label_counts() -> None:
    assert caller_of((("src_user", "alice"),), (("src_user", "mallory"),)) == "alice"


def test_an_empty_value_gives_way_to_a_later_one() -> None:
    assert caller_of((("src_user", ""),), (("src_user", "alice"),)) == "alice"


def test_all_labels_of_all_backends_are_kept() -> None:
    events = [
        invite("a", "b", 0, extra=(("ua", "x"),)),
        invite("a", "b", 0, extra=(("price", "1"),), backend=Backend.RADIUS),
    ]
    assert parties_of(events, (), POLICIES).extra == (("ua", "x"), ("price", "1"))


def test_a_label_without_a_value_is_kept_too() -> None:
    assert parties_of([invite("a", "b", 0, extra=(("price", ""),))], (), POLICIES).extra == (("price", ""),)


def test_the_first_leg_names_parties_that_no_label_names() -> None:
    found = parties_of([invite("a", "b", 0)], [LEG, LegRecord("bob", "mia", None, ())], POLICIES)
    assert (found.caller, found.callee) == ("zoe", "bob")


def test_a_label_goes_before_a_leg() -> None:
    found = parties_of([invite("a", "b", 0, extra=(("src_user", "alice"),))], [LEG], POLICIES)
    assert (found.caller, found.callee) == ("alice", "bob")


def test_without_labels_and_legs_nobody_is_named() -> None:
    found = parties_of([invite("a", "b", 0)], (), POLICIES)
    assert tuple(found) == (None, None, None, None, ())


def test_the_gateway_is_named_by_the_label_with_that_role() -> None:
    policies = {"p": Policy(layout=FieldLayout(roles={"trunk": Role.GATEWAY}))}
    extra = (("trunk", "gw-1"), ("price", "1"))
    assert extra_and_gateway([invite("a", "b", 0, extra=extra)], policies) == (extra, "gw-1")


def test_without_a_gateway_there_is_none() -> None:
    assert extra_and_gateway([invite("a", "b", 0)], POLICIES) == ((), None)
