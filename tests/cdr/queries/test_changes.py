"""A reader of changes misses none, whatever order transactions commit in."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cdr.models import Call
from cdr.queries.changes import changes, since
from cdr.storage.change_order import next_change_time
from tests.factories import NOON, make_call


@pytest.mark.django_db
def test_the_place_tells_calls_of_one_moment_apart() -> None:
    made = [make_call(caller=str(number), updated_at=NOON) for number in range(5)]
    place, seen = since(NOON), []
    for _ in made:
        page = changes(Call.objects.all(), place, 1)
        seen += [call.caller for call in page.rows]
        place = page.place
    assert seen == ["0", "1", "2", "3", "4"]
    assert not page.more


@pytest.mark.django_db
def test_a_call_that_changes_again_is_told_again() -> None:
    call = make_call(updated_at=NOON)
    place = changes(Call.objects.all(), since(NOON), 10).place
    Call.objects.filter(pk=call.pk).update(revision=2, updated_at=NOON + timedelta(minutes=1))
    assert [one.revision for one in changes(Call.objects.all(), place, 10).rows] == [2]


def write(caller: str, wrote: threading.Event, end: threading.Event) -> threading.Thread:
    """Change a call on another connection, which commits when ``end`` comes."""

    def run() -> None:
        try:
            with transaction.atomic():
                make_call(caller=caller, updated_at=next_change_time(timezone.now()))
                wrote.set()
                assert end.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_after_a_later_one_is_not_passed_over() -> None:
    wrote, end, at_once = threading.Event(), threading.Event(), threading.Event()
    at_once.set()
    early = write("early", wrote, end)
    assert wrote.wait(60)
    late = write("late", threading.Event(), at_once)
    if connection.vendor == "postgresql":
        late.join()  # SQLite lets it wait for the other
    first = changes(Call.objects.all(), since(NOON), 10)
    end.set()
    early.join()
    late.join()
    rest = changes(Call.objects.all(), first.place, 10)
    assert [call.caller for call in [*first.rows, *rest.rows]] == ["early", "late"]
