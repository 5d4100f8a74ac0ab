from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from accweb.web.models import Preferences
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from cdr.views.calls.histogram import percent
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db


def bars(html: str) -> list[tuple[str, int]]:
    """The bars that show calls: the address of each and the number that its title says."""
    found = re.findall(r'<a class="bar".*?href="(.*?)".*?<title>(.*?)</title>', html, re.DOTALL)
    counts = [(unescape(address), re.search(r"^(\d+) calls?$", title, re.MULTILINE)) for address, title in found]
    return [(address, int(count[1])) for address, count in counts if count and count[1] != "0"]


def behind(address: str) -> int:
    asked = CallFilter(QueryDict(address.partition("?")[2]), Visibility())
    assert not asked.form.errors
    return asked.qs.count()


@pytest.mark.parametrize("query", ["", "caller=bob", "outcome=busy&outcome=answered", "period=all&state=completed"])
def test_each_bar_and_line_and_group_leads_to_its_calls(query: str, viewer: Client) -> None:
    for hours in (0, 0.99, 1, 5, 70):
        make_call(started_at=NOON + timedelta(hours=hours), caller="bob")
        make_call(started_at=NOON + timedelta(hours=hours), state="unanswered", outcome="busy")
    html = viewer.get(f"/calls/histogram/?{query}").text
    drawn = bars(html)
    assert len(drawn) == 4
    for address, count in drawn:
        assert behind(address) == count
    table = re.findall(r'<th scope="row"><a href="(.*?)">.*?<td class="number">(\d+)</td>', html, re.DOTALL)
    assert [(unescape(address), int(count)) for address, count in table] == drawn
    for address, count in re.findall(r'<a href="([^"]*outcome[^"]*)">[^<]*</a>\s*<b>(\d+)</b>', html):
        assert behind(unescape(address)) == int(count)


def test_bars_carry_their_range_for_dragging(viewer: Client) -> None:
    make_call()
    html = viewer.get("/calls/histogram/?since=2026-05-31T12:00&until=2026-05-31T13:00").text
    ranges = re.findall(r'data-since="(.*?)" data-until="(.*?)"', html)
    assert len(ranges) == 60
    assert ranges[0] == ("2026-05-31T12:00:00Z", "2026-05-31T12:01:00Z")


def test_times_are_those_of_the_readers_zone(viewer: Client) -> None:
    make_call(started_at=datetime.fromisoformat("2026-05-31T22:30:00+00:00"))
    Preferences.objects.create(user=User.objects.get(), time_zone="Europe/Berlin")
    html = viewer.get("/calls/histogram/?since=2026-05-25&until=2026-06-15").text
    assert "2026-06-01\n1 call" in html
    assert "2026-05-31\n1 call" not in html


@pytest.mark.parametrize(("language", "label"), [("en", "1 Jan"), ("es", "1 Ene")])
def test_months_have_the_names_of_the_readers_language(language: str, label: str, viewer: Client) -> None:
    make_call(started_at=datetime.fromisoformat("2026-08-15T12:00:00+00:00"))
    address = "/calls/histogram/?since=2024-01-01&until=2026-12-31"
    html = viewer.get(address, headers={"Accept-Language": language}).text
    assert f">{label}</text>" in html


def test_without_calls_there_is_a_sentence_and_no_drawing(viewer: Client) -> None:
    html = viewer.get("/calls/histogram/").text
    assert "No calls in this range." in html
    assert "<rect" not in html


def test_htmx_gets_the_drawing_alone(viewer: Client) -> None:
    make_call()
    html = viewer.get("/calls/histogram/", headers={"HX-Request": "true"}).text
    assert html.lstrip().startswith("<figure")


def test_a_value_of_the_address_cannot_leave_its_attribute(viewer: Client) -> None:
    make_call(caller='"><script>')
    html = viewer.get("/calls/histogram/", {"caller": '"><script>'}).text
    assert bars(html)
    assert "><script>" not in html.partition("<figure")[2]


@pytest.mark.parametrize(
    ("part", "written"), [(0, "0 %"), (0.00001, "0.1 %"), (0.5, "50 %"), (0.99999, "99.9 %"), (1, "100 %")]
)
def test_a_share_is_never_none_or_all_while_it_is_not(part: float, written: str) -> None:
    assert percent(part) == written.replace(" ", "\u202f")
