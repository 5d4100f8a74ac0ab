from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from accweb import health
from cdr.models import Receiver, Source
from tests.factories import make_source

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
