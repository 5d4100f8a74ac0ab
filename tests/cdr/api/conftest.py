from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

Grant = Callable[..., Client]


@pytest.fixture
def granted(db: None) -> Grant:
    """Log in a user with these permissions and no others."""

    def log_in(*permissions: str, username: str = "script") -> Client:
        user = User.objects.create_user(username)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def viewer(granted: Grant) -> Client:
    """Logged in with the permissions to view calls and full numbers; the API asks for nothing more."""
    return granted("view_call", "view_numbers")
