"""Receivers whose database is away, and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import IGNORED, Parsed, Rejection
from cdr.models import Event, Rejected, Source
from cdr.receivers import service, spooling
from cdr.receivers.service import Batch, Hold, Served, commit
from cdr.receivers.spool import SpoolFull
from cdr.receivers.spool_files import spool_files
from cdr.receivers.spooling import Spooling
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_source

MIB = 1 << 20
TEXT = st.text(st.characters(codec=None), max_size=20)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
EVENTS = st.builds(
    AccEvent,
    kind=st.sampled_from(EventKind),
    method=TEXT,
    from_tag=TEXT,
    to_tag=TEXT,
    call_id=TEXT,
    code=st.integers(0, 2**70),
    reason=TEXT,
    time=MOMENTS,
    precision=st.integers(1, 10**9),
    backend=st.sampled_from(Backend),
    extra=PAIRS,
    legs=st.lists(PAIRS, max_size=2).map(tuple),
    ended_at=st.none() | MOMENTS,
    duration_us=st.none() | st.integers(0, 2**40),
    created_at=st.none() | MOMENTS,
    position=st.integers(0, 9),
    flags=st.lists(TEXT, max_size=2).map(tuple),
    raw=st.binary(max_size=40),
)
REJECTIONS = st.builds(Rejection, st.binary(max_size=40), TEXT)


def event(call_id: str) -> AccEvent:
    time = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return AccEvent(
        EventKind.ANSWERED, "INVITE", "f", "t", call_id, 200, "OK", time, 1, Backend.SYSLOG, raw=call_id.encode()
    )


def seen() -> list[str]:
    return sorted(Event.objects.values_list("call_id", flat=True))


class SwitchedDatabase:
    """Says whether the database answers, and has storing fail while it does not."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = None
        self.attempts = 0
        self._store = service.store
        patch.setattr(service, "store", self._stored)

    def answers(self) -> bool:
        return self.error is None

    def _stored(self, *arguments: object, **named: object) -> object:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        return self._store(*arguments, **named)  # type: ignore[arg-type]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> SwitchedDatabase:
    monkeypatch.setattr(service, "close_connection", lambda: None)  # the test's transaction
    monkeypatch.setattr(spooling, "close_connection", lambda: None)
    return SwitchedDatabase(monkeypatch)


@pytest.fixture
def spools(database: SwitchedDatabase, tmp_path: Path) -> Iterator[Spooling]:
    made = Spooling(tmp_path / "spool", MIB, answers=database.answers, retry=0.0)
    yield made
    made.close()


@pytest.fixture
def served(spools: Spooling) -> Served:
    made = Served.of(make_source(kind=Source.Kind.SYSLOG), None)  # type: ignore[arg-type]  # nothing asks its settings
    made.spooling = spools
    return made


def take(served: Served, *parsed: Parsed) -> None:
    commit([Batch(served, parsed, "syslog")])


@given(st.lists(EVENTS | REJECTIONS, max_size=4))
def test_what_is_read_from_a_spool_is_what_was_written(parsed: list[AccEvent | Rejection]) -> None:
    written = [spooling._as_json(one) for one in parsed]
    again = json.loads(json.dumps(written))
    assert [spooling._from_json(one) for one in again] == parsed


@pytest.mark.django_db
def test_no_spool_is_opened_as_long_as_the_database_stores(served: Served, spools: Spooling, tmp_path: Path) -> None:
    take(served, event("a@x"))
    assert spools.drain([served]) == 0
    assert (seen(), list(tmp_path.iterdir())) == (["a@x"], [])


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
@pytest.mark.parametrize("way", [commit, "hold"])
def test_what_comes_while_the_database_is_away_is_stored_once_when_it_is_back(
    error: type[Exception], way: object, served: Served, spools: Spooling, database: SwitchedDatabase
) -> None:
    def take_both(call_id: str) -> None:
        if way == "hold":
            hold = Hold("syslog")
            hold.add(served, event(call_id))
            hold.start()
            hold.finish()
        else:
            take(served, event(call_id), Rejection(b"nonsense", "why"), IGNORED)

    database.error = error("away")
    take_both("a@x")
    take_both("b@x")
    assert (seen(), served.spool_bytes > 0) == ([], True)
    assert served.spool_since is not None
    assert datetime.now(UTC) - served.spool_since < timedelta(minutes=5)
    database.error = None
    take(served, event("c@x"))
    assert seen() == ["c@x"]
    while spools.drain([served]):
        pass
    assert (seen(), served.spool_bytes, served.spool_since) == (["a@x", "b@x", "c@x"], 0, None)
    assert Rejected.objects.count() == (0 if way == "hold" else 1)


