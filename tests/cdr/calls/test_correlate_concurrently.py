"""Each call once, whoever works at the same time and in whatever order events come."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.calls.correlate import correlate_pending, mark_all, mark_overdue
from cdr.events import AccEvent, EventKind
from cdr.models import Attempt, Call, CallRevision, Leg, Pending
from cdr.storage.ingest import store
from proxyconf.vocabulary.layout import Backend
from tests.background import in_background, wait_until_blocked
from tests.cdr.calls.correlating import BUSY, EVENING, LEGS, NOON, START, STOP, after, take
from tests.factories import make_source
from tests.servers import PATIENCE


def everything() -> list[Any]:
    """All calls with all they consist of, but for row ids and times of writing."""
    told = ["id", "updated_at"]
    calls = Call.objects.order_by("call_key", "identity")
    return [
        (
            {field.attname: getattr(call, field.attname) for field in Call._meta.fields if field.name not in told},
            list(call.legs.values_list("position", "source", "destination", "type", "values")),
            list(call.attempts.values_list("position", "code", "reason", "to_tag", "time")),
        )
        for call in calls
    ]


@pytest.mark.django_db(transaction=True)
def test_four_workers_make_each_call_once_and_as_one_would() -> None:
    store(make_source(), _traffic(900), format="syslog")

    workers = [in_background(correlate_pending, now=EVENING, batch=20) for _ in range(4)]

    assert sum(worker.result(PATIENCE) for worker in workers) == 900
    assert not Pending.objects.exists()
    by_four = everything()
    for model in (Leg, Attempt, Call):
        model.objects.all().delete()
    mark_all()
    correlate_pending(now=EVENING)
    assert len(by_four) == 900
    assert by_four == everything()


@pytest.mark.django_db(transaction=True)
def test_web_ingest_and_correlation_do_not_lock_each_other_out() -> None:
    """On SQLite all share one write lock: nobody may ever be told that the database is locked."""
    source = make_source()
    done = threading.Event()

    def correlator() -> None:
        while not done.is_set():
            correlate_pending(batch=50)

    def visitor(number: int) -> int:
        visits = 0
        while not done.is_set() or not visits:
            with transaction.atomic():
                list(Call.objects.all()[:20])
                Session.objects.update_or_create(session_key=str(number), defaults={"expire_date": NOON})
            visits += 1
        return visits

    others = [in_background(correlator), in_background(visitor, 1), in_background(visitor, 2)]
    try:
        store(source, _traffic(300), format="syslog", batch=40)
    finally:
        done.set()
    for other in others:
        other.result(PATIENCE)
    correlate_pending()

    assert Call.objects.count() == 300


def _traffic(calls: int) -> list[AccEvent]:
    """Events of completed, forwarded and failed calls, out of order."""
    events: list[AccEvent] = []
    for number in range(calls):
        own = {"call_id": f"{number}@x"}
        events += [
            [START._replace(**own), STOP._replace(**own)],
            [STOP._replace(**own), START._replace(**own, legs=LEGS), BUSY._replace(**own)],
            [BUSY._replace(**own), BUSY._replace(**own, kind=EventKind.FAILED)],
        ][number % 3]
    return events[::2] + events[1::2]


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_an_event_stored_while_its_call_is_correlated_is_not_forgotten() -> None:
        """The correlator has the call's mark; who stores a further event waits, and marks the call anew."""
        source = make_source()
        store(source, [START], format="syslog")
        with transaction.atomic():
            assert correlate_pending(now=NOON) == 1
            other = in_background(store, source, [STOP], format="syslog")
            wait_until_blocked()
        other.result(PATIENCE)

        assert correlate_pending(now=NOON) == 1
        assert Call.objects.get().state == "completed"

    @pytest.mark.django_db(transaction=True)
    def test_a_call_whose_event_is_being_stored_is_left_for_later() -> None:
        """Its mark was there before: were it taken, the new event would be neither seen nor marked."""
        source = make_source()
        store(source, [START], format="syslog")
        with transaction.atomic():
            store(source, [STOP], format="syslog")
            assert in_background(correlate_pending, now=NOON).result(PATIENCE) == 0

        assert correlate_pending(now=NOON) == 1
        assert Call.objects.get().state == "completed"

    @pytest.mark.django_db(transaction=True)
    def test_a_call_that_a_worker_has_is_skipped_by_the_others() -> None:
        store(make_source(), [START, START._replace(call_id="other@x")], format="syslog")
        with transaction.atomic():
            assert correlate_pending(now=NOON, limit=1) == 1
            assert in_background(correlate_pending, now=NOON).result(PATIENCE) == 1

        assert Call.objects.count() == 2

    @pytest.mark.django_db(transaction=True)
    def test_overdue_calls_are_not_taken_from_a_worker_that_has_them() -> None:
        take(make_source(), START)
        mark_all()
        with transaction.atomic():
            assert correlate_pending(now=NOON) == 1
            sweep = in_background(mark_overdue, now=EVENING)
            wait_until_blocked()
        assert sweep.result(PATIENCE) == 1

        assert Call.objects.get().state == "stop_missing"


class AnyOrder(TestCase):
    """Of any events in any order and any portions, the same calls."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.permutations(
            [
                BUSY,
                START,
                STOP,
                START._replace(legs=LEGS, backend=Backend.SQL),
                START._replace(to_tag="fork", time=after(1)),
                STOP._replace(to_tag="fork", time=after(3)),
                START._replace(call_id="2@x"),
                STOP._replace(call_id="2@x", from_tag="bob", to_tag="alice"),
                BUSY._replace(call_id="3@x"),
                START._replace(kind=EventKind.CANCEL, method="CANCEL", to_tag="", call_id="3@x", time=after(9)),
            ]
        ),
        st.lists(st.integers(0, 10), max_size=3),
    )
    def test_calls_do_not_depend_on_how_events_came(self, events: list[AccEvent], cuts: list[int]) -> None:
        source = make_source()
        edges = [0, *sorted(cuts), len(events)]
        for begin, end in pairwise(edges):
            take(source, *events[begin:end], now=EVENING)
        came = _said()

        for model in (CallRevision, Leg, Attempt, Call):
            model.objects.all().delete()
        mark_all()
        correlate_pending(now=EVENING)

        assert came == _said()


def _said() -> list[Any]:
    """What the calls say, without the traces of how they came to say it."""
    return [
        ({name: value for name, value in call.items() if name != "revision"}, legs, attempts)
        for call, legs, attempts in everything()
        if not call["superseded"]
    ]
