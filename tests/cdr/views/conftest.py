from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


def _client(user: User, *permissions: str) -> Client:
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """Logged in as staff who may view calls, and nothing else."""
    return _client(User.objects.create_user("viewer", is_staff=True), "view_call")


@pytest.fixture
def analyst(db: None) -> Client:
    """Logged in as staff who may view calls with full numbers."""
    return _client(User.objects.create_user("analyst", is_staff=True), "view_call", "view_numbers")


@pytest.fixture
def nobody(db: None) -> Client:
    """Logged in as staff without any permission."""
    return _client(User.objects.create_user("nobody", is_staff=True))


@pytest.fixture
def outsider(db: None) -> Client:
    """Logged in with the permission, but no member of staff."""
    return _client(User.objects.create_user("outsider"), "view_call")
