"""OpenSIPS events come one per leg within one second: their order is that of arrival, else that of the chain."""

from __future__ import annotations

from itertools import permutations

from cdr.correlation.record import Observed
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import call, invite

HOPS = [("zoe", "bob"), ("bob", "mia"), ("mia", "al")]


def per_leg(source: str, destination: str, position: int = 0) -> Observed:
    legs = ((("src", source), ("dst", destination)),)
    return invite("a", "b", 0, proxy="opensips", backend=Backend.EVENTS, legs=legs, position=position)


def hops_of(*events: Observed) -> list[tuple[str | None, str | None]]:
    return [(leg.source, leg.destination) for leg in call(*events).legs]


def test_the_chain_orders_legs_of_one_second() -> None:
    for order in permutations(per_leg(*hop) for hop in HOPS):
        assert hops_of(*order) == HOPS


def test_the_order_of_arrival_counts_where_it_is_known() -> None:
    arrived = [per_leg(*hop, position=position) for position, hop in enumerate(reversed(HOPS), 1)]
    for order in permutations(arrived):
        assert hops_of(*order) == HOPS[::-1]


def test_legs_that_make_no_chain_stay_as_they_are() -> None:
    apart = [("x", "y"), ("m", "n")]
    assert sorted(hops_of(*(per_leg(*hop) for hop in apart))) == sorted(apart)
    circle = [("x", "y"), ("y", "x")]
    assert sorted(hops_of(*(per_leg(*hop) for hop in circle))) == sorted(circle)
