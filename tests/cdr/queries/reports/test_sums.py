"""Sums of a group of calls, and the rates made of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.reports.sums import Sums

COUNTS = st.integers(0, 10**9)
LENGTHS = st.timedeltas(timedelta(), timedelta(days=10_000))
SUMS = st.builds(
    Sums,
    calls=COUNTS,
    seizures=COUNTS,
    answered=COUNTS,
    delivered=COUNTS,
    failed_attempts=COUNTS,
    measured=COUNTS,
    length=LENGTHS,
    at_least=COUNTS,
    least_length=LENGTHS,
    at_most=COUNTS,
    most_length=LENGTHS,
    no_stop=COUNTS,
)


def test_rates_divide_by_the_seizures() -> None:
    sums = Sums(calls=10, seizures=4, answered=1, delivered=3)
    assert (sums.asr, sums.ner) == (0.25, 0.75)


def test_the_average_duration_is_that_of_measured_calls() -> None:
    sums = Sums(
        calls=5, answered=5, measured=2, length=timedelta(minutes=3), at_least=1, least_length=timedelta(hours=9)
    )
    assert sums.acd == timedelta(seconds=90)


@pytest.mark.parametrize("rate", ["asr", "ner", "acd"])
def test_there_is_no_rate_of_no_calls(rate: str) -> None:
    assert getattr(Sums(), rate) is None


def test_minutes_keep_measured_and_bounded_durations_apart() -> None:
    seconds = timedelta(seconds=1)
    sums = Sums(length=90 * seconds, least_length=30 * seconds, most_length=15 * seconds)
    assert (sums.minutes, sums.minutes_at_least, sums.minutes_at_most) == (1.5, 0.5, 0.25)


@given(SUMS)
def test_adding_nothing_changes_nothing(sums: Sums) -> None:
    assert sums + Sums() == Sums() + sums == sums


@given(SUMS, SUMS, SUMS)
def test_sums_may_be_added_in_any_order(first: Sums, second: Sums, third: Sums) -> None:
    assert (first + second) + third == third + (second + first)


@given(SUMS, SUMS)
def test_every_member_is_added(first: Sums, second: Sums) -> None:
    total = first + second
    assert total.calls == first.calls + second.calls
    assert total.length == first.length + second.length
    assert total.no_stop == first.no_stop + second.no_stop
