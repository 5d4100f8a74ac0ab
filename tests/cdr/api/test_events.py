from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.http import HttpResponse
from django.test import Client

from cdr.api import events
from cdr.models import Event, Rejected, Source
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
TOKEN = "t0ken-of-kam1"


@pytest.fixture(autouse=True)
def source() -> Source:
    return make_source(name="http", kind=Source.Kind.HTTP, settings={"token": TOKEN})


def record(call_id: str = "a@x") -> dict[str, Any]:
    return {
        "time": 1795391610,
        "method": "INVITE",
        "from_tag": "f",
        "to_tag": "t",
        "callid": call_id,
        "sip_code": "200",
        "sip_reason": "OK",
    }


def post(client: Client, body: bytes | str, token: str = TOKEN) -> HttpResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post("/api/v1/events/", body, content_type="application/json", headers=headers)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([record("a@x"), record("b@x")]),
        json.dumps(record("a@x")) + "\n" + json.dumps(record("b@x")) + "\n",
    ],
    ids=["array", "lines"],
)
def test_several_objects_are_stored(body: str, client: Client) -> None:
    answer = post(client, body)
    assert answer.status_code == 200
    assert json.loads(answer.content)["events"] == 2
    assert set(Event.objects.values_list("call_id", flat=True)) == {"a@x", "b@x"}


def test_one_object_is_stored_however_it_is_laid_out(client: Client) -> None:
    assert post(client, json.dumps(record(), indent=2)).status_code == 200
    assert Event.objects.get().call_id == "a@x"


def test_the_same_object_twice_is_one_event(client: Client) -> None:
    for events_stored in (1, 0):
        assert json.loads(post(client, json.dumps(record())).content)["events"] == events_stored
    assert Event.objects.count() == 1


def test_an_item_that_makes_no_sense_is_told_and_kept_and_costs_no_other(client: Client) -> None:
    answer = post(client, json.dumps([record("a@x"), {"method": "INVITE"}, 7, record("b@x")]))
    told = json.loads(answer.content)
    assert (answer.status_code, told["events"], told["rejected"]) == (200, 2, 2)
    assert [error["item"] for error in told["errors"]] == [1, 2]
    assert Rejected.objects.count() == 2


@pytest.mark.parametrize("token", ["", "another", TOKEN + "x", "\xe9"])
def test_without_the_token_nothing_is_taken(token: str, client: Client) -> None:
    answer = post(client, json.dumps(record()), token)
    assert answer.status_code == 401
    assert not Event.objects.exists()


def test_a_source_that_is_switched_off_takes_nothing(client: Client, source: Source) -> None:
    source.enabled = False
    source.save()
    assert post(client, json.dumps(record())).status_code == 401


@pytest.mark.parametrize("body", ["", "  ", "[", "[" * 100_000])
def test_a_body_that_is_no_json_is_refused(body: str, client: Client) -> None:
    assert post(client, body).status_code == 400
    assert not Rejected.objects.exists()


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [("[", TOKEN, "parse_error"), ("{}", "another", "authentication_failed"), (" " * 3_000_000, TOKEN, "too_large")],
)
def test_an_error_has_a_sentence_and_a_word_for_programs(body: str, token: str, code: str, client: Client) -> None:
    told = json.loads(post(client, body, token).content)
    assert (set(told), told["code"]) == ({"error", "code"}, code)


def test_events_are_posted_and_nothing_else(client: Client) -> None:
    answer = client.get("/api/v1/events/")
    assert (answer.status_code, answer["Allow"], answer.json()["code"]) == (405, "POST", "method_not_allowed")


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    assert post(client, b" " * 3_000_000).status_code == 413


def test_nothing_is_acknowledged_that_could_not_be_stored(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("the server went away")

    monkeypatch.setattr(events, "store", fail)
    answer = post(client, json.dumps(record()))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_notifications_of_opensips_are_taken(client: Client, recorded: Path) -> None:
    lines = (recorded / "opensips-01-answered-caller-hangup" / "events.jsonl").read_text().splitlines()
    answer = post(client, "\n".join(json.loads(line)["raw"] for line in lines))
    assert json.loads(answer.content)["events"] == len(lines)


def test_parameters_of_opensips_events_are_read_as_such(client: Client) -> None:
    proxy = make_proxy("os1", product="opensips", version="3.6")
    make_source(proxy=proxy, name="http", kind=Source.Kind.HTTP, settings={"token": "of-os1"})
    assert post(client, json.dumps(record()), "of-os1").status_code == 200
    assert Event.objects.get().backend == "events"


def test_a_post_of_very_many_objects_is_refused_and_nothing_of_it_stored(client: Client) -> None:
    answer = post(client, "{}\n" * (events.MOST_ITEMS + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not Rejected.objects.exists()
