"""From call to call within the list that one came from."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from cdr.models import Call
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls() -> list[Call]:
    """Five calls, newest first; the third is of somebody else."""
    callers = ["alice", "alice", "bob", "alice", "alice"]
    return [make_call(caller=who, started_at=NOON - timedelta(minutes=age)) for age, who in enumerate(callers)]


def beside(client: Client, call: Call, query: str) -> dict[str, str]:
    """The addresses of the previous and next call, as the page links them."""
    html = client.get(f"/calls/{call.pk}/", {"list": query}).text
    return {rel: unescape(address) for rel, address in re.findall(r'rel="(prev|next)" href="([^"]*)"', html)}


def test_one_goes_on_to_the_calls_of_the_same_list(analyst: Client, calls: list[Call]) -> None:
    links = beside(analyst, calls[1], "caller=alice")
    assert links["prev"].startswith(f"/calls/{calls[0].pk}/?")
    assert links["next"].startswith(f"/calls/{calls[3].pk}/?")
    assert "list=caller%3Dalice" in links["next"]


def test_an_end_of_the_list_has_no_further_call(analyst: Client, calls: list[Call]) -> None:
    assert set(beside(analyst, calls[0], "caller=alice")) == {"next"}
    assert set(beside(analyst, calls[4], "caller=alice")) == {"prev"}


def test_the_order_of_the_list_holds(analyst: Client, calls: list[Call]) -> None:
    links = beside(analyst, calls[1], "caller=alice&sort=started_at")
    assert links["prev"].startswith(f"/calls/{calls[3].pk}/")
    assert links["next"].startswith(f"/calls/{calls[0].pk}/")


def test_rows_of_a_list_hand_its_conditions_on(analyst: Client, calls: list[Call]) -> None:
    html = analyst.get("/calls/?caller=alice&zone=UTC").text
    assert f"/calls/{calls[0].pk}/?zone=UTC&amp;list=caller%3Dalice%26zone%3DUTC" in html


@pytest.mark.parametrize("query", ["", "nonsense=1", "since=soon", "sort=x", "period=all&sort=duration", "%00=%ff"])
def test_what_is_no_list_has_no_neighbours(analyst: Client, calls: list[Call], query: str) -> None:
    response = analyst.get(f"/calls/{calls[1].pk}/", {"list": query})
    assert response.status_code == 200
    assert response.context["neighbours"] is None
