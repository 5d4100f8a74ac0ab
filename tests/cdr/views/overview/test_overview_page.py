from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accweb.web.models import AuditEntry
from cdr.calls.settlement import settle
from cdr.models import Pending
from cdr.queries import needs_review as unsettled
from cdr.queries import statistics
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from proxyconf.models.reach import ProxyLimit
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


def cards(html: str) -> dict[str, tuple[str, str]]:
    """The figures by name: what they show, and where they lead."""
    found = re.findall(r'figure-(\w+)[ "].*?class="value"(?: href="(.*?)")?>(.*?)</', html, re.DOTALL)
    return {name: (value.replace("\u202f", " "), unescape(address)) for name, address, value in found}


def page_part(html: str) -> str:
    """The page without the sidebar."""
    return html[html.index('class="range"') :]


def ranked(html: str) -> list[tuple[str, int]]:
    """The addresses of rankings, each with the number of calls beside it."""
    rows = re.findall(r'</svg>\s*<a href="(.*?)">.*?<td class="number">(.*?)</td>', html, re.DOTALL)
    return [(unescape(address), int(calls.replace("\u202f", ""))) for address, calls in rows]


def behind(address: str) -> int:
    """How many calls the list at ``address`` has."""
    path, _, query = address.partition("?")
    assert path == "/calls/"
    asked = CallFilter(QueryDict(query), Visibility())
    assert not asked.form.errors
    return asked.qs.count()


def make_calls() -> None:
    now = timezone.now()
    for hours in (1, 30, 24 * 20):
        common = {"started_at": now - timedelta(hours=hours)}
        for state in ("completed", "ongoing", "stop_missing", "start_missing"):
            kind = "measured" if state == "completed" else "unknown"
            make_call(state=state, duration_kind=kind, caller="alice*", source_ip="192.0.2.7", **common)
        for outcome, code in (("busy", 486), ("no_answer", 408), ("failed", 503), ("failed", 500)):
            make_call(
                state="unanswered",
                outcome=outcome,
                sip_code=code,
                caller="=al",
                source_ip="2001:db8::7",
                **common,
            )
        make_call(state="setup", outcome=None, sip_code=None, callee=None, source_ip="not an address", **common)
        make_call(superseded=True, flags=["superseded"], **common)


@pytest.mark.parametrize(
    "query", ["", "period=24h", "period=7d", "period=all", "period=all&outcome=answered&outcome=busy", "state=ongoing"]
)
def test_every_figure_leads_to_the_calls_that_it_counts(query: str, analyst: Client) -> None:
    make_calls()
    html = analyst.get(f"/?{query}").text
    shown = cards(html)
    for name in ("calls", "answered", "stop_missing"):
        value, address = shown[name]
        assert behind(address) == int(value) if address else value == "0", name
    calls = behind(shown["calls"][1])
    for name in ("asr", "ner"):
        value, address = shown[name]
        assert value == f"{100 * behind(address) / calls:.1f} %".replace(".0 ", " "), name


def test_every_line_of_a_ranking_leads_to_its_calls(analyst: Client) -> None:
    make_calls()
    lines = ranked(analyst.get("/?period=all").text) + ranked(analyst.get("/busiest/?period=all").text)
    assert len(lines) == 4 + 3 + 1 + 2  # codes, callers, callees, gateways that can be asked for
    for address, calls in lines:
        assert behind(address) == calls, address


def test_rates_are_shown_with_what_they_mean(viewer: Client) -> None:
    for seconds in (60, 120):
        make_call(duration=timedelta(seconds=seconds))
    make_call(state="unanswered", outcome="busy")
    make_call(state="unanswered", outcome="failed")
    html = viewer.get("/?period=all").text
    shown = {name: value for name, (value, _) in cards(html).items()}
    assert (shown["asr"], shown["ner"], shown["acd"], shown["minutes"]) == ("50 %", "75 %", "1:30", "3.0")
    for word in ("Answer-seizure ratio", "Network effectiveness ratio", "Average call duration"):
        assert word in html
    described = re.findall(r'aria-describedby="(what-\w+)"', html)
    assert len(described) == 7
    assert all(f'id="{name}"' in html for name in described)


