"""The virtual legs of a forwarded call, as several backends report them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.legs import are_mixed, legs_of
from cdr.correlation.record import Observed, Policy
from cdr.events import Pairs
from proxyconf.vocabulary.layout import Backend, FieldLayout
from tests.cdr.correlation.telling import POLICIES, invite


def leg(source: str, destination: str, kind: str = "") -> Pairs:
    return ("src", source), ("dst", destination), *((("type", kind),) if kind else ())


def report(*legs: Pairs, **more: Any) -> Observed:
    return invite("a", "b", 0, legs=legs, **more)


def hops(*events: Observed) -> list[tuple[str | None, str | None]]:
    return [(each.source, each.destination) for each in legs_of(events, POLICIES)[0]]


def test_no_event_gives_no_leg() -> None:
    assert legs_of((), POLICIES) == ((), False)


def test_kamailio_writes_the_newest_leg_first() -> None:
    assert hops(report(leg("bob", "mia"), leg("zoe", "bob"))) == [("zoe", "bob"), ("bob", "mia")]


def test_opensips_writes_the_oldest_leg_first() -> None:
    assert hops(report(leg("zoe", "bob"), leg("bob", "mia"), proxy="opensips")) == [("zoe", "bob"), ("bob", "mia")]


def test_a_leg_names_users_and_not_addresses() -> None:
    ((only,), _) = legs_of([report(leg("sip:zoe@example.net", "tel:+4930"))], POLICIES)
    assert (only.source, only.destination) == ("zoe", "+4930")


def test_a_leg_keeps_its_values_as_received() -> None:
    values = (*leg("sip:zoe@x", "bob", "CFU"), ("price", "0.1"))
    ((only,), _) = legs_of([report(values)], POLICIES)
    assert (only.type, only.values) == ("CFU", values)


def test_a_leg_without_any_value_is_none() -> None:
    assert hops(report(leg("zoe", "bob"), leg("", ""))) == [("zoe", "bob")]


def test_the_report_with_the_most_legs_counts() -> None:
    short = report(leg("zoe", "bob"))
    full = report(leg("bob", "mia"), leg("zoe", "bob"), backend=Backend.RADIUS)
    assert hops(short, full) == hops(full, short) == [("zoe", "bob"), ("bob", "mia")]


def test_rows_of_one_event_are_ordered_by_their_position() -> None:
    rows = [
        report(leg("zoe", "bob"), backend=Backend.SQL, position=2),
        report(leg("bob", "mia"), backend=Backend.SQL, position=1),
    ]
    assert hops(*rows) == [("zoe", "bob"), ("bob", "mia")]


def test_a_later_record_of_the_same_backend_is_another_event() -> None:
    answer, reinvite = report(leg("zoe", "bob")), invite("a", "b", 30, legs=(leg("bob", "mia"),))
    assert hops(answer, reinvite) == [("zoe", "bob")]


def test_the_labels_of_the_layout_say_what_a_leg_means() -> None:
    layout = FieldLayout(roles={"from": "leg_source", "via": "leg_destination"})  # type: ignore[dict-item]
    policies = {"p": Policy(layout=layout)}
    ((only,), _) = legs_of([report((("from", "zoe"), ("via", "bob")))], policies)
    assert (only.source, only.destination) == ("zoe", "bob")


# --- values that moved between legs


def test_legs_that_all_have_all_values_are_not_mixed() -> None:
    assert not are_mixed([leg("zoe", "bob"), leg("bob", "mia")])


def test_a_value_that_one_leg_lacks_shows_that_they_are_mixed() -> None:
    assert are_mixed([leg("zoe", "bob"), leg("bob", "")])


def test_a_field_that_no_leg_has_shows_nothing() -> None:
    assert not are_mixed([(*leg("zoe", "bob"), ("price", "")), (*leg("bob", "mia"), ("price", ""))])


@pytest.mark.parametrize(("proxy", "mixed"), [("p", True), ("opensips", False)])
def test_only_a_proxy_that_reads_values_from_stacks_mixes_them(proxy: str, mixed: bool) -> None:
    assert legs_of([report(leg("zoe", "bob"), leg("bob", ""), proxy=proxy)], POLICIES)[1] is mixed


NAMES = st.sampled_from(["zoe", "bob", "mia", "al", ""])


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6))
def test_no_leg_with_a_value_is_lost(named: list[tuple[str, str]]) -> None:
    found = hops(report(*(leg(*names) for names in named)))
    expected = [(source or None, destination or None) for source, destination in named if source or destination]
    assert found == expected[::-1]
