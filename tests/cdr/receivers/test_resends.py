from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers import resends
from cdr.receivers.resends import Resends

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=30)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40))))
def test_a_request_has_the_time_of_its_first_coming_for_the_window(arrivals: list[tuple[int, int]]) -> None:
    known, expected, moment = Resends(WINDOW), dict[int, datetime](), NOON
    for request, seconds in arrivals:
        moment += timedelta(seconds=seconds)
        if request not in expected or moment - expected[request] > WINDOW:
            expected[request] = moment
        assert known.first_received(request, moment) == expected[request]


def test_memory_is_bounded() -> None:
    known = Resends(WINDOW)
    for number in range(3 * resends.MOST):
        known.first_received(number, NOON)
    assert len(known._newer) + len(known._older) <= 2 * resends.MOST


def test_a_clock_that_was_set_back_begins_anew() -> None:
    known = Resends(WINDOW)
    known.first_received("a", NOON)
    assert known.first_received("a", NOON - timedelta(hours=1)) == NOON - timedelta(hours=1)
