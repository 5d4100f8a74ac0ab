from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accweb.web.roles import VIEWER
from proxyconf.models import ProxyLimit
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


def new_user(**fields: object) -> dict[str, object]:
    password = "correct-horse-7"
    return {"username": "bob", "usable_password": "true", "password1": password, "password2": password} | fields


def test_a_user_is_added_with_a_role_that_the_page_explains(admin_client: Client) -> None:
    assert "Viewer: sees calls; numbers are masked" in admin_client.get(reverse("admin:auth_user_add")).text
    viewers = Group.objects.get(name=VIEWER)
    admin_client.post(reverse("admin:auth_user_add"), new_user(groups=[viewers.pk], reach="all"))
    user = User.objects.get(username="bob")
    assert user.check_password("correct-horse-7")
    assert list(user.groups.all()) == [viewers]
    assert not ProxyLimit.objects.exists()


def test_a_new_user_needs_a_role(admin_client: Client) -> None:
    response = admin_client.post(reverse("admin:auth_user_add"), new_user(reach="all"))
    assert response.context["adminform"].form.errors["groups"] == ["This field is required."]
    assert not User.objects.filter(username="bob").exists()


def test_a_user_is_limited_to_proxies_and_freed_again(admin_client: Client) -> None:
    proxies = [make_proxy(name="edge-1"), make_proxy(name="edge-2")]
    viewers = Group.objects.get(name=VIEWER)
    fields = new_user(groups=[viewers.pk], reach="some", proxies=[proxies[0].pk])
    admin_client.post(reverse("admin:auth_user_add"), fields)
    user = User.objects.get(username="bob")
    assert list(user.proxy_limit.proxies.all()) == [proxies[0]]
    address = reverse("admin:auth_user_change", args=[user.pk])
    page = admin_client.get(address).context["adminform"].form
    assert page["reach"].value() == "some"
    assert page["proxies"].value() == [proxies[0].pk]
    sent = {"username": "bob", "groups": [viewers.pk], "date_joined_0": "2026-05-31", "date_joined_1": "12:00:00"}
    admin_client.post(address, sent | {"reach": "all"})
    assert not ProxyLimit.objects.exists()


def test_the_list_of_users_says_who_sees_what(admin_client: Client) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.groups.add(Group.objects.get(name=VIEWER))
    ProxyLimit.objects.create(user=user).proxies.add(make_proxy(name="edge-1"))
    html = admin_client.get(reverse("admin:auth_user_changelist")).text
    row = html[html.index(">bob<") :]
    assert [word for word in ("viewer", "edge-1", "masked") if word not in row] == []


def test_single_permissions_are_folded_away(admin_client: Client) -> None:
    user = User.objects.create_user("bob")
    form = admin_client.get(reverse("admin:auth_user_change", args=[user.pk])).context["adminform"]
    names = [fieldset.name for fieldset in form]
    assert str(names[-1]) == "Advanced"
    assert "collapse" in list(form)[-1].classes


def test_logging_in_leads_to_the_start_page(client: Client) -> None:
    User.objects.create_superuser("ann", password="correct-horse-7")
    response = client.post(reverse("admin:login"), {"username": "ann", "password": "correct-horse-7"}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("cdr:start")
