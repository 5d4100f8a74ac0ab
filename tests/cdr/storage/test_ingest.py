"""Storing events: idempotent, bad input kept apart, the source's counters and cursor moved with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.events import MICROSECOND, AccEvent, EventKind, call_key, fingerprint
from cdr.formats.reading import IGNORED, Parsed, Rejection
from cdr.models import Event, Pending, Rejected, Source
from cdr.storage.ingest import IngestCounts, Storing, reading_of, store
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product, Version
from tests.background import in_background, wait_until_blocked
from tests.cdr.calls.correlating import NOON, START, STOP
from tests.factories import make_proxy, make_source
from tests.servers import PATIENCE


def starts(count: int) -> list[AccEvent]:
    return [START._replace(call_id=f"{number}@example") for number in range(count)]


def pending() -> set[int]:
    return set(Pending.objects.values_list("call_key", flat=True))


@pytest.fixture
def source(db: None) -> Source:
    return make_source()


def test_an_event_is_stored_as_it_is(source: Source) -> None:
    event = AccEvent(
        kind=EventKind.CDR,
        method="INVITE",
        from_tag="from",
        to_tag="to",
        call_id="Call@Example",
        code=200,
        reason="Grüß Gott; ☎",
        time=NOON + timedelta(microseconds=123456),
        precision=MICROSECOND,
        backend=Backend.SQL,
        extra=(("src_user", "alice"), ("empty", ""), ("src_user", "again")),
        legs=((("src", "alice"), ("dst", "bob")), (("src", "bob"), ("dst", "carol"))),
        ended_at=NOON + timedelta(hours=30, microseconds=1),
        duration_us=30 * 3600 * 1_000_000,
        created_at=NOON - timedelta(seconds=3),
        position=2**40,
        flags=("ambiguous_time", "truncated"),
        raw=bytes(range(256)),
    )

    store(source, [event], format="acc-csv", received_at=NOON)

    stored = Event.objects.get()
    assert (
        AccEvent(
            kind=EventKind(stored.kind),
            method=stored.method,
            from_tag=stored.from_tag,
            to_tag=stored.to_tag,
            call_id=stored.call_id,
            code=stored.code,
            reason=stored.reason,
            time=stored.time,
            precision=stored.precision,
            backend=Backend(stored.backend),
            extra=tuple(map(tuple, stored.extra)),
            legs=tuple(tuple(map(tuple, leg)) for leg in stored.legs),
            ended_at=stored.ended_at,
            duration_us=stored.duration_us,
            created_at=stored.created_at,
            position=stored.position,
            flags=tuple(stored.flags),
            raw=bytes(stored.raw),
        )
        == event
    )
    assert (stored.source, stored.proxy, stored.received_at) == (source, source.proxy, NOON)
    assert (bytes(stored.fingerprint), stored.call_key) == (fingerprint(event), call_key("Call@Example"))


def test_storing_the_same_again_changes_nothing_and_says_so(source: Source) -> None:
    store(source, [START, STOP], format="syslog")
    Pending.objects.all().delete()

    counts = store(source, [START, STOP], format="syslog")

    assert counts == IngestCounts(read=2, duplicates=2)
    assert Event.objects.count() == 2
    assert not pending()


def test_of_new_and_known_events_the_new_ones_are_stored(source: Source) -> None:
    store(source, starts(10), format="syslog")
    Pending.objects.all().delete()

    counts = store(source, starts(15), format="syslog", batch=4)

    assert counts == IngestCounts(read=15, events=5, duplicates=10)
    assert pending() == {call_key(f"{number}@example") for number in range(10, 15)}


def test_an_event_that_stands_twice_in_one_batch_is_one_event(source: Source) -> None:
    assert store(source, [START, STOP, START], format="syslog") == IngestCounts(read=3, events=2, duplicates=1)


def test_the_same_event_of_another_proxy_is_another_event(source: Source) -> None:
    store(source, [START], format="syslog")

    other = make_source(proxy=make_proxy("kam2"))

    assert store(other, [START], format="syslog").events == 1


def test_calls_with_new_events_are_pending(source: Source) -> None:
    store(source, [START, STOP, *starts(2)], format="syslog")

    assert pending() == {call_key("call@example"), call_key("0@example"), call_key("1@example")}


@pytest.mark.parametrize("kind", [EventKind.ON, EventKind.OFF])
def test_what_a_proxy_says_of_itself_is_of_no_call(source: Source, kind: EventKind) -> None:
    counts = store(source, [START._replace(kind=kind, call_id="", from_tag="", to_tag="")], format="radius-detail")

    assert counts.events == 1
    assert Event.objects.get().call_key is None
    assert not pending()


def test_records_without_call_id_have_nothing_in_common(source: Source) -> None:
    record = START._replace(kind=EventKind.CDR, call_id="", duration_us=1)

    store(source, [record, record._replace(duration_us=2)], format="acc-cdrs-csv")

    assert len(pending()) == 2
    assert pending() == set(Event.objects.values_list("call_key", flat=True))


def test_rejected_input_is_kept_whole_and_once(source: Source) -> None:
    bad = Rejection(b"\xff\x00garbage", "the line was cut")

    counts = store(source, [bad, START, bad], format="syslog", received_at=NOON)
    store(source, [bad], format="syslog")

    assert counts == IngestCounts(read=3, events=1, rejected=2)
    kept = Rejected.objects.get()
    assert (bytes(kept.raw), kept.reason, kept.format) == (b"\xff\x00garbage", "the line was cut", "syslog")
    assert (kept.source, kept.received_at, kept.replayed_at) == (source, NOON, None)


def test_a_reason_that_quotes_what_no_database_holds_is_kept_readable(source: Source) -> None:
    store(source, [Rejection(b"", "read 'a\0b\ud800c'")], format="syslog")

    assert Rejected.objects.get().reason == r"read 'a\x00b\ud800c'"


@pytest.mark.parametrize("field", ["from_tag", "to_tag", "call_id", "reason", "method"])
def test_text_that_no_database_holds_is_made_visible(source: Source, field: str) -> None:
    counts = store(source, [START._replace(**{field: "a\0b\ud800c"}), STOP], format="acc-json")

    assert counts == IngestCounts(read=2, events=2)
    assert Event.objects.filter(**{field: r"a\x00b\ud800c"}).count() == 1


def test_extras_and_legs_that_no_database_holds_are_made_visible(source: Source) -> None:
    hostile = START._replace(extra=(("l\0", "\ud800"),), legs=((("s\udfff", "\0"),),))

    store(source, [hostile], format="acc-json")

    stored = Event.objects.get()
    assert (stored.extra, stored.legs) == ([[r"l\x00", r"\ud800"]], [[[r"s\udfff", r"\x00"]]])


def test_hostile_text_that_was_made_visible_is_recognised_again(source: Source) -> None:
    hostile = START._replace(reason="a\0b")

    store(source, [hostile], format="acc-json")

    assert store(source, [hostile], format="acc-json").duplicates == 1


@pytest.mark.parametrize(
    "wrong",
    [{"code": 2**31}, {"code": -(2**40)}, {"position": 2**63}, {"duration_us": 2**70}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_event_that_the_database_cannot_hold_is_rejected_and_costs_no_other(
    source: Source, wrong: dict[str, Any]
) -> None:
    bad = START._replace(**wrong, raw=b"bad")

    counts = store(source, [*starts(6), bad, *starts(9)[6:]], format="radius-jsonl")

    assert counts == IngestCounts(read=10, events=9, rejected=1)
    assert bytes(Rejected.objects.get().raw) == b"bad"
    assert len(pending()) == 9


def test_a_call_id_of_ten_thousand_characters_is_taken(source: Source) -> None:
    store(source, [START._replace(call_id="x" * 10_000)], format="syslog")

    assert len(Event.objects.get().call_id) == 10_000


def test_the_source_counts_what_came_through_it(source: Source) -> None:
    store(source, [START, STOP, START, IGNORED, IGNORED, Rejection(b"x", "y")], format="syslog", received_at=NOON)
    store(source, [START], format="syslog", received_at=NOON + timedelta(hours=1))

    source.refresh_from_db()
    assert (source.events, source.duplicates, source.rejected, source.ignored) == (2, 2, 1, 2)
    assert source.last_event_at == STOP.time
    assert source.last_received_at == NOON + timedelta(hours=1)


def test_input_is_taken_batch_by_batch(source: Source) -> None:
    taken: list[int] = []
    stored_when_taken: list[int] = []

    def parsed() -> Iterator[Parsed]:
        for number, event in enumerate(starts(10)):
            taken.append(number)
            stored_when_taken.append(Event.objects.count())
            yield event

    store(source, parsed(), format="syslog", batch=4)

    assert stored_when_taken == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]


def test_progress_is_told_after_each_batch(source: Source) -> None:
    told: list[int] = []

    store(source, starts(10), format="syslog", batch=4, on_progress=lambda counts: told.append(counts.read))

    assert told == [4, 8, 10]


@pytest.mark.parametrize("count", [0, 3, 4])
def test_the_cursor_is_set_with_the_last_batch(source: Source, count: int) -> None:
    store(source, starts(count), format="syslog", batch=4, cursor={"offset": 7})

    source.refresh_from_db()
    assert source.cursor == {"offset": 7}


def test_without_a_cursor_the_source_keeps_its_own(source: Source) -> None:
    Source.objects.update(cursor={"offset": 1})

    store(source, [START], format="syslog")

    source.refresh_from_db()
    assert source.cursor == {"offset": 1}


@pytest.mark.django_db(transaction=True)
def test_the_cursor_does_not_move_without_the_events() -> None:
    source = make_source()

    def parsed() -> Iterator[Parsed]:
        yield from starts(6)
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        store(source, parsed(), format="syslog", batch=4, cursor={"offset": 7})

    source.refresh_from_db()
    assert (source.cursor, source.events, Event.objects.count()) == ({}, 4, 4)


def test_a_proxy_is_read_by_its_own_zone_version_and_layout(db: None) -> None:
    layout = FieldLayout(extras={Backend.SYSLOG: ("src_user",)})
    proxy = make_proxy(product="opensips", version="3.6.8", timezone="America/New_York", layout=layout.to_json())

    reading = reading_of(proxy, NOON)

    assert (reading.product, reading.version, reading.layout) == (Product.OPENSIPS, Version(3, 6, 8), layout)
    assert (str(reading.zone), reading.received_at) == ("America/New_York", NOON)


TEXT = st.text(st.characters(codec=None), max_size=20)
HOSTILE = st.builds(
    START._replace,
    call_id=TEXT,
    from_tag=TEXT,
    reason=TEXT,
    extra=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    code=st.integers(),
    position=st.integers(),
    time=st.datetimes(timezones=st.just(UTC)),
    raw=st.binary(max_size=20),
)


@pytest.mark.parametrize("label", ["ua\ud800", "ua\0"])
def test_a_label_that_no_database_holds_costs_no_other_event_though_it_has_no_value(source: Source, label: str) -> None:
    leg = (((label, ""), ("dst", "bob")),)
    hostile = START._replace(call_id="h", extra=((label, ""), ("x", "y")), legs=leg)

    assert store(source, [START, hostile], format="acc-json") == IngestCounts(read=2, events=2)

    shown = label.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    stored = Event.objects.get(call_id="h")
    assert (stored.extra[0], stored.legs[0][0]) == ([shown, ""], [shown, ""])
    assert store(source, [START, hostile], format="acc-json").duplicates == 2


class AnyEvents(TestCase):
    @settings(max_examples=50, deadline=None)
    @given(st.lists(HOSTILE, max_size=8), st.integers(1, 5))
    def test_every_event_is_stored_known_or_rejected(self, events: list[AccEvent], batch: int) -> None:
        source = make_source()

        first = store(source, events, format="acc-json", batch=batch)
        again = store(source, events, format="acc-json", batch=batch)

        assert first.read == first.events + first.duplicates + first.rejected == len(events)
        assert Event.objects.count() == first.events
        assert (again.events, again.rejected) == (0, first.rejected)


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_two_writers_of_the_same_events_store_them_once() -> None:
        source, other = make_source(), make_source(name="other")
        with transaction.atomic():
            store(source, starts(20), format="syslog")
            second = in_background(store, other, starts(25)[::-1], format="syslog")
            wait_until_blocked()

        assert second.result(PATIENCE) == IngestCounts(read=25, events=5, duplicates=20)
        assert Event.objects.count() == 25

    def storing(source: Source, *batches: list[Any]) -> Storing:
        made = Storing()
        for batch in batches:
            made.add(source, batch, NOON)
        made.start()
        return made

    @pytest.mark.django_db(transaction=True)
    def test_what_is_stored_while_the_caller_goes_on_is_what_would_have_been_stored() -> None:
        source, other = make_source(), make_source(proxy=make_proxy("kam2"))
        hostile = START._replace(call_id="a\0b\ud800", extra=(("ua", '"\\\n☎\0'), ("", "")), flags=("truncated",))
        dialog = START._replace(
            kind=EventKind.CDR,
            call_id="",
            legs=((("src", "a"), ("dst", 'b"')), (("src", "b"),)),
            ended_at=NOON,
            created_at=NOON,
            duration_us=1,
            position=2**40,
        )
        given = [START, hostile, dialog, START._replace(kind=EventKind.ON, call_id="")]
        store(other, given, format="syslog", received_at=NOON)
        Pending.objects.all().delete()

        counts = storing(source, given, [IGNORED, START]).finish()

        assert counts == {source.pk: IngestCounts(read=6, events=4, duplicates=1, ignored=1)}
        told = [
            [
                [
                    getattr(event, field.name)
                    for field in Event._meta.fields
                    if field.name not in ("id", "source", "proxy")
                ]
                for event in Event.objects.filter(source=one).order_by("id")
            ]
            for one in (source, other)
        ]
        assert told[0] == told[1]
        assert len(pending()) == 3
        source.refresh_from_db()
        assert (source.events, source.duplicates, source.ignored) == (4, 1, 1)
        assert (source.last_event_at, source.last_received_at) == (NOON, NOON)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        "record", [START, Rejection(b"raw", "why"), STOP._replace(code=2**31), STOP._replace(position=2**63)]
    )
    def test_where_anything_but_new_events_came_nothing_is_stored_and_it_says_no(record: Any) -> None:
        source = make_source()
        store(source, [START], format="syslog")
        Pending.objects.all().delete()

        assert storing(source, starts(3), [record]).finish() is None

        assert Event.objects.count() == 1
        assert not pending()
        source.refresh_from_db()
        assert source.events == 1

    @pytest.mark.django_db(transaction=True)
    def test_a_connection_that_breaks_meanwhile_never_claims_what_it_did_not_store() -> None:
        source = make_source()
        under_way = storing(source, starts(3))
        connection.connection.close()

        counts = under_way.finish()

        connection.close()
        stored = Event.objects.count()  # the server may have had it all before
        assert stored in (0, 3) if counts is None else stored == 3
        assert store(source, starts(3), format="syslog").read == 3
        assert Event.objects.count() == 3

    @pytest.mark.django_db
    def test_within_a_transaction_nothing_is_sent_apart_from_it() -> None:
        assert storing(make_source(), starts(3)).finish() is None
        assert not Event.objects.exists()
