"""From the search box to the address, and what the page says of it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from cdr.models import Call
from proxyconf.models.reach import ProxyLimit
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from tests.cdr.views.test_hostile import Page
from tests.factories import make_call, make_proxy

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


def test_two_numbers_find_the_calls_between_both_in_either_direction(analyst: Client) -> None:
    make_call(call_id="there", caller="+4930123", callee="4420456")
    make_call(call_id="back", caller="4420456", callee="+4930123")
    make_call(call_id="other", caller="+4930123", callee="4999")
    assert ids(analyst, "4930123 4420456") == {"there", "back"}


def test_no_call_between_two_numbers_says_how_many_calls_each_has(analyst: Client) -> None:
    make_call(caller="4930123", callee="1")
    make_call(caller="4930123", callee="2")
    page = text_of(analyst.get("/calls/", {"q": "4930123 4420456"}, follow=True))
    assert "was interpreted as: between 4930123 and 4420456" in page
    assert "number contains “4930123” (2)" in page
    assert "number contains “4420456” (0)" in page


def test_a_masked_reader_cannot_guess_a_number_through_a_pair(viewer: Client) -> None:
    make_call(caller="4930123", callee="4420456")
    assert "enter a complete number" in text_of(viewer.get("/calls/?between=%3D4930123%2C44*"))
    assert len(rows_of(viewer.get("/calls/?between=4930123,442"))) == 0
    assert len(rows_of(viewer.get("/calls/?between=4930123,4420456"))) == 1


@pytest.mark.parametrize("pair", ["4930", "1,2,3", ",2", "1, "])
def test_a_pair_that_is_none_gets_one_clear_error(analyst: Client, pair: str) -> None:
    assert "is not a pair of numbers; write two numbers separated by a comma" in text_of(
        analyst.get("/calls/", {"between": pair})
    )


def test_a_period_may_count_back_any_number_of_minutes(analyst: Client) -> None:
    now = timezone.now()
    make_call(call_id="new", started_at=now - timedelta(minutes=4))
    make_call(call_id="old", started_at=now - timedelta(minutes=6))
    assert ids(analyst, "last 5 min") == {"new"}
    assert "Last 5 minutes" in text_of(analyst.get("/calls/?period=5m"))


def test_a_role_or_label_before_a_colon_means_the_extra_field_of_a_configured_proxy(analyst: Client) -> None:
    layout = FieldLayout(extras={Backend.SQL: ("out_gw", "Rate")}, roles={"out_gw": Role.GATEWAY})
    make_proxy(name="edge-1", layout=layout.to_json())
    make_call(call_id="vienna", extra={"out_gw": "vienna"})
    make_call(call_id="graz", extra={"out_gw": "graz"})
    assert ids(analyst, "gw:vienna") == {"vienna"}
    assert address(analyst, "q=rate:std") == "/calls/?extra.Rate=std"


def test_the_value_of_any_extra_field_is_found_within_a_short_range(analyst: Client) -> None:
    now = timezone.now()
    make_call(call_id="hit", started_at=now, extra={"rate": "gold", "gw": "x"})
    make_call(call_id="miss", started_at=now, extra={"rate": "golden"})
    assert {call.call_id for call in rows_of(analyst.get("/calls/?period=7d&any_extra=gold"))} == {"hit"}
    assert {call.call_id for call in rows_of(analyst.get("/calls/?period=7d&not_any_extra=gold"))} == {"miss"}
    assert "at most 31 days" in text_of(analyst.get("/calls/?any_extra=gold"))
    assert "an extra field is “gold”" in text_of(analyst.get("/calls/", {"q": "gold"}, follow=True))


def test_an_empty_list_says_what_limits_the_search(viewer: Client, analyst: Client) -> None:
    make_call()
    assert "Numbers are masked for your account" in text_of(viewer.get("/calls/?caller=1"))
    limit = ProxyLimit.objects.create(user=User.objects.get(pk=analyst.session["_auth_user_id"]))
    limit.proxies.add(make_proxy(name="edge-7"))
    assert "calls of these proxies only: edge-7" in text_of(analyst.get("/calls/?caller=1"))


def rows_of(response: HttpResponse) -> list[Call]:
    assert response.context is not None
    return [row.call for row in response.context["rows"]]


def ids(client: Client, typed: str) -> set[str]:
    return {call.call_id for call in rows_of(client.get("/calls/", {"q": typed}, follow=True))}


def text_of(response: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", unescape(response.text)).split())


def test_the_form_adds_a_proxy_a_kind_of_duration_and_an_extra_field(analyst: Client) -> None:
    make_proxy(name="edge-1", layout=FieldLayout(extras={Backend.SQL: ("rate",)}).to_json())
    html = analyst.get("/calls/").text
    assert '<option value="edge-1">' in html
    assert '<option value="at_least">' in html
    assert '<option value="rate">' in html
    sent = "q=&proxy=edge-1&released_by=&duration_kind=at_least&extra_label=rate&extra_value=std"
    assert address(analyst, sent) == "/calls/?proxy=edge-1&duration_kind=at_least&extra.rate=std"
    assert address(analyst, "q=&extra_label=rate&extra_value=") == "/calls/"
