"""The order of the list of calls: by start or duration, either way, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.cdr.views.calls.test_searching import rows_of, text_of
from tests.factories import make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls() -> None:
    now = timezone.now()
    for name, age, seconds in (("a", 3, 60), ("b", 2, 5), ("c", 1, None), ("d", 0, 60)):
        duration = None if seconds is None else timedelta(seconds=seconds)
        make_call(caller=name, started_at=now - timedelta(minutes=age), duration=duration)


@pytest.mark.parametrize(
    ("sort", "order"),
    [("", "dcba"), ("-started_at", "dcba"), ("started_at", "abcd"), ("-duration", "dabc"), ("duration", "cbad")],
)
def test_the_list_is_read_in_the_order_that_was_asked_for(analyst: Client, calls: None, sort: str, order: str) -> None:
    assert callers(analyst, f"period=24h&sort={sort}") == order


@pytest.mark.parametrize(("sort", "order"), [("started_at", "abcd"), ("-duration", "dabc"), ("duration", "cbad")])
def test_pages_follow_each_other_both_ways_in_every_order(
    analyst: Client, calls: None, monkeypatch: pytest.MonkeyPatch, sort: str, order: str
) -> None:
    monkeypatch.setattr("cdr.views.calls.call_list.PAGE_SIZE", 2)
    query = f"period=24h&sort={sort}"
    first = analyst.get(f"/calls/?{query}")
    second = analyst.get(str(first.context["older"]))
    assert "".join(call.caller or "" for call in rows_of(first) + rows_of(second)) == order
    assert rows_of(analyst.get(str(second.context["newer"]))) == rows_of(first)
    assert rows_of(analyst.get(str(first.context["oldest"]))) == rows_of(second)
    assert "3–4" in text_of(second)


def test_the_headings_say_and_change_the_order(analyst: Client, calls: None) -> None:
    html = analyst.get("/calls/?period=24h").text
    assert 'aria-sort="descending"' in html
    assert 'href="/calls/?period=24h&amp;sort=started_at"' in html
    assert 'href="/calls/?period=24h&amp;sort=-duration"' in html
    assert 'aria-sort="ascending"' in analyst.get("/calls/?period=24h&sort=duration").text


def test_an_order_that_cannot_be_had_is_said(analyst: Client, calls: None) -> None:
    assert "Choose a time range of at most 31 days to sort by duration." in text_of(
        analyst.get("/calls/?sort=duration")
    )
    assert "Unknown order “caller”" in text_of(analyst.get("/calls/?sort=caller"))


def callers(client: Client, query: str) -> str:
    return "".join(call.caller or "" for call in rows_of(client.get(f"/calls/?{query}")))
