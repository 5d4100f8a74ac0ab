"""Rows that a proxy writes into our own acc tables become events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from cdr.calls.correlate import correlate_pending
from cdr.events import Unparsable
from cdr.models import Acc, Call, Event, MissedCall, Rejected, Source
from cdr.receivers import growing_table
from cdr.receivers.mirror import collect_mirror
from cdr.storage.ingest import IngestCounts
from tests.background import in_background, wait_until_blocked
from tests.factories import make_proxy, make_source
from tests.servers import PATIENCE

NOON = datetime(2026, 5, 1, 12)
START = {
    "method": "INVITE",
    "from_tag": "alice",
    "to_tag": "bob",
    "callid": "call@example",
    "sip_code": "200",
    "sip_reason": "OK",
    "time": NOON,
}
STOP = START | {"method": "BYE", "time": NOON + timedelta(seconds=42)}


@pytest.fixture
def source(db: None) -> Source:
    return make_source(name="mirror", kind=Source.Kind.MIRROR)


def collect(source: Source) -> IngestCounts:
    """Collect as a later run does: with the source as it is stored."""
    return collect_mirror(Source.objects.get(pk=source.pk))


def acc(**fields: Any) -> Acc:
    return Acc.objects.create(**START | fields)


def positions() -> list[int]:
    return sorted(Event.objects.values_list("position", flat=True))


def test_a_row_with_null_for_an_empty_tag_becomes_an_event(source: Source) -> None:
    """Kamailio's ``db_sqlite`` writes NULL for the To tag of a CANCEL."""
    acc(method="CANCEL", to_tag=None, sip_reason=None)
    assert collect(source).events == 1
    assert Event.objects.get().to_tag == ""


def test_rows_of_both_tables_become_events(source: Source) -> None:
    MissedCall.objects.create(**START | {"sip_code": "486", "to_tag": "", "sip_reason": "Busy Here"})
    acc()
    Acc.objects.create(**STOP)

    assert collect(source) == IngestCounts(read=3, events=3)

    assert sorted(Event.objects.values_list("kind", "code", "backend")) == [
        ("answered", 200, "sql"),
        ("bye", 200, "sql"),
        ("missed", 486, "sql"),
    ]
    correlate_pending()
    call = Call.objects.get()
    assert (call.duration, call.attempts.get().code) == (timedelta(seconds=42), 486)


def test_rows_are_read_once(source: Source) -> None:
    acc()
    collect(source)

    assert collect(source) == IngestCounts()


def test_times_are_those_of_the_proxys_clock(db: None) -> None:
    source = make_source(proxy=make_proxy(timezone="America/New_York"), kind=Source.Kind.MIRROR)
    acc()

    collect(source)

    assert Event.objects.get().time == datetime(2026, 5, 1, 16, tzinfo=UTC)


def test_many_rows_are_read_in_portions(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_table, "BATCH", 3)
    for number in range(10):
        acc(callid=f"{number}@x")

    assert collect(source) == IngestCounts(read=10, events=10)


def test_a_row_committed_late_with_a_smaller_id_is_read(source: Source) -> None:
    for number in (3, 4, 7):
        acc(id=number, callid=f"{number}@x")
    collect(source)
    for number in (2, 5, 9):
        acc(id=number, callid=f"{number}@x")

    assert collect(source) == IngestCounts(read=3, events=3)
    assert positions() == [2, 3, 4, 5, 7, 9]


def test_a_gap_is_looked_at_until_it_is_too_old(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    Source.objects.update(settings={"late_seconds": 60})
    acc(id=1)
    acc(id=4, callid="4@x")
    monkeypatch.setattr(growing_table.time, "time", lambda: 1000.0)
    collect(source)
    acc(id=2, callid="2@x")
    monkeypatch.setattr(growing_table.time, "time", lambda: 1060.0)
    assert collect(source).events == 1
    acc(id=3, callid="3@x")
    monkeypatch.setattr(growing_table.time, "time", lambda: 1061.0)

    assert collect(source) == IngestCounts()


def test_too_many_gaps_are_given_up_with_a_warning(
    source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2, 12, 2):
        acc(id=number, callid=f"{number}@x")
    collect(source)
    monkeypatch.setattr(growing_table, "MOST_GAPS", 2)

    collect(source)

    assert "more than 2 gaps in the ids of acc" in caplog.text


def test_a_table_that_was_emptied_and_counts_from_one_again_is_read_again(source: Source) -> None:
    acc(id=50)
    collect(source)
    Acc.objects.all().delete()
    acc(id=1, callid="new@x")

    assert collect(source).events == 1


def test_moving_deletes_what_was_stored(source: Source) -> None:
    Source.objects.update(settings={"move": True})
    acc()
    acc(time=NOON + timedelta(seconds=1), sip_code="2x0")

    collect(source)

    assert not Acc.objects.exists()
    assert (Event.objects.count(), Rejected.objects.count()) == (1, 1)


def test_a_row_that_cannot_be_understood_costs_no_other(source: Source) -> None:
    acc(sip_code="2x0")
    acc()

    assert collect(source) == IngestCounts(read=2, events=1, rejected=1)
    rejected = Rejected.objects.get()
    assert rejected.format == "sql:acc"
    assert b'"sip_code":"2x0"' in bytes(rejected.raw)


@pytest.mark.django_db(transaction=True)
def test_columns_that_an_administrator_adds_are_extras_from_then_on() -> None:
    source = make_source(name="mirror", kind=Source.Kind.MIRROR)
    acc()
    collect(source)
    with added_columns("src_user varchar(64)", '"odd ""name" text', "port integer"):
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO acc (method, from_tag, to_tag, callid, sip_code, time, src_user, "odd ""name", port)'
                " VALUES ('BYE', 'alice', 'bob', 'call@example', '200', '2026-05-01 12:00:42', 'x', 'y', 5060)"
            )
        assert collect(source).events == 1

    extra = Event.objects.get(kind="bye").extra
    assert extra == [["src_user", "x"], ['odd "name', "y"], ["port", "5060"]]


