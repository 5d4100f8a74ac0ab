"""From the search box to the address, and what the page says of it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from tests.cdr.views.test_hostile import Page
from tests.factories import make_call

pytestmark = pytest.mark.django_db


def address(client: Client, query: str) -> str:
    """Where the search leads."""
    response = client.get(f"/calls/?{query}")
    assert response.status_code == 302
    return str(response.headers["Location"])


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("code:486", "/calls/?sip_code=486"),
        ("caller:49* -proxy:edge-1", "/calls/?caller=49%2A&not_proxy=edge-1"),
        ("extra.gw:a", "/calls/?extra.gw=a"),
        ("longer:60 longer:90", "/calls/?min_duration=90"),
        ("", "/calls/"),
    ],
)
def test_what_was_typed_becomes_conditions_of_the_address(analyst: Client, typed: str, found: str) -> None:
    assert address(analyst, f"q={typed}") == found


def test_a_search_keeps_the_conditions_that_there_were_and_drops_empty_fields(analyst: Client) -> None:
    assert address(analyst, "state=ongoing&caller=&zone=UTC&q=caller:1&after=5.5") == (
        "/calls/?state=ongoing&zone=UTC&caller=1"
    )


def test_a_preset_that_was_typed_takes_the_place_of_a_range(analyst: Client) -> None:
    assert address(analyst, "since=2026-05-01&until=2026-05-02&q=period:24h") == "/calls/?period=24h"


def test_a_range_that_was_given_takes_the_place_of_a_preset(analyst: Client) -> None:
    assert address(analyst, "q=&period=7d&since=2026-05-31") == "/calls/?since=2026-05-31"


@pytest.mark.parametrize(
    ("sent", "since"),
    [
        ("since=2026-05-31T14:00&zone=UTC&read_in=Europe/Berlin", "2026-05-31T12%3A00%3A00Z"),
        ("since=2026-05-31T14:00&read_in=UTC", "2026-05-31T14%3A00%3A00Z"),
        ("since=2026-05-31T14:00&read_in=Mars", "2026-05-31T14%3A00"),
        ("since=2026-05-31T14:00%2B02:00&read_in=UTC", "2026-05-31T12%3A00%3A00Z"),
        ("since=2026-05-31&read_in=Europe/Berlin", "2026-05-31"),
        ("since=soon&read_in=UTC", "soon"),
    ],
)
def test_times_of_the_form_are_those_of_the_zone_that_it_showed(analyst: Client, sent: str, since: str) -> None:
    assert re.findall("since=([^&]*)", address(analyst, f"q=&{sent}")) == [since]


def test_a_word_that_may_be_several_things_says_how_it_was_read_and_offers_the_others(analyst: Client) -> None:
    make_call(sip_code=486)
    html = analyst.get("/calls/", {"q": "486"}, follow=True).text
    told = re.sub(r"<.*?>|\s+", " ", html[html.index('class="understood"') :])
    assert "was interpreted as: SIP response 486 ." in " ".join(told.split())
    offers = [unescape(one) for one in re.findall(r'<a href="(/calls/\?[^"]*word=486[^"]*)"', html)]
    assert "/calls/?word=486&number=486" in offers


def test_another_reading_can_be_taken_back(analyst: Client) -> None:
    html = analyst.get("/calls/?word=486&number=486").text
    assert "was interpreted as" in html
    assert 'href="/calls/?word=486&amp;sip_code=486"' in html


def test_a_word_whose_condition_was_removed_is_not_spoken_of(analyst: Client) -> None:
    assert "was interpreted as" not in analyst.get("/calls/?word=486").text


def test_hostile_words_are_searched_and_shown_as_text(analyst: Client) -> None:
    html = analyst.get("/calls/", {"q": '<script>alert(1)</script> "\u202ex'}, follow=True).text
    page = Page(html)
    assert not [script for script in page.scripts if "alert" in script]
    assert "\u202e" not in page.text
    assert "number contains “<script>alert(1)</script>”" in page.text


def test_who_may_not_see_numbers_is_told_that_parts_are_not_searched(viewer: Client) -> None:
    make_call(caller="4930")
    assert "search for complete numbers" in viewer.get("/calls/").text
    html = viewer.get("/calls/?caller=49*").text
    assert "Numbers are masked for your account" in html
    assert "Invalid filter" in html


def test_a_number_in_parts_is_one_word(analyst: Client) -> None:
    make_call(caller="+493022342")
    html = analyst.get("/calls/", {"q": "+49 (0)30 22 342"}, follow=True).text
    told = " ".join(re.sub(r"<.*?>|\s+", " ", html[html.index('class="understood"') :]).split())
    assert "“ +49 (0)30 22 342 ” was interpreted as: number contains “+493022342”" in told


def test_a_day_alone_is_the_calls_of_that_day(analyst: Client) -> None:
    assert address(analyst, "q=caller:1 2026-05-31&period=7d") == "/calls/?caller=1&since=2026-05-31&until=2026-05-31"
