"""Rejected input read again after a fix."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.events import AccEvent
from cdr.formats import radius_dictionary
from cdr.formats.raw_reader import Reread, reader_of
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.registry import FORMATS
from cdr.formats.syslog import LineParser
from cdr.models import Event, Pending, Rejected, Source
from cdr.storage.ingest import reading_of, store
from cdr.storage.replay import replay
from tests.factories import make_proxy, make_rejected, make_source
from tests.recorded_scenarios import DETAIL, DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, SYSLOG, Scenario

CAME = datetime(2026, 5, 31, 12, tzinfo=UTC)
GOOD = b"ACC: transaction answered: timestamp=%d;method=INVITE;from_tag=a;to_tag=b;call_id=%d@x;code=200;reason=OK" % (
    1780228800,
    1,
)
BAD = b"ACC: transaction answered: timestamp=soon\n"
ROW = (
    b'{"method":"INVITE","from_tag":"a","to_tag":"b","callid":"row@x","sip_code":"200","sip_reason":"OK",'
    b'"when":"2026-05-31 14:00:00"}'
)
FILES = {**SYSLOG, **SQL, **RADIUS, **DETAIL, **DIAMETER, **JSON, **EVENTS}


@pytest.fixture
def source(db: None) -> Source:
    return make_source(name="log", kind=Source.Kind.SYSLOG)


def good(number: int) -> bytes:
    return GOOD.replace(b"1@x", b"%d@x" % number)


def test_what_is_accounting_now_is_stored_as_received_when_it_came(source: Source) -> None:
    rejected = make_rejected(source=source, raw=GOOD, received_at=CAME)
    done = replay(Rejected.objects.all())
    event = Event.objects.get()
    assert (event.call_id, event.source, event.received_at) == ("1@x", source, CAME)
    assert Pending.objects.filter(call_key=event.call_key).exists()
    rejected.refresh_from_db()
    assert rejected.replayed_at is not None
    assert done.as_dict() == {"waited": 1, "taken": 1, "events": 1, "ignored": 0, "failing": 0}


def test_what_still_fails_stays_with_the_new_reason(source: Source) -> None:
    rejected = make_rejected(source=source, raw=BAD, reason="an old reason")
    done = replay(Rejected.objects.all())
    rejected.refresh_from_db()
    assert (rejected.replayed_at, done.failing, done.taken) == (None, 1, 0)
    assert "soon" in rejected.reason


def test_a_row_of_a_renamed_column_is_taken_once_the_layout_names_it(db: None) -> None:
    proxy = make_proxy(timezone="Europe/Berlin")
    tables = make_source(proxy=proxy, name="tables", kind=Source.Kind.DATABASE, settings={})
    make_rejected(source=tables, format="sql:acc", raw=ROW, reason="there is no column time")
    assert replay(Rejected.objects.all()).failing == 1
    proxy.layout = {"columns": {"time": "when"}}
    proxy.save()
    tables.settings = {"engine": "sqlite", "database": "/var/lib/kamailio.sqlite"}
    tables.save()
    assert replay(Rejected.objects.all()).events == 1
    assert Event.objects.get().time == CAME


def test_what_turned_out_to_be_no_accounting_waits_no_more(source: Source) -> None:
    make_rejected(source=source, raw=b"kernel: eth0 up\n")
    done = replay(Rejected.objects.all())
    assert (done.ignored, done.taken, Event.objects.count()) == (1, 0, 0)
    assert not Rejected.objects.filter(replayed_at=None).exists()


def test_replaying_again_changes_nothing(source: Source) -> None:
    make_rejected(source=source, raw=GOOD)
    replay(Rejected.objects.all())
    assert replay(Rejected.objects.all()).waited == 0
    assert Event.objects.count() == 1


def test_an_event_that_came_another_way_meanwhile_is_no_second_one(source: Source) -> None:
    make_rejected(source=source, raw=GOOD)
    store(source, FORMATS["syslog"](io.BytesIO(GOOD), reading_of(source.proxy, CAME)), format="syslog")
    done = replay(Rejected.objects.all())
    assert (done.taken, done.events, Event.objects.count()) == (1, 0, 1)


def test_a_source_is_not_held_for_silent_because_old_input_was_read_again(source: Source) -> None:
    now = timezone.now()
    Source.objects.update(last_received_at=now)
    make_rejected(source=source, raw=GOOD, received_at=CAME)
    replay(Rejected.objects.all())
    source.refresh_from_db()
    assert source.last_received_at == now
    assert source.events == 1


def test_an_event_that_the_database_refuses_costs_no_other(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    too_large = make_rejected(source=source, raw=good(3), format="huge")
    for number in (1, 2):
        make_rejected(source=source, raw=good(number), format="huge")

    def huge(kept_as: str, reading: Reading, dictionary: object) -> Reread:
        parse = LineParser(reading).parse

        def read(raw: bytes) -> list[Parsed]:
            event = parse(raw)
            assert isinstance(event, AccEvent)
            return [event._replace(code=2**40) if b"3@x" in raw else event]

        return read

    monkeypatch.setattr("cdr.storage.replay.reader_of", huge)
    done = replay(Rejected.objects.all())
    assert (done.waited, done.taken, done.events, done.failing) == (3, 2, 2, 1)
    too_large.refresh_from_db()
    assert too_large.reason == "the database cannot store an event of this input"
    assert Rejected.objects.count() == 3


def test_input_of_several_sources_goes_to_its_own(source: Source) -> None:
    other = make_source(proxy=make_proxy("kam2"), name="log", kind=Source.Kind.SYSLOG)
    make_rejected(source=source, raw=good(1))
    make_rejected(source=other, raw=good(2))
    replay(Rejected.objects.all())
    assert set(Event.objects.values_list("call_id", "proxy__name")) == {("1@x", "kam1"), ("2@x", "kam2")}


def test_one_may_stop_and_go_on_from_there(source: Source) -> None:
    for number in range(3):
        make_rejected(source=source, raw=good(number))
    first = replay(Rejected.objects.all(), most=2)
    assert (first.waited, first.more) == (2, True)
    rest = replay(Rejected.objects.all(), after=first.last)
    assert (rest.waited, rest.more) == (1, False)


def test_a_format_that_nothing_reads_says_so(source: Source) -> None:
    rejected = make_rejected(source=source, format="clay-tablet", raw=GOOD)
    replay(Rejected.objects.all())
    rejected.refresh_from_db()
    assert rejected.reason == "no parser for input stored as 'clay-tablet'"


def test_a_dictionary_that_is_gone_is_the_reason(db: None, tmp_path: Path) -> None:
    settings = {"clients": ["10.0.0.1"], "secret": "s3cret", "dictionary": str(tmp_path / "gone")}
    radius = make_source(name="radius", kind=Source.Kind.RADIUS, settings=settings)
    rejected = make_rejected(source=radius, format="radius", raw=b"\x04\x01\x00\x14" + bytes(16))
    replay(Rejected.objects.all())
    rejected.refresh_from_db()
    assert str(tmp_path / "gone") in rejected.reason


@pytest.mark.parametrize(
    ("scenario", "file", "kept_as"),
    [
        (scenario, file, kept_as)
        for scenario in SCENARIOS
        for file, kept_as in FILES.items()
        if scenario.bytes_of(file) is not None and scenario.name != "19s-small-soak"
    ],
    ids=str,
)
def test_the_input_kept_with_every_recorded_event_reads_as_that_event(
    scenario: Scenario, file: str, kept_as: str
) -> None:
    content, told = scenario.bytes_of(file), scenario.bytes_of("dictionary")
    assert content is not None
    # A packet that a file told beside its decoded attributes is kept by itself.
    kept_as = kept_as.removesuffix("-jsonl")
    dictionary = radius_dictionary.parse(told.decode(), lambda name: "") if told else None
    for event in FORMATS[FILES[file]](io.BytesIO(content), scenario.reading):
        if isinstance(event, AccEvent):
            reading = replace(scenario.reading, received_at=event.time)
            (again,) = reader_of(kept_as, reading, dictionary)(event.raw)
            assert again == event


class AnyInput(TestCase):
    @settings(max_examples=40)
    @given(
        raws=st.lists(st.one_of(st.binary(max_size=200), st.integers(0, 50).map(good), st.just(BAD)), max_size=12),
        kept_as=st.sampled_from([*FORMATS, "radius", "diameter", "sql:acc", "sql:missed_calls", "sql:acc_cdrs"]),
    )
    def test_whatever_waits_is_taken_or_stays_with_a_reason(self, raws: list[bytes], kept_as: str) -> None:
        source = make_source(name="any")
        for number, raw in enumerate(raws):
            make_rejected(source=source, raw=raw, format=kept_as, received_at=CAME + timedelta(seconds=number // 3))
        done = replay(Rejected.objects.all())
        assert done.waited == len(raws) == done.taken + done.ignored + done.failing
        assert Rejected.objects.filter(replayed_at=None).count() == done.failing
        assert not Rejected.objects.filter(replayed_at=None, reason="").exists()


def test_a_fault_in_reading_keeps_nothing_else_from_being_read(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> list[Rejection]:
        raise ZeroDivisionError("division by zero")

    make_rejected(source=source, raw=b"{}", format="opensips-events")
    make_rejected(source=source, raw=GOOD)
    monkeypatch.setattr("cdr.formats.opensips_events.parse_object", broken)
    done = replay(Rejected.objects.all())
    assert (done.taken, done.failing) == (1, 1)
    assert Rejected.objects.get(replayed_at=None).reason.startswith("the parser failed; please report")