@pytest.mark.django_db
def test_a_spool_that_was_stored_before_a_kill_is_stored_once(
    served: Served, spools: Spooling, database: SwitchedDatabase, tmp_path: Path
) -> None:
    database.error = OperationalError("away")
    take(served, event("a@x"), Rejection(b"nonsense", "why"))
    file = tmp_path / "spool" / f"source-{served.source.pk}.spool"
    spooled = file.read_bytes()
    database.error = None
    assert not spools.is_away()
    spools.drain([served])
    assert not file.exists()
    file.write_bytes(spooled)  # as a kill before the cursor was on disk leaves it
    again = Spooling(tmp_path / "spool", MIB, retry=0.0)
    assert again.drain([served]) == 2
    assert (seen(), Rejected.objects.count()) == (["a@x"], 1)


@pytest.mark.django_db
def test_while_the_database_is_away_it_is_not_tried_for_each_batch(
    served: Served, database: SwitchedDatabase, tmp_path: Path
) -> None:
    served.spooling = Spooling(tmp_path / "spool", MIB, answers=database.answers, retry=3600.0)
    database.error = OperationalError("away")
    for number in range(5):
        take(served, event(f"{number}@x"))
    assert database.attempts == 1


@pytest.mark.django_db
def test_a_full_spool_takes_nothing_and_the_source_says_so(
    served: Served, database: SwitchedDatabase, tmp_path: Path
) -> None:
    served.spooling = Spooling(tmp_path / "spool", 600, answers=database.answers)
    database.error = OperationalError("away")
    take(served, event("a@x"))
    with pytest.raises(SpoolFull, match=r"is full .* raise ACCWEB_SPOOL_MEGABYTES"):
        take(served, event("b@x"))
    assert served.refused == {"times that the spool was full": 1}


@pytest.mark.django_db
def test_a_fault_of_the_input_is_not_taken_for_an_outage(served: Served, database: SwitchedDatabase) -> None:
    database.error = IntegrityError("the source was deleted")
    with pytest.raises(IntegrityError):
        take(served, event("a@x"))
    assert served.spool_bytes == 0


@pytest.mark.django_db
def test_a_spool_that_cannot_be_drained_says_so_and_keeps_nothing_else_up(
    served: Served, spools: Spooling, database: SwitchedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.error = OperationalError("away")
    take(served, event("a@x"))
    database.error = None
    take(served, event("b@x"))
    monkeypatch.setattr(spooling, "_deserialized", lambda *_: (_ for _ in ()).throw(ValueError("odd")))
    assert spools.drain([served]) == 0
    assert served.spool_error == "the spool cannot be drained: odd"
    take(served, event("c@x"))
    assert seen() == ["b@x", "c@x"]
    monkeypatch.undo()
    assert spools.drain([served]) == 1
    assert (seen(), served.spool_error) == (["a@x", "b@x", "c@x"], "")


@pytest.mark.django_db
def test_what_waits_can_be_read_from_the_folder_alone(
    served: Served, spools: Spooling, database: SwitchedDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spool"
    assert list(spool_files(folder)) == []
    database.error = OperationalError("away")
    take(served, event("a@x"))
    (found,) = spool_files(folder)
    assert (found.source, found.waiting, found.is_full) == (served.source.pk, served.spool_bytes, False)
    assert found.since == served.spool_since
    assert f"{served.source}: 0.0 MiB of 1 wait in the spool" in caplog.text
    database.error = None
    take(served, event("b@x"))
    while spools.drain([served]):
        pass
    assert list(spool_files(folder)) == []


@pytest.mark.django_db
def test_a_full_spool_is_marked_until_some_of_it_is_stored(
    served: Served, spools: Spooling, database: SwitchedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.error = OperationalError("away")
    take(served, event("a@x"))
    monkeypatch.setattr(spools._spools[served.source.pk], "_limit", 10)
    with pytest.raises(SpoolFull):
        take(served, event("b@x"))
    assert next(spool_files(tmp_path / "spool")).is_full
    database.error = None
    take(served, event("b@x"))
    while spools.drain([served]):
        pass
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.django_db
def test_a_database_that_is_too_slow_for_much_at_once_is_given_less(
    served: Served, spools: Spooling, database: SwitchedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.error = OperationalError("away")
    for number in range(20):
        take(served, event(f"{number}@x"))
    database.error = None
    store_batches = spooling.store_batches

    def slow(batches: list[Batch]) -> None:
        if len(batches) > 3:
            raise OperationalError("the database did not answer in time")
        store_batches(batches)

    monkeypatch.setattr(spooling, "store_batches", slow)
    assert not spools.is_away()
    for _ in range(50):
        spools.drain([served])
    assert (len(seen()), served.spool_bytes) == (20, 0)
