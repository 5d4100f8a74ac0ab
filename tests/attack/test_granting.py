"""Administrators who are no superusers, and limited ones, try to make themselves or others more than they are."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from accweb.web.roles import ADMINISTRATOR, ANALYST, OPERATOR, VIEWER
from proxyconf.models import ProxyLimit
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db


def administrator(client: Client, *permissions: str) -> User:
    """Log in a user who manages users and groups: a whole administrator, or one with these permissions alone."""
    user = User.objects.create_user("boss", is_staff=True)
    if permissions:
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    else:
        user.groups.add(Group.objects.get(name=ADMINISTRATOR))
    client.force_login(user)
    return user


MANAGES = ("view_user", "add_user", "change_user", "delete_user", "view_group", "change_group", "add_group")


def change(client: Client, user: User, **fields: object) -> int:
    data: dict[str, object] = {"username": user.username, "is_active": "on", "is_staff": "on"}
    data |= {f"date_joined_{part}": value for part, value in enumerate(("2026-05-31", "12:00:00"))}
    data |= {"groups": list(user.groups.values_list("pk", flat=True))}
    data |= {"user_permissions": list(user.user_permissions.values_list("pk", flat=True))}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), {**data, **fields}).status_code


def test_an_administrator_does_not_become_superuser(client: Client) -> None:
    user = administrator(client)
    assert change(client, user, is_superuser="on", first_name="Ann") == 302
    user.refresh_from_db()
    assert (user.first_name, user.is_superuser) == ("Ann", False)


def test_an_administrator_does_not_make_a_superuser(client: Client) -> None:
    administrator(client)
    other = User.objects.create_user("other", is_staff=True)
    change(client, other, is_superuser="on")
    other.refresh_from_db()
    assert not other.is_superuser


def test_a_limited_administrator_gives_no_group_or_permission_beyond_the_own(client: Client) -> None:
    user = administrator(client, *MANAGES)
    change(client, user, groups=[Group.objects.get(name=OPERATOR).pk])
    change(client, user, user_permissions=[Permission.objects.get(codename="view_numbers").pk])
    assert not user.groups.exists()
    assert not user.user_permissions.filter(codename="view_numbers").exists()


def test_a_limited_administrator_changes_no_group_beyond_the_own_permissions(client: Client) -> None:
    administrator(client, *MANAGES)
    analysts = Group.objects.get(name=ANALYST)
    response = client.post(reverse("admin:auth_group_change", args=[analysts.pk]), {"name": "mine"})
    assert response.status_code == 403


def test_a_limited_administrator_makes_no_group_with_more_permissions(client: Client) -> None:
    administrator(client, *MANAGES)
    numbers = Permission.objects.get(codename="view_numbers")
    client.post(reverse("admin:auth_group_add"), {"name": "more", "permissions": [numbers.pk]})
    assert not Group.objects.filter(name="more", permissions=numbers).exists()


@pytest.mark.parametrize("role", ["superuser", OPERATOR])
def test_nobody_sets_the_password_of_who_holds_more(role: str, client: Client) -> None:
    administrator(client, *MANAGES)
    other = User.objects.create_user("other", password="old-secret-7", is_superuser=role == "superuser")
    if role == OPERATOR:
        other.groups.add(Group.objects.get(name=role))
    address = reverse("admin:auth_user_password_change", args=[other.pk])
    response = client.post(address, {"password1": "correct-horse-7", "password2": "correct-horse-7"})
    assert response.status_code == 403
    other.refresh_from_db()
    assert other.check_password("old-secret-7")


def test_nobody_deletes_who_holds_more(client: Client) -> None:
    administrator(client)
    other = User.objects.create_superuser("root")
    client.post(reverse("admin:auth_user_delete", args=[other.pk]), {"post": "yes"})
    client.post(
        reverse("admin:auth_user_changelist"),
        {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"},
    )
    assert User.objects.filter(pk=other.pk).exists()


def test_who_is_limited_to_proxies_does_not_lift_the_own_limit_or_pass_it(client: Client) -> None:
    user = administrator(client)
    ProxyLimit.objects.create(user=user).proxies.add(make_proxy("edge-1"))
    other = User.objects.create_user("unlimited", is_staff=True)

    change(client, user, reach="all")
    change(client, user, reach="some", proxies=[make_proxy("edge-2").pk])
    assert list(ProxyLimit.objects.get(user=user).proxies.values_list("name", flat=True)) == ["edge-1"]
    assert change(client, other, first_name="mine") == 403

    password = "correct-horse-7"
    viewers = Group.objects.get(name=VIEWER)
    data: dict[str, object] = {
        "username": "new",
        "usable_password": "true",
        "password1": password,
        "password2": password,
    }
    data |= {"groups": [viewers.pk]}
    client.post(reverse("admin:auth_user_add"), data | {"reach": "all"})
    client.post(reverse("admin:auth_user_add"), data | {"reach": "some", "proxies": [make_proxy("edge-2").pk]})
    assert not User.objects.filter(username="new").exists()
    client.post(reverse("admin:auth_user_add"), data)
    assert list(ProxyLimit.objects.get(user__username="new").proxies.values_list("name", flat=True)) == ["edge-1"]
