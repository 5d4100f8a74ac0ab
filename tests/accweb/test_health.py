from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from accweb import health
from cdr import IS_COMPILED, tasks
from cdr.calls import progress
from cdr.formats.reading import Rejection
from cdr.models import Event, Pending, Receiver, Source
from cdr.receivers.known_sources import keep_sources
from cdr.receivers.service import Batch, Served
from cdr.receivers.spool_files import mark_full, spool_path
from cdr.receivers.spooling import Spooling
from cdr.storage import database_probe
from tests import servers
from tests.factories import make_event, make_source

pytestmark = pytest.mark.django_db


def make_receiver(source: Source, **fields: Any) -> Receiver:
    now = timezone.now()
    return Receiver.objects.create(**{"source": source, "host": "here", "heard_at": now, "started_at": now} | fields)


@pytest.fixture
def source() -> Source:
    return make_source(name="syslog", kind=Source.Kind.SYSLOG)


def test_a_service_without_sources_is_well(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_it_says_whether_parsing_and_correlation_are_compiled(client: Client) -> None:
    assert client.get("/healthz").json()["compiled"] is IS_COMPILED


def test_a_source_that_nobody_serves_is_unhealthy(client: Client, source: Source) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["sources failing"]) == (503, 1)


def test_a_source_that_is_served_is_well(client: Client, source: Source) -> None:
    make_receiver(source)
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("state", ["retrying", "failed"])
def test_a_receiver_in_trouble_is_unhealthy(state: str, client: Client, source: Source) -> None:
    make_receiver(source, state=state)
    assert client.get("/healthz").status_code == 503


def test_a_receiver_that_is_not_heard_of_any_more_is_unhealthy(client: Client, source: Source) -> None:
    make_receiver(source, heard_at=timezone.now() - timedelta(minutes=1))
    assert client.get("/healthz").status_code == 503


def test_one_machine_that_serves_a_source_is_enough(client: Client, source: Source) -> None:
    make_receiver(source, host="dead", heard_at=timezone.now() - timedelta(minutes=1))
    make_receiver(source)
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("change", [{"enabled": False}, {"kind": "http"}, {"kind": "import"}])
def test_a_source_that_no_receiver_has_to_serve_is_no_trouble(change: dict[str, Any], client: Client) -> None:
    make_source(**{"name": "other", "kind": "syslog"} | change)
    assert client.get("/healthz").status_code == 200


def test_a_database_that_does_not_answer_is_unhealthy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(health, "_served_sources", fail)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, "does not answer")


def test_health_names_no_source(client: Client, source: Source) -> None:
    assert "kam1" not in client.get("/healthz").text


def test_metrics_tell_counters_and_receivers(client: Client, source: Source) -> None:
    Source.objects.update(events=7)
    make_receiver(source, rate=1.5, lag=0.25, refused={'wrong "secret"': 3})
    lines = client.get("/metrics").text.splitlines()
    assert 'accweb_source_events_total{source="kam1/syslog",kind="syslog"} 7.0' in lines
    assert 'accweb_source_up{source="kam1/syslog",kind="syslog"} 1.0' in lines
    assert 'accweb_receiver_events_per_second{source="kam1/syslog",host="here"} 1.5' in lines
    assert 'accweb_receiver_refused_total{source="kam1/syslog",host="here",reason="wrong \\"secret\\""} 3.0' in lines


def test_metrics_are_for_this_machine_where_no_token_is_set(client: Client) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 401


def test_metrics_are_for_who_shows_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "m3trics"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer m3trics"}).status_code == 200


