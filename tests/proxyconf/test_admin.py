from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from proxyconf.models import Proxy
from proxyconf.models.reach import ProxyLimit
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout, Role, TimeLayout
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db

LAYOUT = FieldLayout(
    extras={Backend.SYSLOG: ("src_user", "gw"), Backend.SQL: ()},
    legs={Backend.SYSLOG: ("leg_src", "leg_dst")},
    roles={"gw": Role.ACCOUNT},
    newest_leg_first=False,
    detect_direction=True,
    time=TimeLayout(mode=2, attr="t"),
    cdr=CdrLayout(extras=("callid",), start="st", start_on_confirmed=True),
    columns={"callid": "sip_callid"},
)


def fields_of(client: Client, proxy: Proxy) -> dict[str, Any]:
    """What a browser would send for the form as it is shown."""
    form = client.get(reverse("admin:proxyconf_proxy_change", args=[proxy.pk])).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in sent.items() if value not in (None, False)}


def save(client: Client, proxy: Proxy, **changes: str) -> Any:
    address = reverse("admin:proxyconf_proxy_change", args=[proxy.pk])
    response = client.post(address, fields_of(client, proxy) | changes)
    proxy.refresh_from_db()
    return response


@pytest.mark.parametrize("layout", [FieldLayout(), LAYOUT], ids=["unknown", "known"])
def test_saving_the_form_as_it_is_shown_changes_no_layout(admin_client: Client, layout: FieldLayout) -> None:
    proxy = make_proxy(layout=layout.to_json())
    assert save(admin_client, proxy).status_code == 302
    assert proxy.field_layout == layout


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"timezone": "Europe/Berlin"}, True),
        ({"extras_syslog": "ua"}, True),
        ({"max_call": "1:00:00"}, False),
        ({}, False),
    ],
)
def test_who_changes_how_events_are_read_is_told_that_those_stored_stay(
    admin_client: Client, changes: dict[str, str], told: bool
) -> None:
    proxy = make_proxy(name="edge-1", layout=LAYOUT.to_json())
    save(admin_client, proxy, **changes)
    page = admin_client.get(reverse("admin:proxyconf_proxy_changelist")).text
    assert ("manage.py source reread edge-1" in page) is told


def test_a_proxy_can_be_added(admin_client: Client) -> None:
    fields = {
        "name": "edge-1",
        "product": "opensips",
        "version": "3.6",
        "timezone": "Europe/Berlin",
        "max_call": "2:00:00",
        "extras_syslog": "src_user dst_user",
    }
    response = admin_client.post(reverse("admin:proxyconf_proxy_add"), fields)
    assert response.status_code == 302
    proxy = Proxy.objects.get(name="edge-1")
    assert proxy.max_call == timedelta(hours=2)
    assert proxy.field_layout.extras == {Backend.SYSLOG: ("src_user", "dst_user")}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("src_user dst_user", ("src_user", "dst_user")),
        ("src_user, dst_user;", ("src_user", "dst_user")),
        ("src_user=$fU; dst_user = $rU", ("src_user", "dst_user")),
        ("ua=$hdr(User-Agent);x=$(avp(s:a;b){s.len})", ("ua", "x")),
        ("db: src->src_user; dst", ("src_user", "dst")),
        ("-", ()),
    ],
)
def test_labels_are_taken_as_the_configuration_has_them(
    admin_client: Client, text: str, labels: tuple[str, ...]
) -> None:
    proxy = make_proxy()
    save(admin_client, proxy, extras_sql=text)
    assert proxy.field_layout.extras == {Backend.SQL: labels}


def test_a_variable_tells_the_role_of_its_label(admin_client: Client) -> None:
    proxy = make_proxy()
    save(admin_client, proxy, extras_sql="who=$fU;what=$rm")
    assert proxy.field_layout.role_of("who") is Role.CALLER
    assert proxy.field_layout.role_of("what") is None


def test_a_role_that_is_set_wins_over_the_variable(admin_client: Client) -> None:
    proxy = make_proxy()
    save(admin_client, proxy, extras_sql="who=$fU", roles="who = account\n\n")
    assert proxy.field_layout.role_of("who") is Role.ACCOUNT


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("extras_syslog", "src user=$fU", "is not a valid label"),
        ("extras_syslog", "=$fU", "is not a valid label"),
        ("roles", "who caller", "write it like"),
        ("roles", "who = boss", "is not one of"),
        ("columns", "callid", "write it like"),
        ("version", "five", "is not a version"),
        ("name", "a b", "Use letters"),
    ],
)
def test_what_cannot_be_understood_is_named_and_nothing_is_saved(
    admin_client: Client, field: str, text: str, said: str
) -> None:
    proxy = make_proxy(layout=LAYOUT.to_json())
    response = save(admin_client, proxy, **{field: text})
    assert response.status_code == 200
    assert said in response.text
    assert proxy.field_layout == LAYOUT


def test_the_roles_in_force_are_shown(admin_client: Client) -> None:
    proxy = make_proxy(layout=LAYOUT.to_json())
    html = admin_client.get(reverse("admin:proxyconf_proxy_change", args=[proxy.pk])).text
    assert "<li>src_user: caller</li>" in html
    assert "<li>leg_src: leg_source</li>" in html


def test_the_list_leads_to_the_calls_of_a_proxy(admin_client: Client) -> None:
    make_proxy(name="edge-1")
    assert "/calls/?proxy=edge-1" in admin_client.get(reverse("admin:proxyconf_proxy_changelist")).text


def test_the_list_says_in_words_what_is_known_of_the_fields(admin_client: Client) -> None:
    make_proxy("known", layout=LAYOUT.to_json())
    make_proxy("plain", layout={"extras": {"syslog": []}})
    make_proxy("unknown")
    html = admin_client.get(reverse("admin:proxyconf_proxy_changelist")).text
    assert "syslog: 2 extra fields" in html
    assert "no extra fields" in html
    assert "unknown: fields are guessed" in html


def test_a_proxy_out_of_reach_is_not_there() -> None:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_proxy"))
    ProxyLimit.objects.create(user=user).proxies.add(make_proxy("near"))
    far = make_proxy("far")
    client = Client()
    client.force_login(user)
    html = client.get(reverse("admin:proxyconf_proxy_changelist")).text
    assert "near" in html
    assert ">far<" not in html
    assert client.get(reverse("admin:proxyconf_proxy_change", args=[far.pk])).status_code == 302