@pytest.mark.django_db(transaction=True)
def test_a_table_without_a_core_column_is_named() -> None:
    source = make_source(name="mirror", kind=Source.Kind.MIRROR)
    acc()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE acc RENAME COLUMN sip_code TO code_of_sip")
    try:
        with pytest.raises(Unparsable, match="sip_code"):
            collect(source)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE acc RENAME COLUMN code_of_sip TO sip_code")
    assert collect(source).events == 1


def test_the_proxy_need_name_only_the_columns_it_knows(source: Source) -> None:
    with connection.cursor() as cursor:  # as Kamailio's acc writes it
        cursor.execute(
            "insert into missed_calls (method,from_tag,to_tag,callid,sip_code,sip_reason,time)"
            " values ('INVITE','a','','c@x','486','Busy Here','2026-05-01 12:00:00')"
        )

    assert collect(source).events == 1


@contextmanager
def added_columns(*columns: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        for column in columns:
            cursor.execute(f"ALTER TABLE acc ADD COLUMN {column}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for column in columns:
                cursor.execute(f"ALTER TABLE acc DROP COLUMN {column.rpartition(' ')[0]}")


if connection.vendor == "sqlite":

    def test_text_that_is_no_utf8_is_made_visible(source: Source) -> None:
        acc()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE acc SET sip_reason = CAST(x'4f4bff' AS text)")

        assert collect(source).events == 1
        assert Event.objects.get().reason == r"OK\xff"


if connection.vendor == "postgresql":

    @pytest.fixture
    def writer() -> Iterator[psycopg.Connection]:
        """Another writer of the table, whose transaction the test ends."""
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as writer:
            yield writer

    def write(writer: psycopg.Connection, call_id: str) -> None:
        writer.execute("INSERT INTO acc (method, from_tag, callid, time) VALUES ('BYE', 'a', %s, now())", [call_id])

    @pytest.mark.django_db(transaction=True)
    def test_rows_of_a_transaction_held_open_are_read_when_it_ends(writer: psycopg.Connection) -> None:
        source = make_source(kind=Source.Kind.MIRROR)
        acc(callid="1@x")
        write(writer, "2@x")
        acc(callid="3@x")
        assert collect(source).events == 2
        write(writer, "4@x")
        acc(callid="5@x")
        assert collect(source).events == 1

        writer.commit()

        assert collect(source) == IngestCounts(read=2, events=2)
        assert sorted(Event.objects.values_list("call_id", flat=True)) == [f"{number}@x" for number in range(1, 6)]

    @pytest.mark.django_db(transaction=True)
    def test_rows_of_a_transaction_that_fails_are_not_waited_for(writer: psycopg.Connection) -> None:
        source = make_source(kind=Source.Kind.MIRROR)
        write(writer, "1@x")
        acc(callid="2@x")
        collect(source)

        writer.rollback()
        acc(callid="3@x")

        assert collect(source) == IngestCounts(read=1, events=1)

    @pytest.mark.django_db(transaction=True)
    def test_two_collectors_of_one_source_read_each_row_once() -> None:
        source = make_source(kind=Source.Kind.MIRROR)
        for number in range(5):
            acc(callid=f"{number}@x")
        with transaction.atomic():
            assert collect(source).events == 5
            other = in_background(collect, source)
            wait_until_blocked()

        assert other.result(PATIENCE) == IngestCounts()
        source.refresh_from_db()
        assert (source.events, source.duplicates) == (5, 0)
