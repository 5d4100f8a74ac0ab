"""The canonical order of events, and the choice among reports of the same thing."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.evidence import (
    LONGEST_RINGING,
    SAME_MOMENT,
    canonical,
    certain,
    is_ambiguous,
    near,
    pick,
    pick_start,
    resolution,
    same_answer,
    shares_early_time,
)
from cdr.correlation.record import Flag, Observed
from cdr.events import MICROSECOND, MILLISECOND
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import NOON, POLICIES, after, early, invite

UNCERTAIN = (Flag.AMBIGUOUS_TIME,)


def test_events_are_ordered_by_time_first() -> None:
    events = [invite("a", "b", at) for at in (3, 1, 2)]
    assert [one.event.time for one in sorted(events, key=canonical)] == [after(1), after(2), after(3)]


def test_the_row_that_was_written_first_comes_first() -> None:
    second, first = invite("a", "b", 0, position=2), invite("z", "y", 0, position=1)
    assert sorted([second, first], key=canonical) == [first, second]


def test_the_id_and_the_input_of_an_event_do_not_distinguish_it() -> None:
    event = invite("a", "b", 0)
    other = Observed(event.event._replace(raw=b"the same from another file"), "p", id=7)
    assert canonical(event) == canonical(other)


def test_everything_else_distinguishes_two_events() -> None:
    event = invite("a", "b", 0)
    others = [
        invite("a", "b", 1),
        invite("a", "c", 0),
        invite("c", "b", 0),
        invite("a", "b", 0, 202),
        invite("a", "b", 0, proxy="q"),
        invite("a", "b", 0, backend=Backend.SQL),
        invite("a", "b", 0, precision=MICROSECOND),
        invite("a", "b", 0, extra=(("x", "1"),)),
        invite("a", "b", 0, legs=((("x", "1"),),)),
        invite("a", "b", 0, flags=UNCERTAIN),
        invite("a", "b", 0, created_at=after(-1)),
    ]
    assert len({canonical(one) for one in [event, *others]}) == 1 + len(others)


def test_times_up_to_two_seconds_apart_may_be_of_one_thing() -> None:
    assert near(NOON, after(2))
    assert near(after(2), NOON)
    assert not near(NOON, NOON + SAME_MOMENT + timedelta(microseconds=1))


def test_an_event_with_a_certain_time_is_preferred() -> None:
    sure, unsure = invite("a", "b", 1), invite("a", "b", 0, flags=UNCERTAIN)
    assert is_ambiguous(unsure)
    assert certain([unsure, sure]) == [sure]
    assert certain([unsure]) == [unsure]


def test_nothing_is_picked_from_nothing() -> None:
    assert pick([]) is None


def test_the_earliest_event_is_picked_in_its_most_precise_report() -> None:
    coarse, fine = invite("a", "b", 0), invite("a", "b", 0.5, precision=MICROSECOND, backend=Backend.SQL)
    assert pick([coarse, fine]) is fine


def test_a_later_event_is_not_a_report_of_the_earliest_one() -> None:
    first, later = invite("a", "b", 0), invite("a", "b", 3, precision=MICROSECOND)
    assert pick([first, later]) is first


def test_an_event_of_the_other_side_is_not_a_report_of_the_first_one() -> None:
    first, other = invite("a", "b", 0), invite("b", "a", 0, precision=MICROSECOND)
    assert pick(sorted([first, other], key=canonical)) is first


def test_the_coarsest_resolution_counts() -> None:
    assert resolution(invite("a", "b", 0, precision=MILLISECOND), invite("a", "b", 0)) == timedelta(seconds=1)
    assert resolution(invite("a", "b", 0, precision=MILLISECOND)) == timedelta(milliseconds=1)


def test_only_a_proxy_that_takes_the_time_once_shares_that_of_early_media() -> None:
    assert shares_early_time(invite("a", "b", 0, proxy="opensips"), [early("a", "b", 0, proxy="opensips")], POLICIES)
    assert not shares_early_time(invite("a", "b", 0), [early("a", "b", 0)], POLICIES)
    assert not shares_early_time(invite("a", "b", 0, proxy="opensips"), [early("a", "b", 0)], POLICIES)
    assert not shares_early_time(
        invite("a", "b", 1, proxy="opensips"), [early("a", "b", 0, proxy="opensips")], POLICIES
    )


def test_an_answer_with_a_time_of_its_own_is_preferred() -> None:
    ringing = [early("a", "b", 0, proxy="opensips")]
    shared, own = invite("a", "b", 0, proxy="opensips"), invite("a", "b", 20, proxy="q")
    assert pick_start([shared, own], ringing, POLICIES) is own
    assert pick_start([shared], ringing, POLICIES) is shared
    assert pick_start([], ringing, POLICIES) is None


def test_a_later_invite_of_the_same_proxy_is_no_report_of_the_answer() -> None:
    ringing = [early("a", "b", 0, proxy="opensips")]
    shared, reinvite = invite("a", "b", 0, proxy="opensips"), invite("a", "b", 20, proxy="opensips")
    assert pick_start([shared, reinvite], ringing, POLICIES) is shared
    assert same_answer([shared, reinvite], shared, ringing, POLICIES) == [shared]


def test_an_answer_after_the_longest_ringing_is_another_one() -> None:
    ringing = [early("a", "b", 0, proxy="opensips")]
    shared = invite("a", "b", 0, proxy="opensips")
    late = invite("a", "b", LONGEST_RINGING.total_seconds(), proxy="q")
    assert same_answer([shared, late], shared, ringing, POLICIES) == [shared]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["a", "b"])), min_size=1, max_size=4, unique=True))
def test_what_is_picked_does_not_depend_on_the_order_of_equal_events(told: list[tuple[int, str]]) -> None:
    events = [invite(tag, "x", at) for at, tag in told]
    picked = {canonical(found) for order in permutations(events) if (found := pick(sorted(order, key=canonical)))}
    assert len(picked) == 1
