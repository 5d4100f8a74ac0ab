"""Rows of a proxy's own database become events, whatever the database, and none is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cdr.calls.correlate import correlate_pending
from cdr.models import Call, Event, Receiver, Rejected, Source
from cdr.receivers import database_service
from cdr.receivers.database_service import DatabaseService
from cdr.receivers.foreign_database import Unreachable
from cdr.receivers.serving import serve
from cdr.sources.setting import SettingsError
from cdr.sources.tables import DatabaseSource
from cdr.storage.ingest import IngestCounts
from tests import servers
from tests.background import in_background
from tests.cdr.receivers.database_receivers import Reader, call_ids
from tests.cdr.receivers.proxy_databases import MariaDB, PostgreSQL, ProxyDatabase, SQLite, write
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receive(receivers: list[Reader], database: ProxyDatabase) -> Any:
    def make(**settings: Any) -> Reader:
        receivers.append(Reader(database, settings))
        return receivers[-1]

    return make


def test_rows_of_both_tables_become_a_call(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive()
    database.insert("1@x", table="missed_calls", sip_code="486", sip_reason="Busy Here", to_tag="")
    database.insert("1@x")
    database.insert("1@x", method="BYE", time="2026-05-01 12:00:42")

    assert receiver.collect() == 3, receiver.served.error

    correlate_pending()
    call = Call.objects.get()
    assert (call.state, call.duration, call.attempts.get().code) == ("completed", timedelta(seconds=42), 486)
    assert receiver.served.error == ""


def test_rows_are_read_once_even_after_a_restart(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive()
    database.insert("1@x")
    receiver.collect()
    assert receiver.collect() == 0

    receiver.restart()
    database.insert("2@x")

    assert receiver.collect() == 1
    assert receiver.served.counts == IngestCounts(read=1, events=1)


def test_many_rows_are_read_in_portions(receive: Any, database: ProxyDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdr.receivers.growing_table.BATCH", 2)
    receiver = receive()
    for number in range(5):
        database.insert(f"{number}@x")

    assert [receiver.collect() for _ in range(4)] == [2, 2, 1, 0]


def test_a_column_that_appears_is_an_extra_from_then_on(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive()
    database.insert("1@x")
    receiver.collect()
    database.run(f"ALTER TABLE {database.prefix}acc ADD COLUMN src_user VARCHAR(64)")
    database.insert("2@x", src_user="O\u0142a")

    assert receiver.collect() == 1
    assert Event.objects.get(call_id="2@x").extra == [["src_user", "O\u0142a"]]


def test_dialogs_are_read_where_their_table_is_named(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive(acc_cdrs=f"{database.prefix}acc_cdrs", acc="none", missed_calls="none")
    database.run(
        f"INSERT INTO {database.prefix}acc_cdrs (start_time, end_time, duration, callid)"
        " VALUES ('2026-05-01 12:00:00', '2026-05-01 12:00:42', 42.5, 'dialog@x')"
    )

    assert receiver.collect() == 1
    event = Event.objects.get()
    assert (event.kind, event.call_id, event.duration_us) == ("cdr", "dialog@x", 42_500_000)


def test_moving_deletes_what_was_stored_and_nothing_else(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive(move="yes")
    database.insert("1@x")
    database.insert("2@x", sip_code="2x0")

    assert receiver.collect() == 2
    database.insert("3@x")

    assert database.rows(f"SELECT callid FROM {database.prefix}acc") == [("3@x",)]
    assert (call_ids(), Rejected.objects.count()) == (["1@x"], 1)


def test_a_move_that_was_cut_short_is_completed(
    receive: Any, database: ProxyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = receive(move="yes")
    database.insert("1@x")
    with monkeypatch.context() as cut:
        cut.setattr(receiver.service._database, "delete", fail)
        with pytest.raises(Unreachable):
            receiver.collect()
    assert call_ids() == ["1@x"]

    receiver.collect()

    assert database.rows(f"SELECT callid FROM {database.prefix}acc") == []
    assert call_ids() == ["1@x"]


def fail(*_: Any) -> None:
    raise Unreachable("gone")


def test_a_table_that_is_not_there_is_named_and_costs_no_other(receive: Any, database: ProxyDatabase) -> None:
    receiver = receive(missed_calls="nowhere")
    database.insert("1@x")

    assert receiver.collect() == 1
    assert "table nowhere" in receiver.served.error


def test_a_table_without_a_core_column_is_named(receive: Any, database: ProxyDatabase) -> None:
    database.create("renamed", "callid VARCHAR(255)")
    receiver = receive(missed_calls=f"{database.prefix}renamed")
    database.insert("1@x")
    database.run(f"INSERT INTO {database.prefix}renamed (callid) VALUES ('x')")

    assert receiver.collect() == 1
    assert "there is no column method" in receiver.served.error
    database.run(f"DROP TABLE {database.prefix}renamed")
    database.create("renamed")
    receiver.collect()
    assert receiver.served.error == ""


def test_columns_may_have_other_names(database: ProxyDatabase, receivers: list[Reader]) -> None:
    database.insert("1@x", sip_code="202")
    database.run(f"ALTER TABLE {database.prefix}acc RENAME COLUMN sip_code TO reply")
    database.run(f"ALTER TABLE {database.prefix}acc RENAME COLUMN id TO number")
    layout = {"columns": {"sip_code": "reply", "id": "number"}}
    receivers.append(Reader(database, {"missed_calls": "none"}, layout=layout))

    assert receivers[0].collect() == 1
    assert Event.objects.get().code == 202


def test_times_are_those_of_the_proxys_clock(database: ProxyDatabase, receivers: list[Reader]) -> None:
    receivers.append(Reader(database, {}, timezone="America/New_York"))
    database.insert("1@x")

    receivers[0].collect()

    noon = datetime(2026, 5, 1, 16, tzinfo=UTC)
    assert (Event.objects.get().time, receivers[0].served.newest) == (noon, noon)


def test_a_table_of_each_month_is_followed(
    receive: Any, database: ProxyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return at

    monkeypatch.setattr(database_service, "datetime", Clock)
    receiver = receive(acc=f"{database.prefix}acc_%Y_%m")
    database.create("acc_2026_09")
    database.insert("september@x", table="acc_2026_09")
    at = datetime(2026, 9, 30, 12, tzinfo=UTC)
    assert receiver.collect() == 1

    at = datetime(2026, 11, 15, tzinfo=UTC)  # long after: the months between are caught up with
    for month in ("10", "11"):
        database.create(f"acc_2026_{month}")
        database.insert(f"{month}@x", table=f"acc_2026_{month}")
    database.insert("late@x", table="acc_2026_09")
    assert receiver.collect() == 3, receiver.served.error
    database.insert("late10@x", table="acc_2026_10")

    assert receiver.collect() == 1
    assert receiver.served.error == ""


def test_rows_of_transactions_held_open_are_read_when_they_end(server: ProxyDatabase, receivers: list[Reader]) -> None:
    receivers.append(Reader(server, {}))
    held, failing = server.connect(), server.connect()
    write(held, f"{server.prefix}acc", "1@x")
    write(failing, f"{server.prefix}acc", "2@x")
    server.insert("3@x")
    assert receivers[0].collect() == 1
    receivers[0].restart()
    held.commit()
    failing.rollback()
    server.insert("4@x")

    assert receivers[0].collect() == 2

    assert call_ids() == ["1@x", "3@x", "4@x"]
    held.close()
    failing.close()


def test_no_row_of_many_concurrent_writers_is_lost(server: ProxyDatabase, receivers: list[Reader]) -> None:
    receiver = Reader(server, {})
    receivers.append(receiver)

    def write_many(writer_number: int) -> list[str]:
        chance, written = random.Random(writer_number), []
        writer = server.connect()
        for number in range(40):
            call_ids = [f"{writer_number}-{number}-{row}@x" for row in range(chance.randint(1, 3))]
            for call_id in call_ids:
                write(writer, f"{server.prefix}acc", call_id)
                time.sleep(chance.random() / 200)
            if chance.random() < 0.2:
                writer.rollback()
            else:
                writer.commit()
                written += call_ids
        writer.close()
        return written

    writers = [in_background(write_many, number) for number in range(4)]
    while not all(writer.done() for writer in writers):
        receiver.collect()
    written = sorted(call_id for writer in writers for call_id in writer.result())
    while receiver.collect():
        pass

    assert call_ids() == written
    assert Source.objects.get().duplicates == 0


def test_a_lost_connection_is_said_and_made_again(server: ProxyDatabase, receivers: list[Reader]) -> None:
    receiver = Reader(server, {})
    receivers.append(receiver)
    receiver.collect()
    lose(receiver, server)
    server.insert("1@x")

    with pytest.raises(Unreachable, match=f"{server.engine} database"):
        receiver.collect()

    assert receiver.collect() == 1


def lose(receiver: Reader, server: ProxyDatabase) -> None:
    """Have the server end the receiver's connection."""
    connection: Any = receiver.service._database._connection  # type: ignore[union-attr]
    if isinstance(server, PostgreSQL):
        server.rows(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 10000)")
    else:
        server.run(f"KILL {connection.thread_id()}")


