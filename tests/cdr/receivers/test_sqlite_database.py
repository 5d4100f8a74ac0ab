"""A proxy's SQLite file: locks, write-ahead logs and warnings of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cdr.models import Receiver, Source
from cdr.receivers import growing_table
from cdr.receivers.database_service import DatabaseService
from cdr.receivers.foreign_database import Unreachable
from cdr.receivers.serving import serve
from cdr.storage.ingest import IngestCounts, store
from tests import servers
from tests.cdr.receivers.database_receivers import Reader, call_ids
from tests.cdr.receivers.proxy_databases import ProxyDatabase, SQLite, write
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, receivers: list[Reader]) -> None:
    database = SQLite(tmp_path)
    receivers.append(Reader(database, {"database": str(tmp_path / "nowhere")}))

    with pytest.raises(Unreachable, match="nowhere: No such file"):
        receivers[0].collect()


def test_a_file_that_is_locked_while_it_is_read_is_warned_of_until_its_mode_is_changed(
    tmp_path: Path, receivers: list[Reader]
) -> None:
    database = SQLite(tmp_path)
    receivers.append(Reader(database, {}))
    database.insert("1@x")

    assert receivers[0].collect() == 1
    served = receivers[0].served
    assert f"sqlite3 '{database.file}' 'PRAGMA journal_mode=WAL'" in served.warning
    assert served.error == ""

    database.run("PRAGMA journal_mode = WAL")
    database.insert("2@x")

    assert receivers[0].collect() == 1
    assert served.warning == ""
    database.close()


def test_of_no_other_database_there_is_a_warning(server: ProxyDatabase, receivers: list[Reader]) -> None:
    receivers.append(Reader(server, {}))

    receivers[0].collect()

    assert receivers[0].served.warning == ""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_is_not_locked_while_its_rows_are_stored(
    mode: str, tmp_path: Path, receivers: list[Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = SQLite(tmp_path)
    database.run(f"PRAGMA journal_mode = {mode}")
    database.insert("1@x")
    receivers.append(Reader(database, {}))

    def write_while_storing(*given: Any, **named: Any) -> IngestCounts:
        database.run("PRAGMA busy_timeout = 0")  # as Kamailio's db_sqlite
        database.insert("2@x")
        return store(*given, **named)

    with monkeypatch.context() as storing:
        storing.setattr(growing_table, "store", write_while_storing)
        assert receivers[0].collect() == 1
    assert receivers[0].collect() == 1
    assert call_ids() == ["1@x", "2@x"]
    database.close()


def test_a_transaction_of_the_proxy_that_lasts_keeps_nobody_from_reading(file: SQLite, receivers: list[Reader]) -> None:
    receivers.append(Reader(file, {}))
    file.insert("1@x")
    held = file.connect()
    write(held, "acc", "2@x")

    assert receivers[0].collect() == 1
    held.commit()
    held.close()

    assert receivers[0].collect() == 1


def test_a_log_is_not_begun_where_the_proxy_has_none(file: SQLite, receivers: list[Reader]) -> None:
    receivers.append(Reader(file, {}))
    file.insert("1@x")
    file.close()
    folder = Path(file.file).parent
    assert list(folder.iterdir()) == [Path(file.file)]

    assert receivers[0].collect() == 1
    assert receivers[0].served.warning == ""
    assert list(folder.iterdir()) == [Path(file.file)]

    file.writer = file.connect()
    file.insert("2@x")
    assert receivers[0].collect() == 1
    assert call_ids() == ["1@x", "2@x"]


def test_a_warning_is_shown_and_the_source_is_well(tmp_path: Path) -> None:
    database = SQLite(tmp_path)
    database.insert("1@x")
    source = Source(proxy=make_proxy(), name="tables", kind=Source.Kind.DATABASE, settings=database.settings)
    source.save()
    deadline = time.monotonic() + servers.PATIENCE
    told: list[str] = []

    def stop() -> bool:
        assert time.monotonic() < deadline, told
        source.refresh_from_db()
        receiver = Receiver.objects.filter(source=source).first()
        if receiver is not None and source.error:
            told.append(receiver.summary(datetime.now(UTC)))
            assert receiver.is_healthy(datetime.now(UTC))
        return bool(told)

    serve(f"database {source.pk}", DatabaseService, stop)

    assert "is delete, so it is locked while it is read" in source.error
    assert told[0].startswith("running  ")
    assert "warning: the proxy may lose rows" in told[0]
    database.close()
