from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cdr.api.statistics import FiguresRecord
from proxyconf.models import ProxyLimit
from tests.cdr.api.conftest import Grant
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db
STATISTICS, SERIES = "/api/v1/statistics/", "/api/v1/statistics/series/"


@pytest.fixture
def client(granted: Grant) -> Client:
    return granted("view_call")


def got(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(autouse=True)
def calls(db: None) -> None:
    make_call(caller="a", duration=timedelta(seconds=90))
    make_call(caller="a", started_at=NOON + timedelta(hours=1))
    failed = {"answered_at": None, "ended_at": None, "duration": None, "duration_kind": "unknown"}
    make_call(caller="b", state="unanswered", outcome="busy", sip_code=486, sip_reason="Busy Here", **failed)
    make_call(caller="b", state="unanswered", outcome="failed", sip_code=500, sip_reason="Error", **failed)


def test_figures_are_those_of_the_calls_in_the_list(client: Client) -> None:
    told = got(client, f"{STATISTICS}?callee=bob&since=2026-05-31&until=2026-05-31")
    assert (told["calls"], told["answered"], told["delivered"], told["measured"]) == (4, 2, 3, 2)
    assert (told["asr"], told["ner"], told["acd"]) == (0.5, 0.75, 46.0)
    assert told["minutes"] == pytest.approx(92 / 60)
    assert told["outcomes"] == {"answered": 2, "busy": 1, "failed": 1}
    assert told["failures"] == [{"code": 486, "calls": 1}, {"code": 500, "calls": 1}]
    assert (told["since"], told["until"]) == ("2026-05-31T00:00:00Z", "2026-06-01T00:00:00Z")
    assert told["capped"] is False
    assert len(got(client, "/api/v1/calls/?callee=bob&since=2026-05-31&until=2026-05-31")["results"]) == told["calls"]


def test_the_schema_tells_of_every_figure(client: Client) -> None:
    assert list(got(client, STATISTICS)) == list(FiguresRecord().fields)


def test_conditions_narrow_the_figures(client: Client) -> None:
    assert got(client, f"{STATISTICS}?outcome=busy&outcome=failed&callee=bob")["calls"] == 2


def test_where_there_are_no_calls_there_are_no_rates(client: Client) -> None:
    told = got(client, f"{STATISTICS}?callee=carol")
    assert (told["calls"], told["asr"], told["acd"], told["outcomes"]) == (0, None, None, {})


def test_a_series_has_a_part_for_each_hour(client: Client) -> None:
    told = got(client, f"{SERIES}?callee=bob&since=2026-05-31T12:00Z&until=2026-05-31T15:00Z&step=hour")
    assert [(part["since"], part["calls"]) for part in told["results"]] == [
        ("2026-05-31T12:00:00Z", 3),
        ("2026-05-31T13:00:00Z", 1),
        ("2026-05-31T14:00:00Z", 0),
    ]
    assert told["results"][0]["groups"] == {"answered": 1, "not_taken": 1, "failed": 1}
    assert (told["step"], told["zone"]) == ("hour", "UTC")


def test_days_are_those_of_the_zone(client: Client) -> None:
    told = got(client, f"{SERIES}?callee=bob&since=2026-05-31&until=2026-06-01&step=day&zone=Europe/Berlin")
    assert [part["since"] for part in told["results"]] == ["2026-05-30T22:00:00Z", "2026-05-31T22:00:00Z"]


def test_calls_out_of_reach_are_not_counted(client: Client) -> None:
    ProxyLimit.objects.create(user=User.objects.get()).proxies.add(make_proxy("kam2"))
    assert got(client, f"{STATISTICS}?callee=bob")["calls"] == 0
    assert got(client, f"{SERIES}?callee=bob")["results"] == []


@pytest.mark.parametrize(
    ("query", "named"), [("step=eon", "step"), ("zone=Mars", "zone"), ("sate=x", "sate"), ("state=x", "state")]
)
def test_what_makes_no_sense_is_refused_by_name(query: str, named: str, client: Client) -> None:
    assert list(client.get(f"{SERIES}?{query}").json()["fields"]) == [named]
