"""Clocks that are set back and transactions that commit in any order, against a reader who follows changes.

The attacker is nobody but the host: NTP, a virtual machine that is resumed, an administrator who mistypes a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cdr.calls import publish
from cdr.models import Call
from cdr.queries.changes import changes, since
from tests.factories import NOON, make_call
from tests.servers import PATIENCE

WRITERS = 2


class Clock:
    """The host's clock, as ``cdr.calls.publish`` reads it."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


@contextmanager
def set_clock() -> Iterator[Clock]:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "timezone", SimpleNamespace(now=clock.now))
        yield clock


class Writer:
    """Changes a call of its own on a connection of its own, in transactions that end when they are told."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.call = make_call()
        self.open = False

    def change(self) -> None:
        def run() -> None:
            self._transaction = transaction.atomic()
            self._transaction.__enter__()
            publish.publish_revision(Call.objects.get(pk=self.call.pk), {})

        self._thread.submit(run).result(PATIENCE)
        self.open = True

    def end(self, *, commit: bool) -> None:
        def run() -> None:
            if not commit:
                transaction.set_rollback(True)
            self._transaction.__exit__(None, None, None)

        self._thread.submit(run).result(PATIENCE)
        self.open = False

    def close(self) -> None:
        if self.open:
            self.end(commit=False)
        self._thread.submit(lambda: connection.close()).result(PATIENCE)  # of that thread
        self._thread.shutdown()


class Reader:
    """Follows changes, and keeps the newest revision that it got of each call."""

    def __init__(self) -> None:
        self._place = since(NOON - timedelta(days=30_000))
        self.revisions: dict[int, int] = {}

    def read(self, size: int) -> None:
        page = changes(Call.objects.all(), self._place, size)
        self._place = page.place
        for call in page.rows:
            assert call.revision > self.revisions.get(call.pk, 0), "delivered twice, or an older one after a newer one"
            self.revisions[call.pk] = call.revision
        if page.more:
            self.read(size)


Step = tuple[str, timedelta | int]

HOUR = timedelta(hours=1)
writers_by_number = st.integers(0, WRITERS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("clock"), st.sampled_from([-400 * 24 * HOUR, -HOUR, HOUR])),
        st.tuples(st.sampled_from(["change", "change", "commit", "commit", "roll back"]), writers_by_number),
        st.tuples(st.just("read"), st.integers(1, 3)),
    ),
    min_size=10,
    max_size=25,
)
# The writer with the earlier time commits after a reader has got the later change.
LATE_COMMIT: list[Step] = [("change", 0), ("clock", HOUR), ("change", 1), ("commit", 1), ("read", 3), ("commit", 0)]
CLOCK_SET_BACK: list[Step] = [("change", 0), ("commit", 0), ("read", 3), ("clock", -HOUR), ("change", 1), ("commit", 1)]


@pytest.mark.django_db(transaction=True)
@settings(max_examples=30)
@given(steps=steps)
@example(steps=LATE_COMMIT)
@example(steps=CLOCK_SET_BACK)
def test_a_reader_gets_every_change_whatever_the_clock_does_and_in_whatever_order_writers_commit(
    steps: list[Step],
) -> None:
    Call.objects.all().delete()
    writers, reader = [Writer() for _ in range(WRITERS)], Reader()
    try:
        with set_clock() as clock:
            for step, value in steps:
                take(step, value, clock, writers, reader)
            for writer in writers:
                if writer.open:
                    writer.end(commit=True)
            reader.read(100)
    finally:
        for writer in writers:
            writer.close()
    assert reader.revisions == dict(Call.objects.values_list("pk", "revision"))


def take(step: str, value: timedelta | int, clock: Clock, writers: list[Writer], reader: Reader) -> None:
    match step, value:
        case "clock", timedelta():
            clock.time += value
        case "read", int():
            reader.read(value)
        case "change", int():
            at_work = [writer for writer in writers if writer.open]
            if writers[value] not in at_work and (connection.vendor == "postgresql" or not at_work):
                writers[value].change()
        case _, int():
            if writers[value].open:
                writers[value].end(commit=step == "commit")


@pytest.mark.django_db
def test_a_billing_program_gets_the_changes_of_the_hour_that_the_clock_repeats(client: Client) -> None:
    client.force_login(User.objects.create_superuser("billing"))
    first, second = make_call(), make_call()
    with set_clock() as clock, transaction.atomic():
        clock.time = NOON + timedelta(hours=2)
        publish.publish_revision(first, {})
        page = client.get("/api/v1/calls/?updated_after=2026-05-31T12:30:00Z").json()
        assert [call["id"] for call in page["results"]] == [first.pk]
        clock.time = NOON + timedelta(hours=1)
        publish.publish_revision(second, {})
        assert [call["id"] for call in client.get(page["resume"]).json()["results"]] == [second.pk]
    assert second.revisions.get().at == clock.time
