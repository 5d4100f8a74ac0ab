from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accweb.web.models import AuditEntry
from cdr.admin import collected
from cdr.models import Rejected, Source
from proxyconf.models.reach import ProxyLimit
from tests.factories import make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["event", "rejected", "source"])
def test_every_list_opens_and_has_the_look(admin_client: Client, model: str) -> None:
    make_rejected()
    make_event()
    response = admin_client.get(reverse(f"admin:cdr_{model}_changelist"))
    assert response.status_code == 200
    assert "accweb/app.css" in response.text


@pytest.mark.parametrize("model", ["event", "rejected"])
def test_lists_of_big_tables_never_count_without_a_limit(admin_client: Client, model: str) -> None:
    make_rejected()
    make_event()
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(reverse(f"admin:cdr_{model}_changelist"))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and f'"cdr_{model}"' in query["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_a_list_says_that_it_reaches_no_further(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected.CappedPaginator, "limit", 2)
    for _ in range(3):
        make_event()
    assert "Pages show the first 2" in admin_client.get(reverse("admin:cdr_event_changelist")).text


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


@pytest.mark.parametrize("model", ["event", "rejected"])
def test_what_was_collected_cannot_be_changed_by_hand(admin_client: Client, model: str) -> None:
    made = {"event": make_event, "rejected": make_rejected}[model]()
    assert admin_client.get(reverse(f"admin:cdr_{model}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:cdr_{model}_delete", args=[made.pk]), {"post": "yes"}).status_code == 403
    assert admin_client.post(reverse(f"admin:cdr_{model}_change", args=[made.pk]), {}).status_code in (302, 403)
    made.refresh_from_db()


def test_a_source_can_be_added_and_its_health_is_shown(admin_client: Client) -> None:
    proxy = make_proxy()
    fields = {"proxy": proxy.pk, "name": "tables", "enabled": "on"}
    assert admin_client.post(reverse("admin:cdr_source_add") + "?kind=http", fields).status_code == 302
    source = make_source(proxy=proxy, events=1234567, error="connection refused")
    html = admin_client.get(reverse("admin:cdr_source_changelist")).text
    assert "1\u202f234\u202f567" in html
    assert "connection refused" in admin_client.get(reverse("admin:cdr_source_change", args=[source.pk])).text


def client_with(*permissions: str, reach: str = "") -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    if reach:
        ProxyLimit.objects.create(user=user).proxies.add(make_proxy(reach))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["event", "rejected", "source"])
def test_what_is_of_proxies_out_of_reach_is_not_there(model: str) -> None:
    client = client_with("view_event", "view_rejected", "view_source", reach="near")
    near, far = (make_source(proxy=make_proxy(name), name=f"log-of-{name}") for name in ("near", "far"))
    made = {
        source.proxy.name: {
            "event": make_event(source=source, call_id=f"call-of-{source.proxy.name}"),
            "rejected": make_rejected(source=source),
            "source": source,
        }
        for source in (near, far)
    }
    html = client.get(reverse(f"admin:cdr_{model}_changelist")).text
    assert "near" in html
    assert "far/" not in html
    assert "-of-far" not in html
    assert ">far<" not in html
    assert client.get(reverse(f"admin:cdr_{model}_change", args=[made["near"][model].pk])).status_code == 200
    assert client.get(reverse(f"admin:cdr_{model}_change", args=[made["far"][model].pk])).status_code == 302


def test_a_source_can_be_given_to_a_proxy_within_reach_alone() -> None:
    client = client_with("add_source", "view_source", reach="near")
    far = make_proxy("far")
    address = reverse("admin:cdr_source_add") + "?kind=http"
    assert "far" not in client.get(address).text
    client.post(address, {"proxy": far.pk, "name": "tables", "enabled": "on"})
    assert not Source.objects.exists()


@pytest.mark.parametrize("model", ["event", "rejected"])
def test_who_may_not_see_numbers_sees_neither_raw_input_nor_extra_fields(model: str) -> None:
    client = client_with("view_event", "view_rejected")
    number = "+493012345678"
    pairs = [["caller", number]]
    event = make_event(raw=number.encode(), extra=pairs, legs=[pairs], reason=f"of {number}")
    rejected = make_rejected(raw=number.encode(), reason=f"code={number} is no code")
    pk = {"event": event, "rejected": rejected}[model].pk
    for address in (reverse(f"admin:cdr_{model}_changelist"), reverse(f"admin:cdr_{model}_change", args=[pk])):
        html = client.get(address).text
        assert "493012345678" not in html
        assert "493•" in html


