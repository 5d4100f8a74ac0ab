"""What a range is compared with: the period before, and the same weekday a week earlier, in the reader's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import timezone

from cdr.queries.comparison import comparisons
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 4, 1, 10, tzinfo=UTC)  # noon in Berlin on a Wednesday, three days after the clock went forward

pytestmark = pytest.mark.django_db


def compared(query: str) -> dict[str, tuple[str, str]]:
    """The ranges that the answer to ``query`` is compared with, in Berlin's time."""
    with timezone.override(BERLIN):
        found = comparisons(CallFilter(QueryDict(query), Visibility(), now=NOW))
    return {
        one.name: tuple(f"{at.astimezone(BERLIN):%m-%d %H:%M}" for at in one.range if at)  # type: ignore[misc]
        for one in found
    }


@pytest.mark.parametrize(
    ("query", "previous", "last_week"),
    [
        ("period=today", ("03-31 00:00", "03-31 12:00"), ("03-25 00:00", "03-25 12:00")),
        ("period=yesterday", ("03-30 00:00", "03-31 00:00"), ("03-24 00:00", "03-25 00:00")),
        ("period=1h", ("04-01 10:00", "04-01 11:00"), ("03-25 11:00", "03-25 12:00")),
        ("period=7d", ("03-18 11:00", "03-25 11:00"), None),
        ("period=this_month", ("03-01 00:00", "03-01 12:00"), ("03-25 00:00", "03-25 12:00")),
        ("period=last_month", ("02-01 00:00", "03-01 00:00"), None),
        ("since=2026-03-29&until=2026-03-29", ("03-28 00:00", "03-29 00:00"), ("03-22 00:00", "03-23 00:00")),
        (
            "since=2026-03-31T10:00&until=2026-03-31T11:30",
            ("03-31 08:30", "03-31 10:00"),
            ("03-24 10:00", "03-24 11:30"),
        ),
    ],
)
def test_a_range_is_compared_with_an_earlier_one(
    query: str, previous: tuple[str, str], last_week: tuple[str, str] | None
) -> None:
    expected = {"previous": previous} | ({"last_week": last_week} if last_week else {})
    assert compared(query) == expected


@pytest.mark.parametrize("query", ["", "period=all", "until=2026-01-01", "since=2027-01-01", "state=lost"])
def test_what_has_no_beginning_or_no_meaning_is_compared_with_nothing(query: str) -> None:
    assert compared(query) == {}


def test_the_other_conditions_stay() -> None:
    filtered = CallFilter(QueryDict("period=7d&outcome=busy&outcome=failed&not_caller=49"), Visibility(), now=NOW)
    (earlier,) = comparisons(filtered)
    set_conditions = [(one.parameter, one.value) for one in earlier.call_filter.conditions()]
    assert ("outcome", "busy") in set_conditions
    assert ("outcome", "failed") in set_conditions
    assert ("not_caller", "49") in set_conditions
