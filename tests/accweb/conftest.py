from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from accweb.web.tokens import new_token
from tests.factories import NOON

Bearing = Callable[..., Client]


@pytest.fixture
def user(db: None) -> User:
    """May view calls and full numbers."""
    user = User.objects.create_user("ann", password="correct-horse-7")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_call", "view_numbers"]))
    return user


@pytest.fixture
def bearing(user: User) -> Bearing:
    """Return a client that shows a token of ``user`` with these scopes."""

    def client(*scopes: str, name: str = "script") -> Client:
        _, text = new_token(user, name, scopes, expires_at=None, now=NOON)
        return Client(headers={"Authorization": f"Bearer {text}"})

    return client
