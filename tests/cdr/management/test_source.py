from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdr.models import Source
from cdr.models.source import reveal
from tests.factories import make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def proxys_file(tmp_path: Path) -> Path:
    """An SQLite file of a proxy with two rows in ``acc``."""
    file = tmp_path / "acc.sqlite3"
    core = "id integer primary key, method, from_tag, to_tag, callid, sip_code, sip_reason, time"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE acc ({core})")
        database.executemany("INSERT INTO acc (callid) VALUES (?)", [("a@x",), ("b@x",)])
    return file


def add_moving(file: Path, *options: str) -> None:
    given = ("engine=sqlite", f"database={file}", "missed_calls=none", "move=yes")
    assignments = [option for one in given for option in ("--set", one)]
    call_command("source", "add", "--proxy", "kam1", "--kind", "database", *assignments, *options, stdout=StringIO())


def test_rows_are_deleted_only_after_it_was_said_which(proxys_file: Path) -> None:
    make_proxy()
    with pytest.raises(CommandError, match=r"would be deleted once they are read: acc \(2\); add --yes"):
        add_moving(proxys_file)
    assert not Source.objects.exists()
    add_moving(proxys_file, "--yes")
    assert Source.objects.get().settings["move"] == "yes"


def test_a_person_at_a_terminal_is_asked_before_rows_are_deleted(
    proxys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_proxy()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []
    answers = iter(["", "y"])
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or next(answers))
    with pytest.raises(CommandError, match="nothing was changed"):
        add_moving(proxys_file)
    add_moving(proxys_file)
    assert "acc (2)" in asked[0]
    assert Source.objects.exists()


def test_what_deletes_already_may_be_changed_in_other_ways(proxys_file: Path) -> None:
    make_proxy()
    add_moving(proxys_file, "--yes")
    call_command("source", "set", "kam1/database", "late_seconds=60", stdout=StringIO())
    with pytest.raises(CommandError, match="would be deleted"):
        call_command("source", "set", "kam1/database", "acc=none", "missed_calls=acc", stdout=StringIO())
    assert "acc" not in Source.objects.get().settings


def test_what_would_be_deleted_must_be_told_first(tmp_path: Path) -> None:
    make_proxy()
    with pytest.raises(CommandError, match="cannot be told"):
        add_moving(tmp_path / "missing.sqlite3")
    assert not Source.objects.exists()


def test_a_source_belongs_to_a_proxy_and_has_the_name_of_its_kind() -> None:
    make_proxy()
    call_command("source", "add", "--proxy", "kam1", "--kind", "http", stdout=StringIO())
    source = Source.objects.get()
    assert (str(source), source.kind, source.enabled) == ("kam1/http", Source.Kind.HTTP, True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL can be written to by proxies")
def test_a_mirror_in_a_database_that_no_proxy_can_write_to_is_refused_in_one_line() -> None:
    make_proxy()
    with pytest.raises(CommandError, match="cannot write to accweb's SQLite database") as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "mirror")
    assert ("\n" not in str(refusal.value), Source.objects.exists()) == (True, False)


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    make_proxy()
    with pytest.raises(CommandError, match="unknown kind 'carrier-pigeon'; use import or mirror or syslog") as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "carrier-pigeon")
    assert refusal.value.returncode == 2


def test_an_unknown_proxy_is_refused() -> None:
    with pytest.raises(CommandError, match=r"unknown proxy 'kam9' \(known: none\)"):
        call_command("source", "add", "--proxy", "kam9", "--kind", "mirror")


def test_a_second_source_of_the_same_name_is_refused() -> None:
    make_source(name="http", kind=Source.Kind.HTTP)
    with pytest.raises(CommandError) as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "http")
    assert "\n" not in str(refusal.value)
    assert Source.objects.count() == 1


def test_the_list_shows_what_came_through_each_source() -> None:
    make_source(events=7, rejected=1, error="connection refused\nand more")
    out = StringIO()
    call_command("source", "list", stdout=out)
    assert out.getvalue() == (
        "kam1/import  import  7 events  0 duplicates  1 rejected  0 ignored  last received never  "
        "error: connection refused\n"
    )


def test_settings_are_checked_when_a_source_is_added() -> None:
    make_proxy()
    with pytest.raises(CommandError, match="listen: 'everywhere' is not a valid listen address") as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "syslog", "--set", "listen=everywhere")
    assert refusal.value.returncode == 2
    assert not Source.objects.exists()


def test_a_secret_is_kept_sealed_and_never_shown() -> None:
    make_proxy()
    given = ("--set", "secret=testing123", "--set", "clients=10.0.0.0/8")
    call_command("source", "add", "--proxy", "kam1", "--kind", "radius", *given, stdout=StringIO())
    source = Source.objects.get()
    assert "testing123" not in str(source.settings)
    assert reveal(source.parsed_settings().secret) == b"testing123"  # type: ignore[attr-defined]
    out = StringIO()
    call_command("source", "show", "kam1/radius", stdout=out)
    assert "secret=(secret)" in out.getvalue()
    assert "testing123" not in out.getvalue()


