"""The limit of rejected input that is stored of one source."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers.rejection_quota import BURST, PER_SECOND, RejectionQuota


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_may_be_stored_at_once_and_nothing_more() -> None:
    quota = RejectionQuota(Clock())
    assert quota.allows(BURST)
    assert not quota.allows(1)


def test_refused_input_takes_nothing_from_the_quota() -> None:
    quota = RejectionQuota(Clock())
    assert not quota.allows(BURST + 1)
    assert quota.allows(BURST)


def test_the_quota_grows_with_time() -> None:
    clock = Clock()
    quota = RejectionQuota(clock)
    quota.allows(BURST)
    clock.now = 10.0
    assert not quota.allows(int(10 * PER_SECOND) + 1)
    assert quota.allows(int(10 * PER_SECOND))


def test_it_never_grows_beyond_a_burst() -> None:
    clock = Clock()
    quota = RejectionQuota(clock)
    clock.now = 1e6
    assert quota.allows(BURST)
    assert not quota.allows(1)


@given(inputs=st.lists(st.tuples(st.floats(0, 600), st.integers(0, BURST)), max_size=50))
def test_no_more_is_stored_than_a_burst_and_the_rate(inputs: list[tuple[float, int]]) -> None:
    clock = Clock()
    quota = RejectionQuota(clock)
    stored = 0
    for pause, size in inputs:
        clock.now += pause
        if quota.allows(size):
            stored += size
        assert stored <= BURST + clock.now * PER_SECOND + 1
