"""An operator sets up sources that lead to what is not the proxies': accweb's database, secrets, files, other hosts."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from accweb.web.models import AuditEntry
from accweb.web.roles import OPERATOR
from cdr.models import Event, Source
from cdr.models.source import reveal
from cdr.receivers.database_service import DatabaseService
from cdr.receivers.foreign_database import Unreachable
from cdr.receivers.service import Served
from cdr.sources.setting import SettingsError
from cdr.storage.dictionaries import dictionary_of
from tests.cdr.receivers.proxy_databases import SQLite
from tests.factories import NOON, make_proxy, make_source

pytestmark = pytest.mark.django_db

MAPPED = {
    "columns": {
        "method": "username",
        "from_tag": "first_name",
        "to_tag": "last_name",
        "callid": "password",
        "sip_code": "is_active",
        "sip_reason": "email",
        "time": "date_joined",
    }
}
"""Names that make any user table look like one of accounting."""


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.groups.add(Group.objects.get(name=OPERATOR))
    client.force_login(user)
    return client


def added(client: Client, kind: str, **values: str) -> str:
    data = {"proxy": str(make_proxy().pk), "name": kind, "enabled": "on"}
    data |= {f"setting_{name}": value for name, value in values.items()}
    if "confirm" in values:
        data["confirm_deletion"] = values["confirm"]
    return str(client.post(reverse("admin:cdr_source_add") + f"?kind={kind}", data, follow=True).text)


def collected(source: Source) -> Served:
    served = Served.of(source, source.parsed_settings())
    service = DatabaseService()
    service.configure([served])
    try:
        service.step(0.0)
    finally:
        service.close()
    return served


def own_address() -> dict[str, Any]:
    own = connection.settings_dict
    if connection.vendor == "sqlite":
        return {"engine": "sqlite", "database": str(own["NAME"])}
    address = {"engine": "postgresql", "server": own["HOST"], "port": own["PORT"], "database": own["NAME"]}
    return {
        name: value for name, value in {**address, "user": own["USER"], "password": own["PASSWORD"]}.items() if value
    }


@pytest.mark.parametrize("table", ["auth_user", "accweb_auditentry"])
def test_an_operator_does_not_read_accwebs_own_database(table: str) -> None:
    proxy = make_proxy(layout=MAPPED)
    AuditEntry.objects.create(at=NOON, username="ann", action=AuditEntry.Action.LOGGED_IN)
    source = make_source(
        proxy=proxy,
        kind="database",
        settings={**own_address(), "acc": table, "missed_calls": "none", "move": True},
    )
    with pytest.raises(Unreachable, match=r"accweb's own|in no folder"):
        collected(source)
    assert not Event.objects.exists()
    assert AuditEntry.objects.exists()


def test_a_link_to_accwebs_own_database_is_followed_and_refused(tmp_path: Path) -> None:
    own = tmp_path / "acc.sqlite3"
    own.symlink_to(settings.DATA_DIR / "secret-key")
    source = make_source(kind="database", settings={"engine": "sqlite", "database": str(own)})
    with pytest.raises(Unreachable, match="in no folder"):
        collected(source)


@pytest.mark.skipif(os.environ.get("TEST_DATABASE") != "postgresql", reason="the server is PostgreSQL's")
def test_an_operator_does_not_read_other_databases_of_the_own_server_with_the_own_role() -> None:
    source = make_source(kind="database", settings={**own_address(), "database": "template1"})
    with pytest.raises(Unreachable, match="accweb's rights"):
        collected(source)


def test_no_row_is_deleted_from_a_table_that_no_proxy_writes(tmp_path: Path) -> None:
    file = tmp_path / "users.sqlite3"
    with sqlite3.connect(file) as other:
        names = ", ".join(MAPPED["columns"].values())
        other.execute(f"CREATE TABLE users (id INTEGER PRIMARY KEY, {names})")
        other.execute("INSERT INTO users VALUES (1, 'INVITE', 'a', 'b', 'hash', '200', 'OK', '2026-05-01 12:00:00')")
    source = make_source(
        proxy=make_proxy(layout=MAPPED),
        kind="database",
        settings={
            "engine": "sqlite",
            "database": str(file),
            "acc": "users",
            "missed_calls": "none",
            "move": True,
        },
    )
    assert "not a proxy's accounting table" in collected(source).error
    assert sqlite3.connect(file).execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_an_operator_confirms_what_would_be_deleted(operator: Client, tmp_path: Path) -> None:
    tables = SQLite(tmp_path)
    tables.insert("1@x")
    values = {name: str(value) for name, value in tables.settings.items()} | {"move": "on"}

    assert "acc (1)" in added(operator, "database", **values)
    assert not Source.objects.exists()

    added(operator, "database", **values, confirm="on")
    assert Source.objects.get().settings["move"] is True


def test_an_operator_does_not_send_accwebs_own_secrets(operator: Client) -> None:
    html = added(operator, "database", server="203.0.113.7", database="x", password="env:SECRET_KEY")
    assert "ACCWEB_SOURCE_SECRET_NAME" in html
    assert not Source.objects.exists()
    with pytest.raises(SettingsError, match="ACCWEB_SOURCE_SECRET_NAME"):
        make_source(kind="database", settings={"database": "x", "password": "env:DATABASE_URL"}).parsed_settings()


@pytest.mark.parametrize(
    "changed",
    [{"server": "203.0.113.7"}, {"port": "5433"}, {"user": "eve"}, {"engine": "mysql"}, {"tls": "prefer"}],
)
def test_a_stored_password_does_not_go_to_a_changed_target(operator: Client, changed: dict[str, str]) -> None:
    values = {"engine": "postgresql", "server": "db.example.net", "database": "acc", "user": "ann", "tls": "require"}
    values |= {"acc": "acc", "missed_calls": "missed_calls", "acc_cdrs": "none", "port": "5432", "late_seconds": "60"}
    source = make_source(kind="database", name="database", settings={**values, "password": "hush-hush"})
    address = reverse("admin:cdr_source_change", args=[source.pk])
    data = {"proxy": str(source.proxy_id), "name": "database"}

    def posted(**entered: str) -> str:
        fields = {f"setting_{name}": value for name, value in {**values, **changed, **entered}.items()}
        return str(operator.post(address, {**data, **fields}).content.decode())

    assert "enter this again" in posted()
    source.refresh_from_db()
    assert source.settings["server"] == "db.example.net"

    posted(password="another")
    source.refresh_from_db()
    ((name, value),) = changed.items()
    assert str(source.settings[name]) == value
    assert reveal(source.parsed_settings().password) == b"another"  # type: ignore[attr-defined]


def test_a_server_that_asks_for_the_password_in_cleartext_does_not_get_it(served_once: Callable[..., Any]) -> None:
    asked = b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big")  # AuthenticationCleartextPassword
    port, received = served_once([b"N", asked])
    source = make_source(
        kind="database",
        settings={"server": "127.0.0.1", "port": port, "database": "acc", "user": "a", "password": "hush-hush"},
    )
    with pytest.raises(Unreachable, match="cleartext_password=yes"):
        collected(source)
    assert b"hush-hush" not in received()


def mysql_packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes((number,)) + body


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        (b"caching_sha2_password", b"\x01\x04"),  # full authentication
        (b"sha256_password", b"\x01-----BEGIN PUBLIC KEY-----"),
        (b"mysql_native_password", b"\xfecaching_sha2_password\0" + b"s" * 20 + b"\0"),  # a switch, then the same
    ],
)
def test_a_server_without_tls_does_not_get_the_password_encrypted_with_a_key_of_its_own(
    method: bytes, asked: bytes, served_once: Callable[..., Any]
) -> None:
    capabilities = 0x000F_F7FF & ~0x0800  # all of MySQL 5.7 but TLS
    greeting = b"\n8.0.36\0" + bytes(4) + b"s" * 8 + b"\0" + capabilities.to_bytes(4, "little")[:2] + b"\x2d\x02\0"
    greeting += capabilities.to_bytes(4, "little")[2:] + b"\x15" + bytes(10) + b"s" * 12 + b"\0" + method + b"\0"
    answers = [mysql_packet(0, greeting), mysql_packet(2, asked), mysql_packet(4, b"\x01\x04")]
    port, received = served_once(answers, speaks_first=True)
    settings = {"engine": "mysql", "server": "127.0.0.1", "port": port, "database": "acc", "user": "a"}
    source = make_source(kind="database", settings={**settings, "password": "hush-hush"})
    with pytest.raises(Unreachable, match="cleartext_password=yes"):
        collected(source)
    assert b"hush-hush" not in received()
    assert b"\x01\0\0\x03\x02" not in received()  # a request for the server's key


@pytest.fixture
def served_once() -> Any:
    """Listen at a port; to each chunk of one connection send the next answer; tell what was received."""
    listener = socket.create_server(("127.0.0.1", 0))
    chunks: list[bytes] = []
    threads: list[threading.Thread] = []

    def start(
        answers: list[bytes], *, greets: bool = False, speaks_first: bool = False
    ) -> tuple[int, Callable[[], bytes]]:
        def serve() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(20)
                for number, answer in enumerate(answers):
                    if not greets and not (speaks_first and number == 0):
                        chunks.append(accepted.recv(4096))
                    with suppress(OSError):  # the client may have hung up, which is right
                        accepted.sendall(answer)
                with suppress(OSError):
                    chunks.append(accepted.recv(4096))

        threads.append(threading.Thread(target=serve))
        threads[0].start()

        def received() -> bytes:
            threads[0].join()
            return b"".join(chunks)

        return listener.getsockname()[1], received

    yield start
    listener.close()


@pytest.mark.parametrize("name", ["/etc/passwd", "secret-key", "/proc/self/environ", "/dev/urandom"])
def test_an_operator_does_not_read_local_files_as_dictionaries(name: str) -> None:
    path = str(settings.DATA_DIR / name)
    with pytest.raises(PermissionError, match="in no folder") as caught:
        dictionary_of(path)
    assert "root:" not in str(caught.value)


def test_a_dictionary_that_includes_a_file_elsewhere_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text("$INCLUDE /etc/passwd\n")
    with pytest.raises(ValueError, match="dictionary:1: the file that") as caught:
        dictionary_of(str(tmp_path / "dictionary"))
    assert "root" not in str(caught.value)


@pytest.mark.parametrize("line", ["hush-hush", "ATTRIBUTE x hush-hush string", "BEGIN-VENDOR hush-hush"])
def test_an_error_of_a_dictionary_does_not_quote_it(line: str, tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text(f"\n{line}\n")
    with pytest.raises(ValueError, match="dictionary:2") as caught:
        dictionary_of(str(tmp_path / "dictionary"))
    assert "hush" not in str(caught.value)


def test_a_device_or_a_pipe_is_no_file_of_a_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermissionError, match="not a regular file"):
        dictionary_of(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    "server",
    ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "100.100.100.200"],
)
@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_source_does_not_connect_to_metadata_services(server: str, engine: str) -> None:
    source = make_source(kind="database", settings={"engine": engine, "server": server, "database": "acc"})
    with pytest.raises(Unreachable, match="ACCWEB_SOURCE_NETWORKS"):
        collected(source)


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_error_texts_do_not_tell_an_open_port_from_a_closed_one(engine: str, served_once: Callable[..., Any]) -> None:
    port, _ = served_once([b"220 mail.example.net ESMTP\r\n"], greets=engine == "mysql")

    def said(number: int) -> str:
        address = {"engine": engine, "server": "127.0.0.1", "port": number, "database": "acc"}
        source = make_source(kind="database", name=str(number), settings=address)
        with pytest.raises(Unreachable) as caught:
            collected(source)
        return str(caught.value)

    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    assert said(port) == said(closed)
