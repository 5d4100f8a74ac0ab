"""What opens within a row of the list, and how many new calls there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accweb.web.models import AuditEntry
from cdr.calls.correlate import correlate_pending, mark_all
from cdr.models import Call
from cdr.queries.keyset import Cursor
from proxyconf.models.reach import ProxyLimit
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

pytestmark = pytest.mark.django_db


def test_legs_attempts_and_events_of_a_call_open_in_its_row(analyst: Client) -> None:
    source = make_source(proxy=make_proxy(name="edge-1"))
    make_event(source=source, call_id="a", kind="answered")
    make_event(source=source, call_id="a", kind="bye", method="BYE", time=NOON + timedelta(seconds=5))
    make_event(source=source, call_id="other")
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    call = Call.objects.get(call_id="a")
    call.legs.create(position=0, source="alice", destination="bob", type="forwarded")
    call.attempts.create(position=0, code=486, reason="Busy Here", to_tag="x", time=NOON)
    html = analyst.get(f"/calls/{call.pk}/inside/?span=9").text
    assert html.lstrip().startswith('<tr class="inside">')
    assert 'colspan="9"' in html
    for text in ("forwarded", "Busy Here", "START", "STOP"):
        assert text in html
    assert html.count("edge-1") == 2


@pytest.mark.parametrize("span", ["", "0x9", "-1", "99999999", "٣"])
def test_a_width_that_makes_no_sense_breaks_nothing(analyst: Client, span: str) -> None:
    call = make_call()
    assert analyst.get(f"/calls/{call.pk}/inside/", {"span": span}).status_code == 200


def test_numbers_of_legs_are_masked_for_who_may_not_see_them(viewer: Client) -> None:
    call = make_call()
    call.legs.create(position=0, source="+493012345678", destination="bob", values={})
    html = viewer.get(f"/calls/{call.pk}/inside/").text
    assert "+493012345678" not in html
    assert "+4930" in html
    assert viewed() == []


def test_opening_a_row_with_full_numbers_is_audited(analyst: Client) -> None:
    call = make_call()
    analyst.get(f"/calls/{call.pk}/inside/")
    assert viewed() == [f"call {call.pk}"]


def test_the_link_to_the_call_keeps_the_zone(analyst: Client) -> None:
    call = make_call()
    html = analyst.get(f"/calls/{call.pk}/inside/?span=9&zone=Asia/Kolkata").text
    assert f'href="/calls/{call.pk}/?zone=Asia%2FKolkata"' in html


def test_a_call_out_of_reach_is_not_there(analyst: Client) -> None:
    ProxyLimit.objects.create(user=User.objects.get(username="analyst"))
    call = make_call()
    assert analyst.get(f"/calls/{call.pk}/inside/").status_code == 404
    assert "0 calls" not in analyst.get("/calls/").text


def test_events_of_proxies_out_of_reach_are_not_shown(analyst: Client) -> None:
    near, far = make_proxy(name="near"), make_proxy(name="far")
    make_event(source=make_source(proxy=near), call_id="a")
    make_event(source=make_source(proxy=far), call_id="a", kind="bye", method="BYE", time=NOON + timedelta(seconds=5))
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    ProxyLimit.objects.create(user=User.objects.get(username="analyst")).proxies.add(near)
    html = analyst.get(f"/calls/{Call.objects.get().pk}/inside/").text
    assert "near" in html
    assert "far" not in html


def viewed() -> list[str]:
    """What full numbers were seen of, by the audit log."""
    return list(AuditEntry.objects.filter(action="viewed").values_list("target", flat=True))


def new(client: Client, first: Call, query: str = "") -> str:
    return client.get(f"/calls/new/?before={Cursor(first.started_at, first.pk)}&{query}").text.strip()


def test_new_calls_are_counted_and_not_shown(analyst: Client) -> None:
    first = make_call(caller="seen")
    assert new(analyst, first) == ""
    for caller in ("a1", "a2", "b1"):
        make_call(caller=caller, started_at=NOON + timedelta(seconds=1))
    assert "3 new calls" in new(analyst, first)
    told = new(analyst, first, "caller=a")
    assert "2 new calls" in told
    assert 'href="/calls/?caller=a"' in told
    assert "a1" not in told


def test_counting_new_calls_stops_at_a_limit(analyst: Client) -> None:
    first = make_call()
    for _ in range(101):
        make_call()
    assert "More than 99 new calls" in new(analyst, first)


def test_looking_for_new_calls_is_not_audited(analyst: Client) -> None:
    first = make_call()
    new(analyst, first)
    assert viewed() == []


@pytest.mark.parametrize("before", ["", "x", "1.1.1"])
def test_a_place_that_makes_no_sense_breaks_nothing(analyst: Client, before: str) -> None:
    make_call()
    assert analyst.get("/calls/new/", {"before": before}).status_code == 200
