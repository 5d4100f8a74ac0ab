"""The zone of a list: times, ranges and links."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.factories import make_call, make_proxy

pytestmark = pytest.mark.django_db


def test_times_and_the_range_are_in_the_zone_of_the_address(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?zone=Asia/Kolkata&since=2026-05-31T17:30&until=2026-05-31T17:31").text
    assert ">2026-05-31 17:30:00<" in html
    assert 'name="since" value="2026-05-31T17:30"' in html
    assert "times in Asia/Kolkata" in html


def test_every_link_of_the_list_keeps_the_zone(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?zone=Asia/Kolkata&caller=a").text
    inside = html[html.index('id="calls"') :]
    links = re.findall(r'(?:href|hx-get|data-call)="(/calls/[^"]*)"', inside)
    assert len(links) > 20
    assert [link for link in links if "zone=Asia%2FKolkata" not in link] == []


def test_the_zones_of_the_proxies_are_offered(analyst: Client) -> None:
    make_proxy(name="edge-1", timezone="Europe/Berlin")
    html = analyst.get("/calls/").text
    assert '<option value="Europe/Berlin">Europe/Berlin (edge-1)</option>' in html
    assert '<option value="" selected>UTC (yours)</option>' in html


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "a" * 300, "%00", "Europe"])
def test_a_zone_that_there_is_not_is_said_and_the_readers_one_taken(analyst: Client, zone: str) -> None:
    make_call()
    html = analyst.get(f"/calls/?zone={zone}").text
    assert "is not a valid time zone, so times are shown in UTC" in html
    assert ">2026-05-31 12:00:00<" in html


def test_the_zone_of_one_answer_is_not_that_of_the_next(analyst: Client) -> None:
    make_call()
    analyst.get("/calls/?zone=Asia/Kolkata")
    assert ">2026-05-31 12:00:00<" in analyst.get("/calls/").text
