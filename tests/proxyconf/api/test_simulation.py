"""A profile is tried on a call flow over the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.simulate.flows import FLOWS
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy

FLOW_LIST, SIMULATION = "/api/v1/profiles/kam1/flows/", "/api/v1/profiles/kam1/simulation/"


@pytest.fixture
def client(db: None) -> Client:
    user = User.objects.create_user("script")
    user.user_permissions.set(Permission.objects.filter(codename="view_profile"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def proxy(db: None) -> Proxy:
    proxy = make_proxy()
    publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG])), by=None)
    save_profile(proxy, suggested(proxy, [Backend.SYSLOG, Backend.SQL]))
    return proxy


def test_the_flows_are_listed(client: Client) -> None:
    assert [one["name"] for one in client.get(FLOW_LIST).json()["results"]] == list(FLOWS)


def test_a_simulation_gives_records_calls_and_findings(client: Client) -> None:
    result = client.get(SIMULATION, {"flow": "bye-lost"}).json()
    assert [(one["backend"], one["table"]) for one in result["records"]] == [("syslog", ""), ("sql", "acc")]
    assert [call["state"] for call in result["calls"]] == ["stop_missing"]
    assert [one["severity"] for one in result["findings"]] == ["warning", "note", "note"]  # the parties are in no field
    assert result["unreadable"] == []


def test_a_flow_of_ones_own_is_compared_with_what_is_published(client: Client) -> None:
    body = {"flow": {**FLOWS["busy"].to_json(), "call_id": "mine@example.com"}}
    response = client.post(f"{SIMULATION}?against=published&without=bye", body, content_type="application/json")
    result = response.json()
    assert result["calls"][0]["call_id"] == "mine@example.com"
    assert {one["backend"] for one in result["against"]["records"]} == {"syslog"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"flow": "nosuch"}, "flow"),
        ({"flow": "busy", "profile": "77"}, "profile"),
        ({"flow": "busy", "against": "nothing"}, "against"),
        ({"flow": "busy", "without": "luck"}, "without"),
    ],
)
def test_a_wrong_parameter_is_named(query: dict[str, str], parameter: str, client: Client) -> None:
    response = client.get(SIMULATION, query)
    assert response.status_code == 400
    assert parameter in response.text


def test_the_script_may_be_ones_own(client: Client) -> None:
    body = {"flow": FLOWS["busy"].to_json(), "script": {"invite": {"missed": ["sql"]}}}
    records = client.post(SIMULATION, body, content_type="application/json").json()["records"]
    assert [one["table"] for one in records] == ["missed_calls"]


@pytest.mark.parametrize(
    "body", [{}, {"flow": None}, {"flow": {"requests": [{}]}}, [], {"flow": FLOWS["busy"].to_json(), "script": 7}]
)
def test_a_body_without_a_flow_is_refused(body: object, client: Client) -> None:
    assert client.post(SIMULATION, body, content_type="application/json").status_code == 400