@pytest.fixture
def reader(server: ProxyDatabase) -> Iterator[dict[str, str]]:
    """A user who may read and nothing else."""
    name = f"reader_{os.getpid()}"
    server.allow_to_read(name, "pass word")
    yield {"user": name, "password": "pass word"}
    server.forget(name)


def test_the_right_to_read_is_enough(server: ProxyDatabase, reader: dict[str, str], receivers: list[Reader]) -> None:
    receivers.append(Reader(server, reader))
    server.insert("1@x")

    assert receivers[0].collect() == 1
    receivers[0].service.close()


def test_without_the_right_to_delete_a_move_says_so(
    server: ProxyDatabase, reader: dict[str, str], receivers: list[Reader]
) -> None:
    receivers.append(Reader(server, reader | {"move": "yes"}))
    server.insert("1@x")
    receivers[0].collect()

    assert "denied" in receivers[0].served.error
    assert call_ids() == ["1@x"]
    receivers[0].service.close()


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2461162.0833333333", datetime(2026, 5, 1, 14, tzinfo=UTC)),  # Kamailio: a Julian day of local time
        ("2461162", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("1777636800", datetime(2026, 5, 1, 12, tzinfo=UTC)),  # OpenSIPS: seconds since 1970
    ],
)
def test_the_numbers_that_proxies_write_for_times_into_sqlite_are_read(
    time: str, moment: datetime, tmp_path: Path, receivers: list[Reader]
) -> None:
    database = SQLite(tmp_path)
    receivers.append(Reader(database, {"acc_cdrs": "acc_cdrs"}))
    database.insert("1@x")
    database.run(f"UPDATE acc SET time = {time}")
    database.run(f"INSERT INTO acc_cdrs (start_time, end_time, duration) VALUES ({time}, {time} + 0.25, 21600.0)")

    receivers[0].collect()

    assert sorted(Event.objects.values_list("time", flat=True)) == [moment, moment]
    assert not Rejected.objects.exists()


