"""The pages of health, and what can be done there."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accweb.web.models import AuditEntry
from cdr.models import Event, Receiver, Rejected, Source
from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.reach import ProxyLimit
from proxyconf.models.revision import publish
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, MessageFlag
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db
LINE = b"ACC: transaction answered: timestamp=1780228800;method=BYE;from_tag=a;to_tag=b;call_id=%b;code=200;reason=OK\n"


def client_with(*permissions: str, **fields: Any) -> Client:
    user = User.objects.create_user("somebody", is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return client_with("view_source", "view_rejected", "change_rejected", "change_source", "view_numbers", "view_call")


@pytest.fixture
def source() -> Source:
    return make_source(name="log", kind=Source.Kind.SYSLOG)


def serve(source: Source, **fields: Any) -> Receiver:
    now = timezone.now()
    return Receiver.objects.create(
        source=source, **{"host": "here", "heard_at": now, "started_at": now, "rate": 1.5, "lag": 0.3} | fields
    )


def collected(source: Source, **fields: Any) -> None:
    now = timezone.now()
    Source.objects.filter(pk=source.pk).update(**{"events": 7, "last_received_at": now, "last_event_at": now} | fields)


def overview(client: Client) -> str:
    return client.get(reverse("cdr:health")).text


def page(client: Client, proxy: str = "kam1") -> str:
    return client.get(reverse("cdr:health-proxy", args=[proxy])).text


def test_a_proxy_whose_events_arrive_is_well(operator: Client, source: Source) -> None:
    serve(source)
    collected(source)
    html = overview(operator)
    assert "verdict-well" in html
    assert "1.5/s" in html
    assert "0.3 s" in html


def test_a_source_that_nobody_serves_is_said_to_need_a_receiver(operator: Client, source: Source) -> None:
    assert "Receiver not running" in overview(operator)
    assert "manage.py collect" in page(operator)


def test_a_receiver_in_trouble_says_why(operator: Client, source: Source) -> None:
    serve(source, state="failed", error="address in use <5140>")
    collected(source, error="address in use <5140>")
    html = overview(operator)
    assert "Receiver failing" in html
    assert "address in use &lt;5140&gt;" in html


def test_a_receiver_that_runs_may_warn(operator: Client, source: Source) -> None:
    serve(source, error="the proxy may lose rows")
    collected(source)
    html = overview(operator)
    assert "the proxy may lose rows" in html
    assert "verdict-well" in html


def test_a_source_that_fell_silent_is_said_to_be_since_when(operator: Client, source: Source) -> None:
    serve(source)
    collected(source, last_received_at=timezone.now() - timedelta(days=9), last_event_at=timezone.now())
    html = overview(operator)
    assert "verdict-silent" in html
    assert "9 days ago" in html


def test_refused_senders_are_told_by_reason(operator: Client, source: Source) -> None:
    serve(source, refused={"lines of unknown senders": 12})
    assert "12 <bdi>lines of unknown senders</bdi>" in overview(operator)


def test_the_worst_proxy_comes_first(operator: Client) -> None:
    well, bad = (make_source(proxy=make_proxy(name), name="log", kind="syslog") for name in ("a-well", "z-bad"))
    serve(well)
    collected(well)
    html = overview(operator)
    assert html.index("z-bad") < html.index("a-well")
    assert bad.pk


def test_what_waits_after_a_rejection_is_counted_and_grouped_by_reason(operator: Client, source: Source) -> None:
    Source.objects.update(rejected=3)
    make_rejected(source=source, reason="line 7: timestamp is 'soon'", raw=b"first <script>\x1b")
    make_rejected(source=source, reason="line 9: timestamp is 'later'", raw=b"second <script>\x1b")
    make_rejected(source=source, reason="no call_id")
    make_rejected(source=source, reason="already taken", replayed_at=timezone.now())
    html = page(operator)
    assert "Rejecting input" in html or "not running" in html
    assert "3 records pending" in html
    assert html.count('class="reason"') == 2
    assert "2×" in html
    assert '&lt;script&gt;<span class="mark">\\x1b</span>' in html
    assert "already taken" not in html


def test_who_may_not_see_numbers_sees_no_raw_input_and_masked_reasons(source: Source) -> None:
    client = client_with("view_source")
    Source.objects.update(rejected=1)
    make_rejected(source=source, reason="code=+493012345678 is no code", raw=b"call of +493012345678")
    html = page(client)
    assert "493012345678" not in html
    assert "493•" in html
    assert "change_rejected" not in html
    assert "Read log again" not in html


def test_rejected_input_is_read_again_and_what_became_of_it_is_told_and_audited(
    operator: Client, source: Source
) -> None:
    Source.objects.update(rejected=2)
    make_rejected(source=source, raw=LINE % b"one@x")
    make_rejected(source=source)
    address = reverse("cdr:health-replay", args=["kam1"])
    html = operator.post(address, {"source": source.pk}, follow=True).text
    assert "2 records were re-parsed: 1 accepted (1 new events), 0 not accounting, 1 still rejected." in html
    assert Event.objects.get().call_id == "one@x"
    entry = AuditEntry.objects.get(action="replayed")
    assert (entry.username, entry.target, entry.detail["taken"]) == ("somebody", "kam1/log", 1)


def test_a_click_reads_so_much_again_and_offers_the_rest(
    operator: Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdr.views.health.health_page.AT_ONCE", 2)
    Source.objects.update(rejected=3)
    last = [make_rejected(source=source, reason=f"number {n}") for n in range(3)][1]
    response = operator.post(reverse("cdr:health-replay", args=["kam1"]), {"source": source.pk}, follow=True)
    assert "Re-parse next part of log" in response.text
    assert f'name="after" value="{last.pk}"' in response.text


@pytest.mark.parametrize("missing", ["change_rejected", "view_source"])
def test_reading_again_wants_its_permissions(missing: str, source: Source) -> None:
    client = client_with(*{"change_rejected", "view_source"} - {missing})
    make_rejected(source=source, raw=LINE % b"one@x")
    assert client.post(reverse("cdr:health-replay", args=["kam1"])).status_code == 403
    assert client.post(reverse("cdr:health-reread", args=["kam1"])).status_code == 403
    assert not Event.objects.exists()


def test_a_page_that_is_looked_at_changes_nothing(operator: Client, source: Source) -> None:
    assert operator.get(reverse("cdr:health-replay", args=["kam1"])).status_code == 405
    assert operator.get(reverse("cdr:health-reread", args=["kam1"])).status_code == 405


def test_a_proxy_out_of_reach_is_not_there(source: Source) -> None:
    client = client_with("view_source", "change_rejected", "change_source")
    other = make_source(proxy=make_proxy("kam2"), name="log")
    rejected = make_rejected(source=other, raw=LINE % b"one@x")
    limit = ProxyLimit.objects.create(user=User.objects.get())
    limit.proxies.add(source.proxy)
    assert "kam2" not in overview(client)
    assert client.get(reverse("cdr:health-proxy", args=["kam2"])).status_code == 404
    assert client.post(reverse("cdr:health-replay", args=["kam2"])).status_code == 404
    assert client.post(reverse("cdr:health-replay", args=["kam1"]), {"source": other.pk}).status_code == 404
    assert client.post(reverse("cdr:health-reread", args=["kam2"])).status_code == 404
    assert Rejected.objects.get(pk=rejected.pk).replayed_at is None


def test_drift_says_what_it_means_and_gives_the_line(operator: Client) -> None:
    proxy = make_proxy()
    profile = suggested(proxy, [Backend.SQL])
    extra = {"name": "account", "variable": "$au", "labels": {"sql": "account"}}
    save_profile(proxy, type(profile).from_json(profile.to_json() | {"extras": [extra]}))
    Proxy.objects.update(layout={"extras": {"sql": ["account"]}, "legs": {"sql": []}})
    tables = make_source(name="tables", kind=Source.Kind.MIRROR)
    for _ in range(5):
        make_event(source=tables, backend="sql", extra=[["<b>", "x"]])
    collected(tables)
    html = page(operator)
    assert "modparam(&quot;acc&quot;, &quot;db_extra&quot;, &quot;account=$au&quot;)" in html
    assert "The table has no such column" in html
    assert "&lt;b&gt;" in html
    assert "<b>x" not in html
    assert "5 events, since" in html


def test_links_lead_where_the_user_may_go_only(operator: Client) -> None:
    make_event(source=make_source(name="log"), extra=[["ua", "x"]])
    collected(Source.objects.get())
    assert "/configuration/kam1/import/" not in page(operator)
    User.objects.update(is_superuser=True)
    assert "/configuration/kam1/import/" in page(operator)


def test_the_loss_meter_names_calls_with_links(operator: Client) -> None:
    log, tables = make_source(name="log"), make_source(name="tables", kind=Source.Kind.MIRROR)
    now = timezone.now() - timedelta(hours=1)
    for number in range(3):
        core = {"call_id": f"{number}@x", "time": now + timedelta(minutes=number)}
        make_event(source=log, **core)
        if number != 1:
            make_event(source=tables, backend="sql", **core)
    collected(log, last_event_at=now + timedelta(minutes=2))
    html = page(operator)
    assert "SQL lost 1 event (answers):" in html
    assert "call_id=1%40x" in html
    assert "call_id=0%40x" not in html
    assert "1 lost (33.3 %)" in html


def test_one_backend_alone_cannot_tell_what_it_loses(operator: Client) -> None:
    event = make_event(source=make_source(name="log"))
    collected(Source.objects.get(), last_event_at=event.time)
    assert "Events arrive through one accounting output only" in page(operator)


def test_a_proxy_that_started_says_so(operator: Client) -> None:
    radius = make_source(name="radius", kind=Source.Kind.RADIUS)
    make_event(source=radius, kind="on", method="", call_id="", call_key=None, backend="radius")
    assert "started" in page(operator)


def test_a_zone_that_seems_wrong_is_told_and_its_events_can_be_read_again(operator: Client) -> None:
    proxy = make_proxy(timezone="UTC")
    log, tables = make_source(name="log"), make_source(name="tables", kind=Source.Kind.MIRROR)
    now = timezone.now().replace(microsecond=0) - timedelta(hours=9)
    for number in range(3):
        make_event(source=log, call_id=f"{number}@x", time=now)
        make_event(source=tables, backend="sql", call_id=f"{number}@x", time=now - timedelta(hours=5))
    collected(log, last_event_at=now)
    html = page(operator)
    assert "The time zone of proxy kam1 is probably wrong" in html
    assert "Correct the time zone first" in html
    assert reverse("cdr:health-reread", args=["kam1"]) in html
    assert proxy.pk


def test_stored_events_are_read_again_and_that_is_audited(operator: Client, source: Source) -> None:
    make_event(source=source, raw=LINE % b"one@x", kind="bye", method="BYE", call_id="one@x")
    html = operator.post(reverse("cdr:health-reread", args=["kam1"]), follow=True).text
    assert "1 events were re-parsed" in html
    assert AuditEntry.objects.get(action="changed").target == "events of kam1"


def test_too_many_events_are_left_to_the_command(
    operator: Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdr.views.health.health_page.REREAD_AT_ONCE", 0)
    make_event(source=source)
    html = operator.post(reverse("cdr:health-reread", args=["kam1"]), follow=True).text
    assert "manage.py source reread kam1" in html
    assert not AuditEntry.objects.filter(action="changed").exists()


@pytest.mark.parametrize(
    ("product", "version", "lines"),
    [
        (
            "kamailio",
            "5.6",
            [
                "modparam(&quot;acc&quot;, &quot;log_flag&quot;, 20)",
                "modparam(&quot;acc&quot;, &quot;db_url&quot;,",
                "modparam(&quot;acc_radius&quot;, &quot;radius_flag&quot;, 20)",
                "modparam(&quot;acc_diameter&quot;, &quot;diameter_client_port&quot;, 3868)",
                "action(type=&quot;omfwd&quot; target=&quot;acc.example.net&quot; port=&quot;6000&quot;",
            ],
        ),
        (
            "opensips",
            "3.6",
            [
                "do_accounting(&quot;log&quot;, &quot;missed|failed&quot;)",
                "subscribe_event(&quot;E_ACC_CDR&quot;, &quot;udp:acc.example.net:5141&quot;)",
            ],
        ),
    ],
)
def test_a_proxy_without_events_shows_the_exact_lines(
    operator: Client, settings: Any, product: str, version: str, lines: list[str]
) -> None:
    settings.ALLOWED_HOSTS = ["acc.example.net"]
    proxy = make_proxy(product=product, version=version)
    make_source(proxy=proxy, name="log", kind=Source.Kind.SYSLOG, settings={"listen": "0.0.0.0:6000"})
    html = operator.get(reverse("cdr:health-proxy", args=["kam1"]), headers={"host": "acc.example.net"}).text
    for line in lines:
        assert line in html
    assert "manage.py source add --proxy kam1 --kind" in html


def test_without_a_proxy_the_page_says_how_to_begin(operator: Client) -> None:
    assert "manage.py proxy add" in overview(operator)


def test_no_page_counts_without_a_limit_or_skips_rows(operator: Client, source: Source) -> None:
    Source.objects.update(rejected=1)
    make_rejected(source=source)
    make_event(source=source)
    collected(source)
    with CaptureQueriesContext(connection) as queries:
        overview(operator)
        page(operator)
    for sql in (query["sql"] for query in queries):
        assert "OFFSET" not in sql
        if "COUNT(" in sql and ("cdr_event" in sql or "cdr_rejected" in sql):
            assert "LIMIT" in sql


def test_the_lines_to_connect_a_proxy_are_those_of_its_published_profile(operator: Client) -> None:
    proxy = make_proxy(product="kamailio", version="5.6")
    published = AccountingProfile(
        backends=(Backend.SYSLOG, Backend.SQL),
        flags=Flags(account={Backend.SYSLOG: MessageFlag(4), Backend.SQL: MessageFlag(5)}),
        options={"db_url": "mysql://kamailio:hunter2@db/kamailio"},
        extras=(ExtraDefinition("gateway", "$avp(gw)", labels={Backend.SYSLOG: "gw"}),),
    )
    publish(save_profile(proxy, published), by=None)
    html = operator.get(reverse("cdr:health-proxy", args=["kam1"])).text
    assert "modparam(&quot;acc&quot;, &quot;log_flag&quot;, 4)" in html
    assert "gw=$avp(gw)" in html
    assert "mysql://kamailio:********@db/kamailio" in html
    assert "hunter2" not in html


def test_too_few_events_are_no_all_clear(operator: Client) -> None:
    make_event(source=make_source(name="log"))
    collected(Source.objects.get())
    html = page(operator)
    assert "Too few events to compare" in html
    assert "Log fields match the configuration" not in html


def test_a_source_that_accepts_everybody_is_told(operator: Client, source: Source) -> None:
    assert "Accepts any sender" not in overview(operator)
    source.settings = {"senders": ["0.0.0.0/0", "::/0"]}
    source.save()
    assert "Accepts any sender" in overview(operator)


def test_a_proxy_without_events_is_told_how_to_connect_with_tls(operator: Client) -> None:
    make_proxy(addresses="")
    html = unescape(operator.get(reverse("cdr:health-proxy", args=["kam1"])).text)
    assert "--kind syslog --set transport=tls --set listen=0.0.0.0:6514 --set certificate=" in html
    assert 'StreamDriver="gtls"' in html
    assert "--kind radsec --set certificate=" in html
    assert "--set clients=192.0.2.10" in html
    assert "type tls" in html


def test_a_source_with_tls_gives_the_lines_of_tls(operator: Client) -> None:
    settings = {"transport": "tls", "listen": "0.0.0.0:7000", "certificate": "/etc/accweb/tls/server.pem"}
    make_source(name="log", kind=Source.Kind.SYSLOG, settings=settings)
    html = unescape(operator.get(reverse("cdr:health-proxy", args=["kam1"])).text)
    assert 'port="7000"' in html
    assert 'StreamDriver="gtls"' in html
