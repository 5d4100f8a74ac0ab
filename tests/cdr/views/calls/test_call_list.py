from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accweb.web.models import AuditEntry
from cdr.queries.columns import COLUMNS
from cdr.queries.search import SINGLE
from cdr.views.calls import call_list
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


def parties(html: str) -> list[str]:
    """The callers of the rows, in their order."""
    table = html[html.find("<tbody") : html.find("</tbody>")]
    return re.findall(r'<span class="parties"><span class="party"><bdi>(.*?)</bdi>', table)


def test_calls_are_listed_newest_first(analyst: Client) -> None:
    for minute in (1, 3, 2):
        make_call(caller=f"c{minute}", started_at=NOON + timedelta(minutes=minute))
    assert parties(analyst.get("/calls/").text) == ["c3", "c2", "c1"]


def test_pages_follow_each_other_in_both_directions_though_all_calls_start_at_once(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_list, "PAGE_SIZE", 3)
    for number in range(8):
        make_call(caller=f"c{number}")
    seen, address = [], "/calls/?state=completed"
    while address:
        html = analyst.get(address).text
        seen.append(parties(html))
        address = next(iter(re.findall(r'id="older" rel="next" href="(.*?)"', html)), "").replace("&amp;", "&")
    assert seen == [["c7", "c6", "c5"], ["c4", "c3", "c2"], ["c1", "c0"]]
    newer = re.findall(r'id="newer" rel="prev" href="(.*?)"', html)[0].replace("&amp;", "&")
    assert parties(analyst.get(newer).text) == seen[1]


def test_a_page_says_which_of_how_many_calls_it_shows(analyst: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_list, "PAGE_SIZE", 2)
    for _ in range(5):
        make_call()
    first = analyst.get("/calls/").text
    assert "<b>1–2</b> of 5" in first
    older = re.findall(r'id="older" rel="next" href="(.*?)"', first)[0]
    assert "<b>3–4</b> of 5" in analyst.get(older).text


def test_counting_stops_at_a_limit_and_the_page_says_what_it_tells_then(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_list, "COUNT_LIMIT", 3)
    monkeypatch.setattr(call_list, "PAGE_SIZE", 2)
    for _ in range(4):
        make_call()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE cdr_call")  # else the planner knows what an earlier test left
    assert "of 4 calls" in " ".join(analyst.get("/calls/").text.split())  # volumes tell
    told = " ".join(analyst.get("/calls/?not_caller=nobody").text.split())
    if connection.vendor == "postgresql":
        assert 'of about 4 calls <span class="muted">(estimated)' in told
    else:
        assert "of more than 3 calls" in told


def test_no_query_skips_rows_or_counts_without_a_limit(analyst: Client) -> None:
    for _ in range(60):
        make_call()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        html = analyst.get("/calls/?state=completed&caller=a&period=all").text
        analyst.get(re.findall(r'id="older" rel="next" href="(.*?)"', html)[0].replace("&amp;", "&"))
    asked = [query["sql"] for query in queries if '"cdr_call"' in query["sql"]]
    assert asked
    assert not [sql for sql in asked if "OFFSET" in sql]
    assert not [sql for sql in asked if "COUNT(" in sql and "LIMIT" not in sql]
    assert all("LIMIT" in sql for sql in asked)


def test_the_number_of_queries_does_not_grow_with_the_rows(analyst: Client) -> None:
    make_call()
    analyst.get("/calls/")  # the first look is noted in the session
    with CaptureQueriesContext(connection) as few:
        analyst.get("/calls/")
    for _ in range(40):
        make_call()
    with CaptureQueriesContext(connection) as many:
        analyst.get("/calls/")
    assert len(many) == len(few)


def test_calls_without_stop_are_one_link_away_and_explained(analyst: Client) -> None:
    make_call(caller="ended")
    make_call(caller="open", state="stop_missing")
    assert 'href="/calls/?state=stop_missing&amp;settled=0"' in analyst.get("/calls/").text
    html = analyst.get("/calls/?state=stop_missing").text
    assert parties(html) == ["open"]
    assert "do not bill a duration" in html
    assert "No STOP" in html