def test_text_that_is_no_utf8_is_made_visible(tmp_path: Path, receivers: list[Reader]) -> None:
    database = SQLite(tmp_path)
    receivers.append(Reader(database, {}))
    database.insert("1@x")
    database.run("UPDATE acc SET sip_reason = CAST(x'4f4bff' AS text)")

    assert receivers[0].collect() == 1
    assert Event.objects.get().reason == r"OK\xff"


@pytest.mark.parametrize(
    ("encoding", "written", "shown"),
    [
        ("SQL_ASCII", b"Gr\xfc\xdfe", r"Gr\xfc\xdfe"),
        ("SQL_ASCII", "Grüße".encode(), "Grüße"),
        ("LATIN1", b"Gr\xfc\xdfe", "Grüße"),
        ("EUC_JP", b"\xc6\xfc", "日"),
        ("EUC_JP", b"\x8f\xf3\xf3", r"\x8f齠"),  # the server knows no UTF-8 for it
    ],
)
def test_no_byte_of_a_postgresql_database_stops_its_source(
    encoding: str, written: bytes, shown: str, postgresql_url: str, receivers: list[Reader]
) -> None:
    database = PostgreSQL(postgresql_url, encoding)
    database.run("SET client_encoding TO SQL_ASCII")
    database.run(f'ALTER TABLE {database.prefix}acc ADD COLUMN "src_user" VARCHAR(64)')
    database.insert("1@x")
    with database.writer.cursor() as cursor:
        cursor.execute(b"UPDATE " + f"{database.prefix}acc SET src_user = '".encode() + written + b"'")
    database.writer.commit()
    database.insert("2@x")
    receivers.append(Reader(database, {}))

    assert receivers[0].collect() == 2
    assert Event.objects.get(call_id="1@x").extra == [["src_user", shown]]
    receivers[0].service.close()
    database.close()


