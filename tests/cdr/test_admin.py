from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cdr import admin
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["event", "rejected", "call", "source"])
def test_every_list_opens_and_has_the_look(admin_client: Client, model: str) -> None:
    make_call()
    make_rejected()
    make_event()
    response = admin_client.get(reverse(f"admin:cdr_{model}_changelist"))
    assert response.status_code == 200
    assert "accweb/app.css" in response.text


@pytest.mark.parametrize("model", ["event", "rejected", "call"])
def test_lists_of_big_tables_never_count_without_a_limit(admin_client: Client, model: str) -> None:
    make_call()
    make_rejected()
    make_event()
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(reverse(f"admin:cdr_{model}_changelist"))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and f'"cdr_{model}"' in query["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_a_list_says_that_it_reaches_no_further(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.CappedPaginator, "reach", 2)
    for _ in range(3):
        make_event()
    assert "pages reach the first 2" in admin_client.get(reverse("admin:cdr_event_changelist")).text


def test_an_event_shows_its_input_exactly_as_received(admin_client: Client) -> None:
    event = make_event(raw=b"ACC: ua=\xff<b>\r\n", extra=[["ua", "x"], ["ua", "<i>"]], legs=[[["src", "a"]]])
    html = admin_client.get(reverse("admin:cdr_event_change", args=[event.pk])).text
    assert r'ua=<span class="mark">\xff</span>&lt;b&gt;' in html
    assert "&lt;i&gt;" in html


def test_an_event_is_found_by_its_whole_call_id(admin_client: Client) -> None:
    make_event(call_id="this@host")
    make_event(call_id="that@host")
    html = admin_client.get(reverse("admin:cdr_event_changelist"), {"q": " this@host "}).text
    assert "this@host" in html
    assert "that@host" not in html


def test_rejected_input_shows_reason_and_input(admin_client: Client) -> None:
    rejected = make_rejected(raw=b"\x04\x01\x00\x14" + bytes(16), reason="length <20>")
    html = admin_client.get(reverse("admin:cdr_rejected_change", args=[rejected.pk])).text
    assert "length &lt;20&gt;" in html
    assert "0000  04 01 00 14" in html


@pytest.mark.parametrize("model", ["event", "rejected", "call"])
def test_what_was_collected_cannot_be_changed_by_hand(admin_client: Client, model: str) -> None:
    made = {"event": make_event, "rejected": make_rejected, "call": make_call}[model]()
    assert admin_client.get(reverse(f"admin:cdr_{model}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:cdr_{model}_delete", args=[made.pk]), {"post": "yes"}).status_code == 403
    assert admin_client.post(reverse(f"admin:cdr_{model}_change", args=[made.pk]), {}).status_code in (302, 403)
    made.refresh_from_db()


def test_a_call_of_the_admin_leads_to_its_page(admin_client: Client) -> None:
    call = make_call()
    response = admin_client.get(reverse("admin:cdr_call_change", args=[call.pk]))
    assert response.headers["Location"] == f"/calls/{call.pk}/"


def test_a_source_can_be_added_and_its_health_is_shown(admin_client: Client) -> None:
    proxy = make_proxy()
    fields = {"proxy": proxy.pk, "name": "tables", "enabled": "on"}
    assert admin_client.post(reverse("admin:cdr_source_add") + "?kind=mirror", fields).status_code == 302
    source = make_source(proxy=proxy, events=1234567, error="connection refused")
    html = admin_client.get(reverse("admin:cdr_source_changelist")).text
    assert "1\u202f234\u202f567" in html
    assert "connection refused" in admin_client.get(reverse("admin:cdr_source_change", args=[source.pk])).text