# --- the broker and correlation


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    """The web server has run for a while, and nobody has correlated here."""
    monkeypatch.setattr(health, "_STARTED", timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(progress, "_last_heartbeat", -progress._EVERY)
    settings.DATA_DIR = tmp_path


@pytest.fixture
def broker(redis_url: str, settings: Any) -> Iterator[None]:
    settings.REDIS_URL = redis_url.replace("unix://", "redis+socket://", 1)
    yield
    with progress._broker() as there:
        there.delete(progress._KEY)


def wait(minutes: int) -> Event:
    """Have an event wait for correlation since some minutes."""
    event = make_event(received_at=timezone.now() - timedelta(minutes=minutes))
    Pending.objects.create(call_key=event.call_key)
    return event


def worked(minutes: int) -> None:
    """Have somebody correlated some minutes ago."""
    progress.write_heartbeat()
    if progress._file().exists():
        past = time.time() - 60 * minutes
        os.utime(progress._file(), (past, past))
    else:
        with progress._broker() as there:
            there.set(progress._KEY, int(time.time()) - 60 * minutes)


def correlation(client: Client) -> tuple[int, str]:
    answer = client.get("/healthz")
    return answer.status_code, answer.json()["correlation"]


def test_correlation_that_is_stalled_while_events_wait_is_unhealthy(client: Client, long_ago: None) -> None:
    wait(5)
    worked(3)
    assert correlation(client) == (503, "stands still")


@pytest.mark.usefixtures("broker")
def test_workers_elsewhere_that_stand_still_are_unhealthy(client: Client, long_ago: None) -> None:
    wait(5)
    worked(3)
    assert correlation(client) == (503, "stands still")
    assert not progress._file().exists()


@pytest.mark.parametrize("since", [0, 600])
def test_a_backlog_that_is_worked_at_is_well(client: Client, long_ago: None, since: int) -> None:
    wait(since)
    worked(0)
    assert correlation(client) == (200, "ok")


def test_nothing_to_do_is_well_however_long_ago_there_was(client: Client, long_ago: None) -> None:
    worked(600)
    assert correlation(client) == (200, "ok")


def test_a_server_that_just_started_gives_the_correlator_time(
    client: Client, long_ago: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_STARTED", timezone.now())
    wait(600)
    worked(600)
    assert correlation(client) == (200, "ok")


def test_events_that_nobody_ever_correlated_are_unhealthy_after_a_while(client: Client, long_ago: None) -> None:
    wait(5)
    assert correlation(client) == (200, "ok")
    wait(11)
    assert correlation(client) == (503, "stands still")


def test_the_task_leaves_a_sign_of_life(client: Client, long_ago: None) -> None:
    wait(5)
    tasks.correlate()
    assert progress.progress(timezone.now()).worked_at is not None
    assert not Pending.objects.exists()


@pytest.mark.usefixtures("broker")
def test_the_task_leaves_its_sign_of_life_in_redis(client: Client, long_ago: None) -> None:
    tasks.correlate()
    worked_at = progress.progress(timezone.now()).worked_at
    assert worked_at is not None
    assert client.get("/healthz").json()["broker"] == "ok"


def test_a_broker_that_does_not_answer_is_unhealthy(client: Client, long_ago: None, settings: Any) -> None:
    there = servers.Redis()
    settings.REDIS_URL = there.url.replace("unix://", "redis+socket://", 1)
    assert client.get("/healthz").status_code == 200
    there.kill()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["broker"]) == (503, "does not answer")
    assert "accweb_broker_up 0.0" in client.get("/metrics").text
    tasks.correlate()  # goes on without a sign of life
    there.start()
    assert client.get("/healthz").status_code == 200


def test_metrics_tell_how_long_events_have_waited(client: Client, long_ago: None) -> None:
    wait(5)
    worked(1)
    lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    assert 300 <= float(lines["accweb_correlation_waiting_seconds"]) < 400
    assert float(lines["accweb_correlation_last_run_timestamp_seconds"]) < time.time()


def test_while_the_database_is_away_what_waits_in_the_spools_is_told(
    client: Client, source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    keep_sources([source])
    monkeypatch.setattr(database_probe, "answers", lambda: False)
    spooling = Spooling(tmp_path / "spool", 1 << 20, answers=lambda: False)
    served = Served.of(source, source.parsed_settings())
    spooling.keep([Batch(served, [Rejection(b"x" * 1000, "why")], "syslog")])
    mark_full(spool_path(tmp_path / "spool", source.pk), is_full=True)
    spooling.close()

    answer = client.get("/healthz").json()
    assert (answer["database"], answer["spools"], answer["spools full"]) == ("does not answer", 1, 1)
    assert answer["spool bytes"] > 1000
    text = client.get("/metrics").text
    assert "accweb_up 0.0" in text
    assert re.search(r'accweb_spool_bytes{source="kam1/syslog"} \d{4}', text)
    assert 'accweb_spool_full{source="kam1/syslog"} 1.0' in text
    assert 'accweb_spool_age_seconds{source="kam1/syslog"}' in text
