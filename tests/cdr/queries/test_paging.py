"""Pages of calls by cursor, and numbers of matches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdr.models import Call
from cdr.queries.keyset import OLDEST, Cursor
from cdr.queries.paging import Matches, call_page, matches
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db


def make_calls(number: int) -> None:
    for minute in range(number):
        make_call(caller=str(minute), started_at=NOON + timedelta(minutes=minute))


def callers(**where: Cursor) -> list[str | None]:
    return [call.caller for call in call_page(Call.objects.all(), 2, **where).rows]


def test_the_oldest_calls_are_the_end_of_the_list_newest_first() -> None:
    make_calls(5)
    page = call_page(Call.objects.all(), 2, before=OLDEST)
    assert [call.caller for call in page.rows] == ["1", "0"]
    assert page.older is None
    assert page.newer
    assert callers(before=page.newer) == ["3", "2"]


def test_the_oldest_calls_of_a_short_list_are_all_of_it() -> None:
    make_calls(2)
    page = call_page(Call.objects.all(), 2, before=OLDEST)
    assert [call.caller for call in page.rows] == ["1", "0"]
    assert (page.newer, page.older) == (None, None)


def test_the_place_of_the_oldest_can_stand_in_an_address() -> None:
    assert Cursor.parse(str(OLDEST)) == OLDEST


def test_matches_are_counted_exactly_up_to_the_limit() -> None:
    make_calls(3)
    assert matches(Call.objects.all(), 3) == Matches(3)
    assert matches(Call.objects.none(), 3) == Matches(0)


def test_beyond_the_limit_the_database_estimates_or_the_number_is_a_bound() -> None:
    make_calls(40)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE cdr_call")
    expected = Matches(40, estimated=True) if connection.vendor == "postgresql" else Matches(10, at_least=True)
    assert matches(Call.objects.all(), 10) == expected


def test_counting_reads_no_more_rows_than_the_limit() -> None:
    make_calls(4)
    with CaptureQueriesContext(connection) as queries:
        matches(Call.objects.filter(caller__contains="1"), 2)
    counting = [one["sql"] for one in queries if "COUNT(" in one["sql"]]
    assert len(counting) == 1
    assert "LIMIT 3" in counting[0]
