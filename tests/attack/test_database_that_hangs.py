"""A PostgreSQL server that is stopped: it accepts what the kernel takes for it, and does not answer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.test import Client

from cdr.api import events
from cdr.receivers import time_limits
from cdr.receivers.time_limits import DatabaseHangs, step_limit
from cdr.storage import database_probe
from tests.servers import Postgres


@pytest.fixture(scope="module")
def server() -> Postgres:
    return Postgres()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_step_towards_a_stopped_server_ends(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limits, "STEP", 0.2)
    with psycopg.connect(server.url) as connection:
        pid = connection.info.backend_pid
        with stopped(pid), pytest.raises(DatabaseHangs), step_limit():
            connection.execute("SELECT 1")
        connection.close()


def test_a_step_in_time_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with step_limit():
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_probe_fails_in_time_while_the_server_is_stopped_and_succeeds_afterwards(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = psycopg.conninfo.conninfo_to_dict(server.url)
    django = SimpleNamespace(vendor="postgresql", get_connection_params=lambda: {**parameters, "connect_timeout": 3})
    monkeypatch.setattr(database_probe, "connection", django)
    assert database_probe.answers()
    began = time.monotonic()
    with stopped(server.pid):
        assert [database_probe.answers() for _ in range(3)] == [False] * 3
    assert time.monotonic() - began < 3 * database_probe.PATIENCE + 2
    monkeypatch.setattr(database_probe, "PATIENCE", 30.0)
    assert database_probe.answers()


@pytest.mark.django_db
def test_healthz_says_that_the_database_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_probe, "answers", lambda: False)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, "does not answer")


@pytest.mark.django_db
def test_healthz_says_that_the_disk_is_full(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_probe, "LEAST_FREE", 1 << 62)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, "disk full")


@pytest.mark.django_db
@pytest.mark.parametrize("error", [DatabaseError, OperationalError, InterfaceError])
def test_events_are_refused_for_a_while_where_their_token_cannot_be_looked_up(
    error: type[Exception], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> None:
        raise error("the server went away")

    monkeypatch.setattr(events, "_source", fails)
    answer = client.post("/api/v1/events/", "{}", content_type="application/json")
    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "5", "unavailable")


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_the_api_is_unavailable_where_a_token_cannot_be_looked_up(
    error: type[Exception], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error("the server went away")

    monkeypatch.setattr("accweb.web.api.access.token_of", fails)
    answer = client.get("/api/v1/calls/", headers={"Authorization": "Bearer accweb_x"})
    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "5", "unavailable")
