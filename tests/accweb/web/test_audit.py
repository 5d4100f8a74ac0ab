from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accweb.web.models import AuditEntry
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.vocabulary.layout import Backend

pytestmark = pytest.mark.django_db


def _last() -> AuditEntry:
    entry = AuditEntry.objects.first()
    assert entry is not None
    return entry


def test_a_login_is_kept_and_a_refused_one_with_the_name_that_was_tried(client: Client) -> None:
    User.objects.create_superuser("ann", password="correct-horse-7")
    client.post(reverse("admin:login"), {"username": "ann", "password": "wrong"})
    entry = _last()
    assert (entry.action, entry.username, entry.user, entry.address) == ("refused", "ann", None, "127.0.0.1")
    client.post(reverse("admin:login"), {"username": "ann", "password": "correct-horse-7"})
    entry = _last()
    assert (entry.action, entry.username) == ("logged_in", "ann")


def test_no_password_is_kept(client: Client) -> None:
    client.post(reverse("admin:login"), {"username": "ann", "password": "sesame-street-1"})
    assert "sesame" not in str(list(AuditEntry.objects.values()))


def test_a_change_in_the_admin_is_kept_with_the_names_of_the_fields(admin_client: Client) -> None:
    user = User.objects.create_user("bob")
    page = reverse("admin:auth_group_add")
    admin_client.post(page, {"name": "night shift"})
    entry = _last()
    assert (entry.action, entry.target, entry.username) == ("added", "group night shift", "admin")
    admin_client.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})
    assert (_last().action, _last().target) == ("deleted", "user bob")


def test_publishing_a_profile_is_kept_with_its_reason(admin_client: Client) -> None:
    proxy = Proxy.objects.create(name="edge-1")
    save_profile(proxy, suggested(proxy, [Backend.SYSLOG]))
    page = reverse("proxyconf:publish", args=["edge-1"])
    seen = admin_client.get(page).context["seen"]
    admin_client.post(page, {"seen": seen, "why": "first", "despite_errors": "1"})
    entry = _last()
    assert (entry.action, entry.target) == ("changed", "configuration of edge-1")
    assert entry.detail == {"published": 1, "why": "first"}


def test_a_draft_that_is_begun_is_kept(admin_client: Client) -> None:
    Proxy.objects.create(name="edge-1")
    admin_client.post(reverse("proxyconf:start", args=["edge-1"]), {"backends": ["syslog"]})
    assert Profile.objects.exists()
    assert _last().detail == {"draft": "suggested", "backends": ["syslog"]}


def test_the_log_is_shown_and_nobody_changes_it(admin_client: Client) -> None:
    User.objects.create_superuser("ann", password="correct-horse-7")
    admin_client.post(reverse("admin:login"), {"username": "<b>ann</b>", "password": "x"})
    entry = AuditEntry.objects.get(action="refused")
    text = admin_client.get(reverse("admin:accweb_auditentry_changelist")).text
    assert "&lt;b&gt;ann" in text
    assert "<b>ann" not in text
    change = reverse("admin:accweb_auditentry_change", args=[entry.pk])
    assert admin_client.get(change).status_code == 200
    assert admin_client.post(change, {"username": "eve"}).status_code == 403
    assert admin_client.post(reverse("admin:accweb_auditentry_delete", args=[entry.pk])).status_code == 403
    assert admin_client.get(reverse("admin:accweb_auditentry_add")).status_code == 403
