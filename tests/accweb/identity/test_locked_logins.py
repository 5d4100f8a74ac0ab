from __future__ import annotations

import pytest
from django.test import Client

from accweb.web.audit import Action
from accweb.web.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def locked() -> None:
    for _ in range(6):
        Client().post("/admin/login/", {"username": "<b>ann", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")


def test_an_administrator_sees_and_unlocks_a_login(admin_client: Client) -> None:
    assert "/access/locked/" in admin_client.get("/").text
    assert "&lt;b&gt;ann" in admin_client.get("/access/locked/").text
    response = admin_client.post("/access/locked/", {"account": "<b>ann"}, follow=True)
    assert "No login is locked." in response.text
    assert AuditEntry.objects.filter(action=Action.UNLOCKED).exists()
    assert "Logins are locked" not in admin_client.get("/").text