def test_figures_are_written_as_the_readers_language_does(viewer: Client) -> None:
    for outcome in ("answered", "answered", "busy"):
        state = "completed" if outcome == "answered" else "unanswered"
        make_call(state=state, outcome=outcome, duration=timedelta(seconds=75))
    shown = {
        language: {name: value for name, (value, _) in cards(page.text).items()}
        for language in ("es", "en")
        for page in [viewer.get("/?period=all", headers={"Accept-Language": language})]
    }
    assert (shown["es"]["asr"], shown["es"]["minutes"]) == ("66,7 %", "2,5")
    assert (shown["en"]["asr"], shown["en"]["minutes"]) == ("66.7 %", "2.5")


def test_without_a_range_it_is_the_shortest_that_has_calls(viewer: Client) -> None:
    for days, period in ((400, "all"), (20, "30d"), (3, "7d"), (0, "24h")):
        make_call(started_at=timezone.now() - timedelta(days=days))
        assert cards(viewer.get("/").text)["calls"][1] == f"/calls/?period={period}"


def test_a_range_of_ones_own_and_a_proxy_are_kept_in_all_links(viewer: Client) -> None:
    make_proxy("kam1")
    make_proxy("kam2")
    make_call()
    make_call(proxies=["kam2"])
    query = "since=2026-05-31T11%3A10&until=2026-05-31T12%3A10&proxy=kam2"
    html = viewer.get(f"/?{query}").text
    assert cards(html)["calls"] == ("1", f"/calls/?{query}")
    assert '<option value="kam2" selected>' in html


def test_the_form_leads_to_an_address_that_says_it_in_few_words(viewer: Client) -> None:
    sent = "read_in=Europe%2FBerlin&zone=&period=24h&since=2026-05-31T14%3A00&until=&proxy="
    assert viewer.get(f"/?{sent}").headers["Location"] == "/?since=2026-05-31T12%3A00%3A00Z"


def test_times_are_shown_in_the_zone_of_the_address(viewer: Client) -> None:
    make_call(state="ongoing", stop_due_at=timezone.now())
    html = viewer.get("/?zone=Asia/Kolkata").text
    assert "per minute, Asia/Kolkata" in html
    assert cards(html)["calls"][1].endswith("zone=Asia%2FKolkata&period=all")
    assert "is not a valid time zone" in viewer.get("/?zone=Mars/Base").text


def test_a_wrong_range_is_said_and_costs_nothing_else(viewer: Client) -> None:
    make_call()
    html = viewer.get("/?since=yesterdayish").text
    assert "is not a valid date or time" in html
    assert cards(html)["calls"][0] == "0"


def test_counting_calls_stops_at_a_limit_and_says_so(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "LIMIT", 2)
    for _ in range(3):
        make_call(caller="bob")
    html = viewer.get("/?period=all&caller=bob").text
    assert "≥ 2</a>" in html
    assert "only the newest calls are counted" in html


def test_calls_without_stop_tell_how_many_are_settled_by_hand(viewer: Client, admin_user: User) -> None:
    make_call(state="stop_missing")
    call = make_call(state="stop_missing", caller="lost <i>")
    settle(call, ended_at=None, reason="phone vanished", by=admin_user, now=timezone.now())
    html = viewer.get("/?period=all").text
    assert cards(html)["stop_missing"] == ("1", "/calls/?period=all&state=stop_missing&settled=0")
    assert "1 set manually" in html
    assert f'href="/calls/{call.pk}/"' in html
    assert "<i>" not in html


def test_ongoing_calls_whose_stop_is_due_soon_are_named(viewer: Client) -> None:
    soon = make_call(state="ongoing", stop_due_at=timezone.now() + timedelta(minutes=20))
    later = make_call(state="ongoing", stop_due_at=timezone.now() + timedelta(hours=3))
    html = viewer.get("/").text
    assert f'href="/calls/{soon.pk}/"' in html
    assert f'href="/calls/{later.pk}/"' not in html
    assert '<a href="/calls/?state=ongoing">2</a>' in html


def test_events_that_wait_for_correlation_are_counted_up_to_a_limit(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsettled, "LIMIT", 2)
    make_call()
    now = timezone.now()
    for minutes in (3, 12, 40):
        event = make_event(received_at=now - timedelta(minutes=minutes))
        Pending.objects.create(call_key=event.call_key)
    html = viewer.get("/").text
    assert "≥ 2 Call-IDs" in html
    assert "40 minutes ago" in html


def test_who_may_not_see_numbers_gets_them_masked_and_no_links_by_them(viewer: Client) -> None:
    make_call(caller="+493012345678", callee="+33123456789", state="ongoing", stop_due_at=timezone.now())
    html = viewer.get("/busiest/?period=all").text + viewer.get("/?period=all").text
    assert "+4930••••••••" in html
    assert "493012345678" not in html
    assert "33123456789" not in html
    assert "caller=" not in html


