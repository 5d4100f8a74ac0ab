from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.record import Outcome
from cdr.display.histogram import (
    GROUP_OF,
    MOST_BUCKETS,
    OUTCOMES,
    SHORT_STEPS,
    Group,
    Step,
    allows,
    buckets_of,
    edges,
    step_for,
)

ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Africa/Cairo", "America/Havana", "Asia/Kathmandu")]
)
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))
NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)


@given(MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=9000)), ZONES)
def test_buckets_cover_the_range_without_gaps_and_there_are_not_too_many(
    since: datetime, length: timedelta, zone: tzinfo
) -> None:
    until = since + length
    step = step_for(since, until)
    places = edges(since, until, step, zone)
    assert (places[0], places[-1]) == (since, until)
    assert all(one < other for one, other in pairwise(places))
    assert len(places) <= 250
    assert allows(step, since, until)


@given(MOMENTS, ZONES, st.sampled_from([Step.DAY, Step.WEEK, Step.MONTH, Step.YEAR]))
def test_days_and_longer_begin_with_a_day_of_the_zone(since: datetime, zone: tzinfo, step: Step) -> None:
    for edge in edges(since, since + timedelta(days=400), step, zone)[1:-1]:
        local, before = edge.astimezone(zone), (edge - timedelta(seconds=1)).astimezone(zone)
        assert local.date() > before.date()
        if step is Step.WEEK:
            assert local.weekday() == 0
        if step in (Step.MONTH, Step.YEAR):
            assert local.day == 1


@given(MOMENTS, st.sampled_from(sorted({*SHORT_STEPS, Step.HOUR})))
def test_short_buckets_begin_at_round_times(since: datetime, step: Step) -> None:
    minutes = {Step.MINUTE: 1, Step.FIVE_MINUTES: 5, Step.QUARTER: 15, Step.HOUR: 60}[step]
    for edge in edges(since, since + timedelta(hours=5), step, UTC)[1:-1]:
        assert (edge.minute % minutes, edge.second, edge.microsecond) == (0, 0, 0)


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(hours=1), Step.MINUTE),
        (timedelta(hours=6), Step.FIVE_MINUTES),
        (timedelta(hours=24), Step.HOUR),
        (timedelta(days=7), Step.HOUR),
        (timedelta(days=31), Step.DAY),
        (timedelta(days=365), Step.WEEK),
        (timedelta(days=3650), Step.MONTH),
        (timedelta(days=36500), Step.YEAR),
    ],
)
def test_the_step_suits_the_range(length: timedelta, step: Step) -> None:
    assert step_for(NOON, NOON + length) is step


def test_a_step_too_small_for_the_range_is_known() -> None:
    assert allows(Step.HOUR, NOON, NOON + timedelta(hours=MOST_BUCKETS))
    assert not allows(Step.HOUR, NOON, NOON + timedelta(hours=MOST_BUCKETS + 1))


def test_an_empty_range_has_no_buckets() -> None:
    assert edges(NOON, NOON, Step.HOUR, UTC) == []


@given(st.lists(st.tuples(st.integers(-5, 300), st.sampled_from(Group), st.integers(1, 9)), max_size=20))
def test_every_call_is_in_one_bucket_or_later(counted: list[tuple[int, Group, int]]) -> None:
    places = edges(NOON + timedelta(minutes=10), NOON + timedelta(hours=3), Step.HOUR, UTC)
    buckets, later = buckets_of(places, [(NOON + timedelta(minutes=m), group, n) for m, group, n in counted])
    assert sum(bucket.total for bucket in buckets) + later == sum(n for _, _, n in counted)
    assert later == sum(n for minutes, _, n in counted if minutes >= 180)


def test_every_outcome_is_of_one_group() -> None:
    assert sorted(outcome for outcomes in OUTCOMES.values() for outcome in outcomes) == sorted(Outcome)
    assert GROUP_OF[None] is Group.SETUP
