from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from cdr.api import calls
from cdr.export import record_of
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db
CALLS = "/api/v1/calls/"


@pytest.fixture
def viewer() -> Client:
    """Logged in with the permission to view calls; the API asks for nothing more."""
    user = User.objects.create_user("script")
    user.user_permissions.set(Permission.objects.filter(codename="view_call"))
    client = Client()
    client.force_login(user)
    return client


def got(client: Client, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return response.json()


def test_who_is_not_logged_in_gets_nothing(client: Client) -> None:
    make_call()
    assert client.get(CALLS).status_code == 403


def test_who_lacks_the_permission_gets_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(f"{CALLS}{make_call().pk}/").status_code == 403


def test_a_call_is_the_record_of_the_export(viewer: Client) -> None:
    call = make_call(extra={"src_ip": "10.0.0.1"}, flags=["forked"])
    call.attempts.create(position=0, code=486, reason="Busy Here", to_tag="x", time=NOON)
    call.legs.create(position=0, source="alice", destination="bob", type=None, values={"a": "b"})
    assert got(viewer, f"{CALLS}{call.pk}/") == record_of(call)
    assert got(viewer, CALLS)["results"] == [record_of(call)]


def test_the_conditions_are_those_of_the_page(viewer: Client) -> None:
    make_call(caller="1", state="ongoing")
    make_call(caller="2")
    assert [call["caller"] for call in got(viewer, f"{CALLS}?state=ongoing")["results"]] == ["1"]


def test_all_pages_together_give_every_call_once_though_calls_arrive_meanwhile(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PAGE_SIZE", 3)
    for number in range(7):
        make_call(caller=str(number), started_at=NOON + timedelta(seconds=number // 4))
    seen: list[str] = []
    address: str | None = f"{CALLS}?callee=bob"
    while address:
        page = got(viewer, address)
        seen += [call["caller"] for call in page["results"]]
        address = page["next"]
        make_call(caller="late", started_at=NOON + timedelta(hours=1))
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_the_previous_page_leads_back(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE_SIZE", 2)
    for number in range(4):
        make_call(caller=str(number), started_at=NOON + timedelta(seconds=number))
    second = got(viewer, got(viewer, CALLS)["next"])
    assert [call["caller"] for call in got(viewer, second["previous"])["results"]] == ["3", "2"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=gone", "state"),
        ("since=soon", "since"),
        ("caler=1", "caler"),
        ("after=zzz", "after"),
        ("page=2", "page"),
    ],
)
def test_a_condition_that_is_wrong_or_unknown_is_refused_by_name(viewer: Client, query: str, named: str) -> None:
    response = viewer.get(f"{CALLS}?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [named]


def test_an_unknown_call_is_not_found(viewer: Client) -> None:
    assert viewer.get(f"{CALLS}77/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(viewer: Client, method: str) -> None:
    assert getattr(viewer, method)(f"{CALLS}{make_call().pk}/").status_code == 405
