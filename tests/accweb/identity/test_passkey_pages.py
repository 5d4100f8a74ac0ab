from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accweb.web.audit import Action
from accweb.web.models import AuditEntry
from tests.identity import confirm

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(admin_user: User) -> Authenticator:
    key: Authenticator = Authenticator.objects.create(user=admin_user, type="webauthn", data={"name": "<b>phone"})
    return key


@pytest.fixture
def client(admin_user: User, key: Authenticator) -> Client:
    client = Client()
    client.force_login(admin_user)
    confirm(client)
    return client


def test_a_passkey_is_renamed(client: Client, key: Authenticator) -> None:
    address = reverse("mfa_edit_webauthn", args=[key.pk])
    assert "&lt;b&gt;phone" in client.get(address).text
    client.post(address, {"name": "key in the safe"})
    assert "key in the safe" in client.get(reverse("mfa_list_webauthn")).text


def test_a_passkey_is_removed_after_a_question(client: Client, key: Authenticator) -> None:
    address = reverse("mfa_remove_webauthn", args=[key.pk])
    assert "&lt;b&gt;phone" in client.get(address).text
    client.post(address)
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.filter(action=Action.DELETED, target="second factor: <b>phone").exists()
