from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accweb.web.roles import VIEWER
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db


def test_users_and_groups_are_kept_in_the_same_look(admin_client: Client) -> None:
    group = Group.objects.create(name="support")
    user = User.objects.create_user("ann")
    for address in (
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_add"),
        reverse("admin:auth_user_change", args=[user.pk]),
        reverse("admin:auth_user_password_change", args=[user.pk]),
        reverse("admin:auth_group_changelist"),
        reverse("admin:auth_group_change", args=[group.pk]),
    ):
        response = admin_client.get(address)
        assert response.status_code == 200
        assert 'id="nav-sidebar"' in response.text


def test_a_user_can_be_added(admin_client: Client) -> None:
    fields = {
        "username": "bob",
        "usable_password": "true",
        "password1": "correct-horse-7",
        "password2": "correct-horse-7",
    }
    admin_client.post(reverse("admin:auth_user_add"), fields)
    assert User.objects.get(username="bob").check_password("correct-horse-7")


def test_a_user_is_added_to_groups_that_the_page_explains(admin_client: Client) -> None:
    assert "Viewers see calls with masked numbers." in admin_client.get(reverse("admin:auth_user_add")).text
    viewers = Group.objects.get(name=VIEWER)
    fields = {
        "username": "bob",
        "usable_password": "true",
        "password1": "correct-horse-7",
        "password2": "correct-horse-7",
        "groups": [viewers.pk],
    }
    admin_client.post(reverse("admin:auth_user_add"), fields)
    assert list(User.objects.get(username="bob").groups.all()) == [viewers]


def test_proxies_that_a_user_is_limited_to_are_ticked(admin_client: Client) -> None:
    make_proxy(name="edge-1")
    user = User.objects.create_user("bob")
    html = admin_client.get(reverse("admin:auth_user_change", args=[user.pk])).text
    assert re.search(r'<input type="checkbox" name="proxy_limit-__prefix__-proxies"', html)


def test_logging_in_leads_to_the_start_page(client: Client) -> None:
    User.objects.create_superuser("ann", password="correct-horse-7")
    response = client.post(reverse("admin:login"), {"username": "ann", "password": "correct-horse-7"}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("cdr:start")