def test_hostile_parties_are_text(analyst: Client) -> None:
    make_call(caller='"><script>alert(1)</script>', callee="\u202egnp", source_ip="<b>")
    html = analyst.get("/busiest/?period=all").text
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "\u202e" not in html
    (address,) = (address for address, _ in ranked(html) if "caller" in address)
    assert behind(address) == 1


def test_a_limit_to_proxies_holds_for_everything_on_the_page(viewer: Client) -> None:
    user = User.objects.get(username="viewer")
    ProxyLimit.objects.create(user=user).proxies.add(make_proxy("mine"))
    make_proxy("theirs-7")
    make_source(proxy=make_proxy("theirs-7"))
    now = timezone.now()
    for proxy in ("mine", "theirs-7"):
        make_call(proxies=[proxy], state="ongoing", stop_due_at=now, started_at=now, source_ip=f"from {proxy}")
    html = viewer.get("/").text + viewer.get("/busiest/").text
    assert cards(html)["calls"][0] == "1"
    assert "mine" in html
    assert "theirs-7" not in html


def test_a_source_that_fell_silent_or_rejected_input_is_seen(admin_client: Client) -> None:
    source = make_source(
        proxy=make_proxy(name="edge-7"),
        rejected=3,
        error="line cut",
        last_received_at=timezone.now() - timedelta(days=2),
    )
    make_rejected(source=source)
    html = admin_client.get("/").text
    assert "edge-7" in html
    assert "2 days ago" in html
    assert "line cut" in html
    assert f'href="/admin/cdr/rejected/?source__id__exact={source.pk}">3</a>' in html


def test_who_may_not_see_rejected_input_sees_how_much_there_is(viewer: Client) -> None:
    make_source(rejected=3)
    html = viewer.get("/").text
    assert '<span class="alarm">3</span>' in html
    assert "/admin/cdr/rejected/" not in html


def test_without_a_proxy_the_first_command_names_one(viewer: Client) -> None:
    html = viewer.get("/").text
    assert "manage.py proxy add edge-1" in html
    assert "manage.py ingest --proxy edge-1" in html
    assert "manage.py correlate" in html


def test_with_a_proxy_the_command_names_it(viewer: Client) -> None:
    make_proxy(name="berlin-2")
    html = viewer.get("/").text
    assert "proxy add" not in html
    assert "manage.py ingest --proxy berlin-2" in html


def test_events_that_wait_are_said_to_need_correlating(viewer: Client) -> None:
    make_event()
    html = viewer.get("/").text
    assert "not yet correlated" in html
    assert "manage.py ingest" not in html


def test_events_out_of_reach_are_not_said_to_wait(viewer: Client) -> None:
    ProxyLimit.objects.create(user=User.objects.get()).proxies.add(make_proxy(name="near"))
    make_event(source=make_source(proxy=make_proxy(name="far")))
    assert "not yet correlated" not in viewer.get("/").text


def test_every_link_to_calls_keeps_the_zone(analyst: Client) -> None:
    make_call(state="ongoing", stop_due_at=timezone.now())
    settle(make_call(state="stop_missing"), ended_at=None, reason="x", by=User.objects.get(), now=timezone.now())
    links = re.findall(r'href="(/calls/[^"]*)"', page_part(analyst.get("/?zone=Asia/Kolkata").text))
    assert len(links) > 5
    assert [link for link in links if "zone=Asia%2FKolkata" not in link] == []


def test_a_ranking_that_cannot_be_loaded_leaves_the_page_as_it_is(viewer: Client) -> None:
    make_call()
    assert re.search(r'class="busiest-place"\s+data-quiet', viewer.get("/").text)


def test_with_calls_there_are_no_first_steps(viewer: Client) -> None:
    make_call()
    assert "First steps" not in viewer.get("/").text


def test_the_way_to_the_health_page_is_shown_to_those_who_may_go_it(analyst: Client, admin_client: Client) -> None:
    assert 'href="/health/"' not in analyst.get("/").text
    assert 'href="/health/">Data collection' in admin_client.get("/").text


def test_one_look_at_the_overview_is_one_entry_of_the_audit_log(analyst: Client) -> None:
    make_call()
    analyst.get("/?period=all")
    analyst.get("/busiest/?period=all", headers={"HX-Request": "true"})
    assert list(AuditEntry.objects.filter(action="viewed").values_list("target", flat=True)) == ["overview"]