def test_a_secret_may_be_left_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCWEB_SOURCE_SECRET_RADIUS", "s3cret")
    source = make_source(kind="radius", settings={"secret": "env:ACCWEB_SOURCE_SECRET_RADIUS", "clients": ["10.0.0.1"]})
    assert reveal(source.parsed_settings().secret) == b"s3cret"  # type: ignore[attr-defined]
    monkeypatch.delenv("ACCWEB_SOURCE_SECRET_RADIUS")
    with pytest.raises(LookupError, match="ACCWEB_SOURCE_SECRET_RADIUS is not set"):
        reveal(source.parsed_settings().secret)  # type: ignore[attr-defined]


def test_a_token_is_made_where_none_is_given_and_shown_once() -> None:
    make_proxy()
    out = StringIO()
    call_command("source", "add", "--proxy", "kam1", "--kind", "http", stdout=out)
    token = out.getvalue().split("not shown again: ")[1].strip()
    assert reveal(Source.objects.get().parsed_settings().token).decode() == token  # type: ignore[attr-defined]


def test_one_setting_is_changed_and_the_others_stay() -> None:
    make_source(name="syslog", kind="syslog", settings={"listen": "127.0.0.1:5514", "senders": ["kam1"]})
    call_command("source", "set", "kam1/syslog", "senders=kam1@10.0.0.5 10.1.0.0/16", stdout=StringIO())
    settings = Source.objects.get().parsed_settings()
    assert [str(sender) for sender in settings.senders] == ["kam1@10.0.0.5/32", "10.1.0.0/16"]  # type: ignore[attr-defined]
    assert str(settings.listen) == "127.0.0.1:5514"  # type: ignore[attr-defined]


def test_a_source_is_switched_off_and_on() -> None:
    make_source(name="mirror", kind="mirror")
    call_command("source", "disable", "kam1/mirror", stdout=StringIO())
    assert not Source.objects.get().enabled
    call_command("source", "enable", "kam1/mirror", stdout=StringIO())
    assert Source.objects.get().enabled


def test_a_source_that_events_came_through_stays() -> None:
    make_event(source=make_source(name="mirror", kind="mirror"))
    with pytest.raises(CommandError, match="kam1/mirror has events and cannot be removed"):
        call_command("source", "remove", "kam1/mirror")


def test_the_kinds_are_listed_with_what_can_be_set() -> None:
    out = StringIO()
    call_command("source", "kinds", stdout=out)
    assert (
        "  clients: addresses and networks of the proxies that use this secret; empty: the addresses of the"
        in out.getvalue()
    )


def test_rejected_input_of_a_proxy_is_read_again_and_told_by_source() -> None:
    log = make_source(name="log", kind=Source.Kind.SYSLOG)
    line = (
        b"ACC: transaction answered: timestamp=1780228800;method=BYE;from_tag=a;to_tag=b;call_id=c;code=200;reason=OK"
    )
    make_rejected(source=log, raw=line)
    make_rejected(source=log)
    make_source(name="other")
    out = StringIO()
    call_command("source", "replay", "kam1", stdout=out)
    assert out.getvalue() == (
        "kam1/log: 2 re-parsed: 1 accepted (1 new events), 0 not accounting, 1 still rejected; "
        "`manage.py rejected list` shows why\n"
        "kam1/other: no rejected input is pending\n"
    )


def test_one_source_alone_may_be_read_again() -> None:
    make_source(name="log", kind=Source.Kind.SYSLOG)
    make_source(name="other")
    out = StringIO()
    call_command("source", "replay", "kam1/log", stdout=out)
    assert out.getvalue().startswith("kam1/log: no rejected input")
    assert "other" not in out.getvalue()


def test_a_listener_needs_to_know_who_may_send() -> None:
    make_proxy(addresses="")
    with pytest.raises(CommandError, match="senders: the allowed senders are unknown"):
        call_command("source", "add", "--proxy", "kam1", "--kind", "syslog")
    call_command(
        "source", "add", "--proxy", "kam1", "--kind", "syslog", "--set", "senders=192.0.2.1", stdout=StringIO()
    )
    assert Source.objects.get().settings == {"senders": "192.0.2.1"}


def test_a_listener_of_a_proxy_with_addresses_needs_none_of_its_own() -> None:
    make_proxy(addresses="192.0.2.1")
    call_command("source", "add", "--proxy", "kam1", "--kind", "syslog", stdout=StringIO())
    assert Source.objects.exists()


@pytest.mark.parametrize(
    ("assignments", "complaint"),
    [
        (["transport=tls"], "certificate: tls needs it"),
        (["client_names=kam1.example.net"], "client_ca: names of certificates can be checked only with it"),
    ],
)
def test_settings_of_tls_that_contradict_each_other_are_told(assignments: list[str], complaint: str) -> None:
    make_proxy()
    options = [option for one in assignments for option in ("--set", one)]
    with pytest.raises(CommandError, match=complaint):
        call_command("source", "add", "--proxy", "kam1", "--kind", "syslog", *options)
