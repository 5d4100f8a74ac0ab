"""Everything that goes wrong is told in one shape."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from tests.accweb.conftest import Bearing

pytestmark = pytest.mark.django_db
CALLS = "/api/v1/calls/"


@pytest.fixture
def client(bearing: Bearing) -> Client:
    client = bearing("cdr.view_call")
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    ("method", "path", "accept", "status", "code"),
    [
        ("get", f"{CALLS}?state=gone", "*/*", 400, "invalid"),
        ("get", f"{CALLS}77/", "*/*", 404, "not_found"),
        ("get", "/api/v1/nothing/", "*/*", 404, "not_found"),
        ("get", "/api/v7/calls/", "*/*", 404, "not_found"),
        ("get", "/api/v1/sources/", "*/*", 403, "permission_denied"),
        ("post", CALLS, "*/*", 405, "method_not_allowed"),
        ("options", CALLS, "*/*", 405, "method_not_allowed"),
        ("get", CALLS, "text/html", 406, "not_acceptable"),
    ],
)
def test_an_error_has_a_sentence_and_a_word(
    method: str, path: str, accept: str, status: int, code: str, client: Client
) -> None:
    response = getattr(client, method)(path, headers={"Accept": accept})
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["code"] == code
    assert response.json()["error"]


def test_who_is_nobody_is_told_so_in_the_same_shape() -> None:
    response = Client().get(CALLS)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


def test_what_nobody_foresaw_is_an_error_that_tells_nothing_of_the_inside(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("cdr.api.calls.call_page", broken)
    response = client.get(CALLS)
    assert (response.status_code, response.json()["code"]) == (500, "error")
    assert "disk" not in response.text


def test_pages_keep_their_own_errors(client: Client) -> None:
    assert "<html" in Client().get("/nothing/").text


@override_settings(API_RATE=2)
def test_a_token_that_asks_too_much_is_told_when_to_come_back(bearing: Bearing) -> None:
    busy, other = bearing("cdr.view_call", name="busy"), bearing("cdr.view_call", name="other")
    assert [busy.get(CALLS).status_code for _ in range(3)] == [200, 200, 429]
    refused = busy.get(CALLS)
    assert refused.json()["code"] == "throttled"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert other.get(CALLS).status_code == 200


@override_settings(API_RATE_UNKNOWN=2)
def test_who_shows_wrong_tokens_or_none_is_held_back_by_address() -> None:
    wrong = [Client(headers={"Authorization": f"Bearer {number}"}) for number in range(2)]
    assert [client.get(CALLS).status_code for client in wrong] == [401, 401]
    assert Client().get(CALLS).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.7").get(CALLS).status_code == 401


@override_settings(API_RATE_UNKNOWN=1)
def test_a_forged_forwarding_header_gives_no_other_address() -> None:
    assert [Client(headers={"X-Forwarded-For": f"192.0.2.{n}"}).get(CALLS).status_code for n in (1, 2)] == [401, 429]


@override_settings(API_RATE_UNKNOWN=1)
def test_a_good_token_is_not_held_back_by_wrong_ones_from_the_same_address(bearing: Bearing) -> None:
    for _ in range(3):
        Client().get(CALLS)
    assert bearing("cdr.view_call").get(CALLS).status_code == 200


def test_a_session_has_a_rate_of_its_own(user: User) -> None:
    client = Client()
    client.force_login(user)
    with override_settings(API_RATE=1):
        assert [client.get(CALLS).status_code for _ in range(2)] == [200, 429]
