from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cdr.views import start
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


def figures(html: str) -> dict[str, int]:
    """The numbers of the page, by the address that each links to."""
    table = html[html.find('class="data-table figures"') : html.find("</table>")]
    found = re.findall(r'<a href="(.*?)">(.*?)</a>', table)
    return {address.replace("&amp;", "&"): int(number.replace("\u202f", "")) for address, number in found}


def test_every_number_is_what_the_list_behind_it_gives(viewer: Client) -> None:
    now = timezone.now()
    for days in (0.1, 3, 30):
        for state in ("completed", "ongoing", "stop_missing", "start_missing", "setup"):
            make_call(state=state, started_at=now - timedelta(days=days))
        for outcome in ("busy", "no_answer", "cancelled", "failed"):
            make_call(state="unanswered", outcome=outcome, started_at=now - timedelta(days=days))
    make_call(superseded=True, flags=["superseded"], started_at=now)
    numbers = figures(viewer.get("/").text)
    assert numbers["/calls/?period=24h"] == 9
    assert numbers["/calls/?period=7d"] == 18
    assert numbers["/calls/"] == 27
    assert numbers["/calls/?period=7d&state=stop_missing"] == 2
    for address, number in numbers.items():
        html = viewer.get(address).text
        assert f"<b>1–{number}</b> of {number}" in html, address


def test_counting_stops_at_a_limit_and_says_so(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "COUNT_LIMIT", 2)
    for _ in range(3):
        make_call()
    assert "≥ 2</a>" in viewer.get("/").text


def test_calls_without_stop_are_one_click_away(viewer: Client) -> None:
    call = make_call(state="stop_missing", caller="lost")
    html = viewer.get("/").text
    assert f'href="/calls/{call.pk}/"' in html
    assert 'href="/calls/?state=stop_missing"' in html


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
    assert "wait to become calls" in html
    assert "manage.py ingest" not in html


def test_with_calls_there_are_no_first_steps(viewer: Client) -> None:
    make_call()
    assert "First steps" not in viewer.get("/").text
