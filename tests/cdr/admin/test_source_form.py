from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from cdr.models import Source
from cdr.models.source import reveal
from tests.accweb.test_health import make_receiver
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
ADD = reverse("admin:cdr_source_add")


def _add(client: Client, kind: str, **settings: str) -> str:
    data = {"proxy": make_proxy().pk, "name": kind, "enabled": "on"}
    data |= {f"setting_{name}": value for name, value in settings.items()}
    return str(client.post(f"{ADD}?kind={kind}", data, follow=True).text)


def test_first_the_kind_is_chosen(admin_client: Client) -> None:
    html = admin_client.get(ADD).text
    assert f'href="{ADD}?kind=radius"' in html
    assert "kind=import" not in html


@pytest.mark.parametrize("kind", [kind for kind in Source.Kind if kind != Source.Kind.IMPORT])
def test_every_kind_has_its_form(kind: str, admin_client: Client) -> None:
    assert admin_client.get(f"{ADD}?kind={kind}").status_code == 200


def test_a_source_is_added_with_its_settings(admin_client: Client) -> None:
    _add(admin_client, "syslog", listen="127.0.0.1:5514", transport="udp", senders="kam1\n10.0.0.0/8")
    source = Source.objects.get()
    settings = source.parsed_settings()
    assert (source.kind, str(settings.listen), settings.transport) == ("syslog", "127.0.0.1:5514", "udp")  # type: ignore[attr-defined]


def test_a_setting_that_makes_no_sense_is_told_at_its_field(admin_client: Client) -> None:
    html = _add(admin_client, "radius", clients="10.0.0.0/8, everybody", secret="testing123")
    assert "&#x27;everybody&#x27; is not a valid address or network" in html
    assert not Source.objects.exists()


def test_a_secret_is_never_shown_and_stays_where_the_field_is_left_empty(admin_client: Client) -> None:
    _add(admin_client, "radius", clients="10.0.0.0/8", secret="testing123")
    source = Source.objects.get()
    change = reverse("admin:cdr_source_change", args=[source.pk])
    sealed = source.settings["secret"]["sealed"]
    html = admin_client.get(change).text
    assert "testing123" not in html
    assert sealed not in html
    data = {"proxy": source.proxy_id, "name": "renamed", "setting_clients": "10.0.0.1"}
    admin_client.post(change, data)
    source.refresh_from_db()
    assert source.name == "renamed"
    assert reveal(source.parsed_settings().secret) == b"testing123"  # type: ignore[attr-defined]


def test_a_token_is_made_and_shown_once(admin_client: Client) -> None:
    html = _add(admin_client, "http")
    shown = re.search(r"not shown again: ([\w-]{43})", html)
    assert shown is not None
    assert reveal(Source.objects.get().parsed_settings().token).decode() == shown[1]  # type: ignore[attr-defined]


def test_a_source_shows_who_serves_it(admin_client: Client) -> None:
    source = make_source(name="syslog", kind=Source.Kind.SYSLOG)
    make_receiver(source, host="collector1", rate=12.34, refused={"messages of unknown senders": 5})
    html = admin_client.get(reverse("admin:cdr_source_change", args=[source.pk])).text
    assert "collector1" in html
    assert "5 messages of unknown senders" in html
    assert "12.3" in admin_client.get(reverse("admin:cdr_source_changelist")).text


def test_a_listener_without_senders_is_asked_for_them_unless_its_proxy_has_addresses(admin_client: Client) -> None:
    proxy = make_proxy(addresses="")
    assert "Enter the addresses that the proxy sends from" in _add(admin_client, "syslog")
    assert not Source.objects.exists()
    proxy.addresses = "192.0.2.1"
    proxy.save()
    _add(admin_client, "syslog")
    assert Source.objects.get().settings.get("senders") is None
