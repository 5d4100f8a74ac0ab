"""Counting what must not happen too often: across processes, per subject, until the span of a limit ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accweb.web import throttle
from accweb.web.models import RequestCount
from accweb.web.throttle import Limit, forget_blocks, forget_expired, give_back, network_of, take, wait_of

pytestmark = pytest.mark.django_db

FEW = Limit("few", 3, 60)
MANY = Limit("many", 100, 60, in_blocks=True)


class Clock:
    """The clock of the module under test, which stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(throttle, "time", clock)
    forget_blocks()
    yield clock
    forget_blocks()


def allowed(limit: Limit, subject: str, requests: int) -> int:
    """Make requests and return how many were allowed."""
    return sum(not take(limit, subject).wait for _request in range(requests))


def test_as_many_requests_as_the_limit_are_allowed() -> None:
    assert allowed(FEW, "alice", 10) == 3


def test_each_subject_has_its_own_count() -> None:
    assert allowed(FEW, "alice", 10) == 3
    assert allowed(FEW, "bob", 10) == 3


def test_each_limit_has_its_own_count() -> None:
    assert allowed(FEW, "alice", 10) == 3
    assert allowed(FEW._replace(scope="other"), "alice", 10) == 3


def test_a_refusal_names_the_seconds_until_the_span_ends(clock: Clock) -> None:
    allowed(FEW, "alice", 3)
    clock.now += 20
    assert take(FEW, "alice").wait == 40


def test_only_the_first_refusal_of_a_span_is_marked(clock: Clock) -> None:
    verdicts = [take(FEW, "alice") for _request in range(6)]
    assert [verdict.is_first_refusal for verdict in verdicts] == [False, False, False, True, False, False]
    clock.now += 61
    verdicts = [take(FEW, "alice") for _request in range(4)]
    assert [verdict.is_first_refusal for verdict in verdicts] == [False, False, False, True]


def test_requests_are_allowed_again_when_the_span_has_ended(clock: Clock) -> None:
    allowed(FEW, "alice", 10)
    clock.now += 60
    assert allowed(FEW, "alice", 10) == 3


def test_refused_requests_do_not_prolong_the_span(clock: Clock) -> None:
    allowed(FEW, "alice", 3)
    for _second in range(59):
        clock.now += 1
        assert take(FEW, "alice").wait
    clock.now += 1
    assert not take(FEW, "alice").wait


def test_the_last_moment_of_a_span_is_a_wait_of_a_second(clock: Clock) -> None:
    allowed(FEW, "alice", 4)
    clock.now += 59.9
    assert take(FEW, "alice").wait == 1


def test_asking_for_the_wait_counts_no_request() -> None:
    assert [wait_of(FEW, "alice") for _request in range(10)] == [0] * 10
    assert allowed(FEW, "alice", 10) == 3
    assert wait_of(FEW, "alice") == 60


def test_a_request_that_is_given_back_is_allowed_once_more() -> None:
    allowed(FEW, "alice", 3)
    give_back(FEW, "alice")
    assert allowed(FEW, "alice", 10) == 1


def test_nothing_is_given_back_that_was_not_taken() -> None:
    give_back(FEW, "alice")
    take(FEW, "alice")
    for _request in range(5):
        give_back(FEW, "alice")
    assert allowed(FEW, "alice", 10) == 3


def test_a_limit_in_blocks_allows_no_more_than_the_limit() -> None:
    assert allowed(MANY, "alice", 300) == 100


def test_processes_together_get_no_more_than_a_limit_in_blocks() -> None:
    count = 0
    for _process in range(40):
        count += allowed(MANY, "alice", 3)
        forget_blocks()  # as in another process, which does not know what this one has taken
    assert count <= 100
    assert count == 60  # 20 blocks of 5 requests, of each of which 3 were used


def test_a_block_costs_one_write() -> None:
    allowed(MANY, "alice", 5)
    assert RequestCount.objects.get(scope="many", subject="alice").used == 5
    allowed(MANY, "alice", 1)
    assert RequestCount.objects.get(scope="many", subject="alice").used == 10


def test_a_block_ends_with_its_span(clock: Clock) -> None:
    allowed(MANY, "alice", 1)
    clock.now += 60
    assert allowed(MANY, "alice", 300) == 100


def test_a_small_limit_in_blocks_is_counted_one_by_one() -> None:
    allowed(FEW._replace(in_blocks=True), "alice", 1)
    assert RequestCount.objects.get(scope="few").used == 1


def test_the_blocks_in_memory_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_BLOCKS", 2)
    for subject in ("alice", "bob", "carol"):
        assert allowed(MANY, subject, 1) == 1
    assert len(throttle._blocks) == 2


def test_expired_blocks_make_room_for_others(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_BLOCKS", 1)
    allowed(MANY, "alice", 1)
    clock.now += 60
    allowed(MANY, "bob", 1)
    assert [subject for _scope, subject in throttle._blocks] == ["bob"]


def test_a_long_subject_is_counted_by_its_beginning() -> None:
    assert allowed(FEW, "a" * 300, 10) == 3
    assert wait_of(FEW, "a" * 300) == 60


def test_expired_counts_are_deleted_and_others_stay(clock: Clock) -> None:
    take(FEW, "alice")
    clock.now += 30
    take(FEW, "bob")
    clock.now += 30
    assert forget_expired() == 1
    assert [count.subject for count in RequestCount.objects.all()] == ["bob"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8::", "2001:db8::/64"),
    ],
)
def test_an_ipv6_address_is_counted_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