@pytest.mark.parametrize(("charset", "written"), [("latin1", "4772fcdf65"), ("utf8mb3", "4772c3bcc39f65")])
def test_text_in_any_character_set_of_mariadb_is_read(
    charset: str, written: str, mariadb_socket: Path, receivers: list[Reader]
) -> None:
    database = MariaDB(mariadb_socket)
    database.run(f"ALTER TABLE acc CONVERT TO CHARACTER SET {charset}")
    database.insert("1@x")
    database.run(f"UPDATE acc SET sip_reason = x'{written}'")
    receivers.append(Reader(database, {}))

    assert receivers[0].collect() == 1
    assert Event.objects.get().reason == "Grüße"
    database.close()


def test_a_database_that_does_not_answer_is_tried_again_and_said_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "later.sqlite3"
    settings = {"engine": "sqlite", "database": str(file)}
    source = Source.objects.create(proxy=make_proxy(), name="tables", kind=Source.Kind.DATABASE, settings=settings)
    said: list[str] = []
    deadline = time.monotonic() + servers.PATIENCE

    def stop() -> bool:
        assert time.monotonic() < deadline, said
        source.refresh_from_db()
        receiver = Receiver.objects.filter(source=source).first()
        if receiver is not None and receiver.state == Receiver.ReceiverState.RETRYING and not said:
            said.extend((receiver.error, source.error))
            made = SQLite(tmp_path)
            made.run("PRAGMA journal_mode = WAL")
            made.insert("1@x")
            made.close()
            Path(made.file).rename(file)
        return (
            bool(said)
            and receiver is not None
            and receiver.state == Receiver.ReceiverState.RUNNING
            and not source.error
        )

    serve(f"database {source.pk}", DatabaseService, stop)

    assert [f"{file}: No such file" in one for one in said] == [True, True]
    assert call_ids() == ["1@x"]


def test_a_password_that_cannot_be_had_is_said(database: ProxyDatabase, receivers: list[Reader]) -> None:
    receivers.append(Reader(database, {"password": "env:ACCWEB_SOURCE_SECRET_NOT_SET"}))

    assert "ACCWEB_SOURCE_SECRET_NOT_SET is not set" in receivers[0].served.setup_error
    assert receivers[0].collect() == 0


def test_the_password_is_sealed_and_in_no_message(database: ProxyDatabase, receivers: list[Reader]) -> None:
    receiver = Reader(database, {"password": "s3cret-word"})
    receivers.append(receiver)

    assert "s3cret" not in str(Source.objects.get().settings)
    assert receiver.service._database._password == "s3cret-word"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"engine": "sqlite", "database": "acc.db"}, "not the absolute path of an SQLite file"),
        ({"engine": "oracle", "database": "x"}, "use postgresql or mysql or sqlite"),
        ({"acc": "none", "missed_calls": "none", "database": "x"}, "no table is left to be read"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        DatabaseSource.parse(settings)
