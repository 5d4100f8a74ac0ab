"""Folding a call's events: legs."""

from __future__ import annotations

from itertools import permutations

from cdr.correlation.record import Flag
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import (
    bye,
    call,
    invite,
    missed,
)

# 11. legs


def leg(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(values.items())


AB, BC = leg(src="alice", dst="bob", type="0"), leg(src="bob", dst="carol", type="1")


NOTHING = leg(src="", dst="", type="")


def test_legs_are_stored_oldest_first() -> None:
    only = call(invite("a", "b", 0, legs=(BC, AB)), bye("a", "b", 42, legs=(NOTHING,)))
    assert [(leg.source, leg.destination, leg.type) for leg in only.legs] == [
        ("alice", "bob", "0"),
        ("bob", "carol", "1"),
    ]
    assert (only.caller, only.callee, only.flags) == ("alice", "bob", ())


def test_opensips_writes_the_oldest_leg_first() -> None:
    only = call(invite("a", "b", 0, legs=(AB, BC), proxy="opensips"))
    assert [leg.source for leg in only.legs] == ["alice", "bob"]


def test_one_sql_row_per_leg_is_one_event() -> None:
    rows = [
        invite("a", "b", 0, legs=(BC,), backend=Backend.SQL, position=1),
        invite("a", "b", 0, legs=(AB,), backend=Backend.SQL, position=2),
    ]
    for order in permutations([*rows, bye("a", "b", 42, backend=Backend.SQL, position=3)]):
        only = call(*order)
        assert [leg.source for leg in only.legs] == ["alice", "bob"]
        assert only.flags == ()


def test_legs_of_two_backends_are_told_once() -> None:
    rows = [
        invite("a", "b", 1, legs=(BC,), backend=Backend.SQL, position=1),
        invite("a", "b", 1, legs=(AB,), backend=Backend.SQL, position=2),
    ]
    assert len(call(invite("a", "b", 0, legs=(BC, AB)), *rows).legs) == 2


def test_values_that_slid_between_legs_are_flagged_and_kept_as_they_came() -> None:
    slid = (leg(src="a3", dst="b3"), leg(src="a2", dst="b1"), leg(src="a1", dst=""))
    only = call(invite("a", "b", 0, legs=slid))
    assert Flag.LEGS_MIXED in only.flags
    assert [leg.values for leg in only.legs] == list(reversed(slid))


def test_a_leg_field_that_is_never_set_is_no_mixture() -> None:
    assert call(invite("a", "b", 0, legs=(leg(src="b", note=""), leg(src="a", note="")))).flags == ()


def test_an_unanswered_call_has_the_legs_of_its_failure() -> None:
    only = call(missed("a", "x", 0, 486, legs=(AB,)), invite("a", "x", 0, 486, legs=(AB,)))
    assert [leg.destination for leg in only.legs] == ["bob"]
