"""The hourly volumes: their sums are those of the calls, whatever was written, joined or correlated again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr import tasks
from cdr.calls import volumes
from cdr.calls.correlate import correlate_pending, mark_all, mark_overdue
from cdr.correlation.record import Observed
from cdr.models import Call, Source, Volume
from cdr.storage.database import database_for_writes
from cdr.storage.ingest import store
from tests.background import in_background
from tests.cdr.correlation.telling import EVENING, NOON, POLICIES, bye, invite
from tests.cdr.correlation.test_fold_properties import observed
from tests.factories import NOON as LATER_NOON
from tests.factories import make_call, make_proxy, make_source
from tests.servers import PATIENCE

Sums = dict[tuple[Any, ...], list[int]]


def counted(calls: Iterable[Call]) -> Sums:
    """The calls, measured calls and microseconds by hour and kind, counted one by one."""
    sums: Sums = {}
    for call in calls:
        if call.superseded:
            continue
        hour = call.started_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        kind = (hour, tuple(call.proxies), call.state, call.outcome, call.sip_code)
        own = sums.setdefault(kind, [0, 0, 0])
        own[0] += 1
        if call.outcome == "answered" and call.duration_kind == "measured":
            assert call.duration is not None
            own[1] += 1
            own[2] += round(call.duration.total_seconds() * 1_000_000)
    return sums


def summed() -> Sums:
    sums: Sums = {}
    for row in Volume.objects.all():
        own = sums.setdefault((row.hour, tuple(row.proxies), row.state, row.outcome, row.sip_code), [0, 0, 0])
        for place, value in enumerate((row.calls, row.measured, row.duration_us)):
            own[place] += value
    return {kind: own for kind, own in sums.items() if any(own)}


def sources() -> dict[str, Source]:
    """A source of each proxy that the told events are of."""
    return {
        name: make_source(
            name=name, proxy=make_proxy(name, cluster=policy.cluster, layout=policy.layout.to_json() or {})
        )
        for name, policy in POLICIES.items()
    }


def take(of: dict[str, Source], events: Iterable[Observed], now: datetime = EVENING) -> None:
    for one in events:
        store(of[one.proxy], [one.event], format="syslog")
    correlate_pending(now=now)


class AnyBatches(TestCase):
    @settings(max_examples=60)
    @given(st.lists(observed(), max_size=12), st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=4))
    def test_the_sums_are_those_of_the_calls_after_every_batch(
        self, events: list[Observed], cuts: list[tuple[int, bool]]
    ) -> None:
        """Events of several hours, in any order and any batches, with and without joining between them."""
        spread = [one._replace(event=_later(one)) for one in events]
        joins = dict(cuts)
        of = sources()
        for begin, end in pairwise([0, *sorted(joins), len(events)]):
            take(of, spread[begin:end], now=NOON)
            assert summed() == counted(Call.objects.all())
            if joins.get(end):
                volumes.join()
                assert summed() == counted(Call.objects.all())
        mark_overdue(now=EVENING + timedelta(days=30))
        mark_all()
        correlate_pending(now=EVENING + timedelta(days=30))
        assert summed() == counted(Call.objects.all())
        volumes.join()
        assert summed() == counted(Call.objects.all())
        assert Volume.objects.count() == len(summed())


def _later(one: Observed) -> Any:
    """The event with its seconds after noon made to quarters of an hour."""

    def moved(moment: datetime | None) -> datetime | None:
        return moment and NOON + (moment - NOON) * 900

    event = one.event
    length = event.duration_us and event.duration_us * 900
    return event._replace(
        time=moved(event.time), ended_at=moved(event.ended_at), created_at=moved(event.created_at), duration_us=length
    )


@pytest.mark.django_db
def test_a_call_that_completes_later_is_counted_once_and_with_its_length() -> None:
    of = sources()
    take(of, [invite("a", "b", 0)], now=NOON)
    take(of, [bye("a", "b", 42)])
    assert summed() == {(NOON, ("p",), "completed", "answered", 200): [1, 1, 42_000_000]}


@pytest.mark.django_db
def test_correlating_all_again_adds_nothing() -> None:
    take(sources(), [invite("a", "b", 0), bye("a", "b", 42)])
    before = list(Volume.objects.order_by("id").values())
    mark_all()
    correlate_pending(now=EVENING)
    assert list(Volume.objects.order_by("id").values()) == before


@pytest.mark.django_db
def test_a_batch_that_fails_leaves_the_sums_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    of = sources()
    take(of, [invite("a", "b", 0)], now=NOON)
    before = list(Volume.objects.order_by("id").values())
    store(of["p"], [bye("a", "b", 42).event], format="syslog")
    monkeypatch.setattr(volumes.Difference, "write", _fail)
    with pytest.raises(ConnectionError):
        correlate_pending(now=NOON)
    assert list(Volume.objects.order_by("id").values()) == before
    assert Call.objects.get().state == "ongoing"


def _fail(*_: object) -> None:
    raise ConnectionError("the database is gone")


@pytest.mark.django_db
def test_joining_leaves_one_row_per_hour_and_kind() -> None:
    for hours in (0, 0, 1, 1, 1):
        make_call(started_at=LATER_NOON + timedelta(hours=hours))
    make_call(sip_code=486, outcome="busy", state="unanswered", duration=None)
    assert tasks.join_volumes() == 3
    assert [(row.hour, row.sip_code, row.calls) for row in Volume.objects.order_by("hour", "sip_code")] == [
        (LATER_NOON, 200, 2),
        (LATER_NOON, 486, 1),
        (LATER_NOON + timedelta(hours=1), 200, 3),
    ]
    assert tasks.join_volumes() == 0


@pytest.mark.django_db
def test_rows_that_amount_to_nothing_go() -> None:
    call = make_call()
    difference = volumes.Difference()
    difference.count(-1, LATER_NOON, " kam1 ", "completed", "answered", 200, call.duration, "measured")
    difference.write(database_for_writes())
    volumes.join()
    assert not Volume.objects.exists()


@pytest.mark.django_db
def test_joining_goes_back_until_nothing_is_to_be_joined() -> None:
    for number in range(9):
        make_call(started_at=LATER_NOON + timedelta(hours=number // 3))
    assert volumes.join(look=3) == 6


@pytest.mark.django_db(transaction=True)
def test_runs_beside_each_other_and_beside_a_writer_change_no_sum() -> None:
    of = make_source()
    events = [
        event.event._replace(call_id=f"{number}@x")
        for number in range(120)
        for event in (invite("a", "b", number % 9),)
    ]
    store(of, events, format="syslog")
    beside = [in_background(correlate_pending, now=NOON, batch=7), *(in_background(volumes.join) for _ in range(3))]
    for one in beside:
        one.result(PATIENCE)
    assert summed() == counted(Call.objects.all())
    volumes.join()
    assert [row.calls for row in Volume.objects.all()] == [120]


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_rows_that_another_run_holds_are_left_to_it() -> None:
        make_call()
        make_call()
        with transaction.atomic():
            held = list(Volume.objects.select_for_update())
            make_call()
            assert in_background(volumes.join).result(PATIENCE) == 0
        assert len(held) == 2
        assert volumes.join() == 2


@pytest.mark.django_db
def test_the_migration_counts_the_calls_that_are_stored() -> None:
    for fields in (
        {"started_at": LATER_NOON + timedelta(minutes=59, microseconds=1), "duration": timedelta(microseconds=1)},
        {"started_at": LATER_NOON + timedelta(hours=1), "proxies": ["a", "b"]},
        {"state": "setup", "outcome": None, "sip_code": None, "duration": None, "duration_kind": "unknown"},
        {"state": "start_missing", "duration_kind": "at_most"},
        {"superseded": True},
        {},
        {},
    ):
        make_call(**fields)
    Volume.objects.all().delete()
    migration = import_module("cdr.migrations.0007_volumes_of_stored_calls")
    migration.count_stored_calls(apps, None)
    assert summed() == counted(Call.objects.all())
    assert Volume.objects.count() == 4
