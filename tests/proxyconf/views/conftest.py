from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile
from tests.factories import make_proxy
from tests.proxyconf.models.test_profile import WHOLE

Login = Callable[..., Client]


@pytest.fixture
def proxy(db: None) -> Proxy:
    """A proxy with a draft."""
    made = make_proxy("edge-1")
    save_profile(made, WHOLE)
    return made


@pytest.fixture
def login(db: None) -> Login:
    """Log in as staff with some permissions of proxyconf."""

    def log_in(*permissions: str, staff: bool = True) -> Client:
        user = User.objects.create_user("-".join(permissions) or "nobody", is_staff=staff)
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="proxyconf", codename__in=permissions)
        )
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def editor(login: Login) -> Client:
    """May view, change and publish profiles."""
    return login("view_profile", "change_profile", "publish_profile")