@pytest.mark.parametrize(
    ("model", "condition"),
    [("event", "reason__contains"), ("event", "extra__icontains"), ("rejected", "reason__regex")],
)
def test_who_may_not_see_numbers_cannot_find_one_out_by_an_address(model: str, condition: str) -> None:
    address = reverse(f"admin:cdr_{model}_changelist")
    assert client_with("view_event", "view_rejected").get(address, {condition: "4930"}).status_code == 400


def test_who_may_not_see_numbers_can_use_the_filters_that_are_offered() -> None:
    make_event(kind="start", call_id="kept@h")
    make_event(kind="bye", method="BYE", call_id="left-out@h", source=Source.objects.get())
    proxy = Source.objects.get().proxy
    asked = {"kind__exact": "start", "proxy__id__exact": proxy.pk}
    html = client_with("view_event").get(reverse("admin:cdr_event_changelist"), asked).text
    assert "kept@h" in html
    assert "left-out@h" not in html


@pytest.mark.parametrize("model", ["event", "rejected"])
def test_who_looked_at_numbers_in_full_is_on_record(model: str, admin_client: Client) -> None:
    made = {"event": make_event, "rejected": make_rejected}[model]()
    admin_client.get(reverse(f"admin:cdr_{model}_change", args=[made.pk]))
    assert AuditEntry.objects.get(action="viewed").target == f"{model} {made.pk}"


LINE = b"ACC: transaction answered: timestamp=1780228800;method=BYE;from_tag=a;to_tag=b;call_id=c;code=200;reason=OK"


def test_rejected_input_that_was_chosen_is_read_again(admin_client: Client) -> None:
    chosen, failing, other = make_rejected(raw=LINE), make_rejected(), make_rejected(raw=LINE)
    form = {"action": "read_again", "_selected_action": [chosen.pk, failing.pk]}
    html = admin_client.post(reverse("admin:cdr_rejected_changelist"), form, follow=True).text
    assert "2 records were re-parsed: 1 accepted (1 new events), 0 not accounting, 1 still rejected." in html
    assert [Rejected.objects.get(pk=one.pk).replayed_at is None for one in (chosen, failing, other)] == [
        False,
        True,
        True,
    ]
    assert AuditEntry.objects.filter(action="replayed").count() == 1


def test_reading_again_wants_its_permission() -> None:
    client = client_with("view_rejected")
    rejected = make_rejected(raw=LINE)
    form = {"action": "read_again", "_selected_action": [rejected.pk]}
    client.post(reverse("admin:cdr_rejected_changelist"), form)
    rejected.refresh_from_db()
    assert rejected.replayed_at is None


@pytest.mark.parametrize(
    ("model", "said"),
    [("rejected", "No rejected input"), ("event", "No events yet"), ("source", "No sources yet")],
)
def test_an_empty_list_says_what_that_means(model: str, said: str, admin_client: Client) -> None:
    html = admin_client.get(reverse(f"admin:cdr_{model}_changelist")).text
    assert said in html
    filtered = {"event": "?kind__exact=bye", "rejected": "?replayed_at__isempty=0", "source": "?kind__exact=syslog"}[
        model
    ]
    make_event()
    make_rejected()
    assert "No results" in admin_client.get(reverse(f"admin:cdr_{model}_changelist") + filtered).text


@pytest.mark.parametrize("model", ["rejected", "event", "source"])
def test_lists_name_the_zone_of_their_times(model: str, admin_client: Client) -> None:
    {"rejected": make_rejected, "event": make_event, "source": make_source}[model]()
    assert "(UTC)" in admin_client.get(reverse(f"admin:cdr_{model}_changelist")).text


def test_the_kinds_of_sources_are_links_that_keep_the_proxy(admin_client: Client) -> None:
    html = admin_client.get(reverse("admin:cdr_source_add") + "?proxy=7").text
    assert 'href="/admin/cdr/source/add/?proxy=7&amp;kind=syslog"' in html
    assert "Syslog over the network" in html
