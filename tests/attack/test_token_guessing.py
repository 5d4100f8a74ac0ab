"""Somebody guesses the tokens of event intake and of generated files, or floods them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from cdr.models import Source
from proxyconf.models.fetch_token import new_token
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
TOKEN = "t0ken-of-kam1"
Ask = Callable[[str], HttpResponse]


@pytest.fixture(params=["events", "fetch"])
def ask(request: pytest.FixtureRequest) -> tuple[Ask, str]:
    """Return what asks an address with a token, and the right one."""
    client = Client(REMOTE_ADDR="203.0.113.9")
    if request.param == "fetch":
        right = new_token(make_proxy("edge-1"), by=None)
        return lambda token: client.get("/fetch/edge-1/acc.cfg", headers={"Authorization": f"Bearer {token}"}), right
    make_source(name="http", kind=Source.Kind.HTTP, settings={"token": TOKEN})
    return lambda token: client.post(
        "/api/v1/events/", "[]", content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    ), TOKEN


@override_settings(API_RATE_UNKNOWN=3)
def test_wrong_tokens_are_refused_by_address_and_the_right_one_is_not(ask: tuple[Ask, str]) -> None:
    send, right = ask
    answers = [send(f"guess-{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert send(right).status_code not in (401, 429)


@override_settings(API_RATE_UNKNOWN=3)
def test_wrong_tokens_count_together_wherever_they_are_shown(ask: tuple[Ask, str]) -> None:
    send, _right = ask
    headers = {"Authorization": "Bearer guess"}
    answers = [Client(REMOTE_ADDR="203.0.113.9").get("/api/v1/calls/", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert send("guess").status_code == 429


@override_settings(API_RATE=2, EVENTS_RATE=2)
def test_who_has_the_right_token_and_sends_too_much_is_told_when_to_come_back(ask: tuple[Ask, str]) -> None:
    send, right = ask
    answers = [send(right) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