def test_each_condition_is_a_chip_whose_link_removes_it_alone(analyst: Client) -> None:
    make_call(caller="alice", outcome="busy", flags=["forked"])
    html = analyst.get("/calls/?caller=ali&outcome=busy&flag=forked&callee=&after=").text
    chips = re.findall(r'class="chip"\s+href="(.*?)"', html)
    assert [chip.replace("&amp;", "&") for chip in chips] == [
        "/calls/?caller=ali&flag=forked",
        "/calls/?outcome=busy&flag=forked",
        "/calls/?caller=ali&outcome=busy",
    ]


def test_the_form_keeps_conditions_that_it_has_no_control_for(analyst: Client) -> None:
    make_proxy(name="edge-1")
    html = analyst.get("/calls/?state=ongoing&proxy=edge-1&period=24h").text
    for name, value in (("state", "ongoing"), ("proxy", "edge-1"), ("period", "24h")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in html


def test_a_range_is_shown_in_its_fields_whatever_form_the_url_has_it_in(analyst: Client) -> None:
    html = analyst.get("/calls/?since=2026-05-04T14:00:00%2B02:00&until=2026-05-04").text
    assert 'name="since" value="2026-05-04T12:00"' in html


def test_a_condition_that_makes_no_sense_is_named_and_shows_no_calls(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?since=soon").text
    assert "soon&#x27; is not a valid date or time" in html
    assert parties(html) == []
    assert "Invalid filter" in html


def test_a_cursor_that_makes_no_sense_is_named_and_leads_to_the_first_page(analyst: Client) -> None:
    make_call(caller="c1")
    html = analyst.get("/calls/?after=zzz").text
    assert "is not a valid position in the list" in html
    assert parties(html) == ["c1"]


def test_nothing_found_offers_what_to_try(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?call_id=abc&period=1h").text
    assert "No matching calls" in html
    assert 'href="/calls/?call_id=abc"' in html  # search all time
    assert "call_id=%2Aabc%2A" in html  # a part of the Call-ID


def test_nothing_stored_leads_to_the_first_steps(analyst: Client) -> None:
    assert "No calls yet" in analyst.get("/calls/").text


def test_a_call_without_logged_parties_is_known_by_its_call_id(analyst: Client) -> None:
    make_call(caller=None, callee=None, call_id="only-this@host")
    html = analyst.get("/calls/").text
    assert "not logged" in html
    assert "only-this@host" in html


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({}, ""),
        ({"duration_kind": "at_least"}, "≥"),
        ({"duration_kind": "at_most"}, "≤"),
        ({"flags": ["ambiguous_time"]}, "≈"),
    ],
)
def test_a_duration_that_is_not_simply_measured_bears_a_sign(
    analyst: Client, fields: dict[str, object], sign: str
) -> None:
    make_call(**fields)
    html = analyst.get("/calls/").text
    table = html[html.find("<tbody") : html.find("</tbody>")]
    assert "0:02" in table
    assert [found for found in "≥≤≈" if found in table] == ([sign] if sign else [])


def test_an_unknown_duration_is_no_number(analyst: Client) -> None:
    make_call(state="stop_missing", duration=None, duration_kind="unknown")
    html = analyst.get("/calls/").text
    assert ">unknown</span>" in html
    assert 'class="duration"' not in html


def test_htmx_gets_the_changing_part_and_the_address_that_says_only_what_is_set(analyst: Client) -> None:
    make_call(caller="c1")
    response = analyst.get("/calls/?caller=c1&callee=&since=", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith('<div id="calls"')
    assert parties(response.text) == ["c1"]
    assert response.headers["HX-Push-Url"] == "/calls/?caller=c1"
    assert "HX-Request" in response.headers["Vary"]


def test_going_back_with_htmx_gets_the_whole_page(analyst: Client) -> None:
    response = analyst.get("/calls/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in response.text


def viewed() -> list[dict[str, str]]:
    return [entry.detail for entry in AuditEntry.objects.filter(action="viewed", target="calls")]


def test_a_list_with_full_numbers_is_audited_once_with_its_conditions(analyst: Client) -> None:
    make_call(caller="alice")
    analyst.get("/calls/?caller=ali")
    assert viewed() == [{"conditions": "caller=ali"}]


def test_a_list_with_masked_numbers_is_not_audited(viewer: Client) -> None:
    make_call(caller="+493012345678")
    html = viewer.get("/calls/").text
    assert "+493012345678" not in html
    assert "+4930••••••••" in html
    assert viewed() == []


def test_a_masked_number_is_no_condition_of_its_cell(viewer: Client) -> None:
    make_call(caller="+493012345678", outcome="busy")
    picks = re.findall(r'data-picks="(.*?)"', viewer.get("/calls/?columns=who,caller,result,extra.a").text)
    assert [unescape(one) for one in picks] == ["outcome=busy&sip_code=200"]


def test_text_that_is_masked_in_part_is_no_value_to_ask_for(viewer: Client, analyst: Client) -> None:
    make_call(user_agent="phone 12345678", sip_reason="OK")
    path = "/calls/?columns=agent,reason"
    picks = re.findall(r'data-picks="(.*?)"', viewer.get(path).text)
    assert [unescape(one) for one in picks] == ["sip_reason=%3DOK"]
    assert "user_agent=%3Dphone%2012345678" in unescape(analyst.get(path).text)


def test_a_cell_knows_what_can_be_asked_by_its_value(analyst: Client) -> None:
    make_call(caller="*72", source_ip="[2001:db8::1]", extra={"gw": "a b"}, flags=["forked", "of_a_later_version"])
    html = analyst.get("/calls/?columns=who,source,extra.gw,flags,length,started").text
    assert [parse_qsl(unescape(one)) for one in re.findall(r'data-picks="(.*?)"', html)] == [
        [("caller", "=*72"), ("callee", "=bob")],
        [("source_ip", "2001:db8::1")],
        [("extra.gw", "=a b")],
        [("flag", "forked")],
        [("min_duration", "2"), ("max_duration", "2"), ("duration_kind", "measured")],
        [("since", "2026-05-31T12:00:00Z"), ("until", "2026-05-31T12:00:01Z")],
    ]


@pytest.mark.parametrize("column", [column.name for column in COLUMNS] + ["extra.gw"])
def test_what_a_cell_asks_for_finds_its_call(analyst: Client, column: str) -> None:
    make_proxy(name="kam1")
    make_call(
        extra={"gw": "a*b"}, user_agent="x%_'\"", source_ip="2001:0DB8::1", flags=["forked"], cluster="c", caller="=1"
    )
    html = analyst.get("/calls/", {"columns": column}).text
    for picks in re.findall(r'data-picks="(.*?)"', html):
        for name, value in parse_qsl(unescape(picks)):
            response = analyst.get("/calls/", {name: value})
            assert len(response.context["rows"]) == 1, (name, value)
            if name not in SINGLE:
                assert analyst.get("/calls/", {f"not_{name}": value}).context["rows"] == []


def test_a_condition_that_there_is_not_is_named_and_shows_no_calls(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?caler=1").text
    assert "Unknown filter" in html
    assert parties(html) == []


def test_the_oldest_calls_are_one_link_away(analyst: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_list, "PAGE_SIZE", 2)
    for minute in range(5):
        make_call(caller=f"c{minute}", started_at=NOON + timedelta(minutes=minute))
    first = analyst.get("/calls/").text
    oldest = re.findall(r'id="oldest" href="(.*?)"', first)[0]
    html = analyst.get(unescape(oldest)).text
    assert parties(html) == ["c1", "c0"]
    assert 'id="older"' not in html
    assert 'id="newer"' in html


def test_the_list_looks_for_new_calls_where_it_is_asked_to_and_at_its_top_only(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_list, "PAGE_SIZE", 2)
    for _ in range(5):
        make_call()
    assert 'hx-trigger="every' not in analyst.get("/calls/").text
    live = analyst.get("/calls/?live=1&caller=a").text
    (asks,) = re.findall(r'hx-get="(/calls/new/.*?)" hx-trigger="every', live)
    assert "caller=a" in asks
    assert "before=" in asks
    older = re.findall(r'id="older" rel="next" href="(.*?)"', live)[0]
    assert "live=1" in older
    assert "/calls/new/" not in analyst.get(unescape(older)).text


def test_a_superseded_call_is_shown_only_when_asked_for(analyst: Client) -> None:
    make_call(caller="old", superseded=True, flags=["superseded"])
    make_call(caller="new")
    assert parties(analyst.get("/calls/").text) == ["new"]
    assert parties(analyst.get("/calls/?superseded=1").text) == ["new", "old"]


def test_a_flag_of_a_later_version_is_shown_as_it_is(analyst: Client) -> None:
    make_call(flags=["settled_by_hand"])
    assert "End set manually" in analyst.get("/calls/").text
