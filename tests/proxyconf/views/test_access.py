"""Every address of the configuration, and who may use it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from proxyconf.models import Profile, Proxy
from proxyconf.models.imported import RawFile, store_imported
from proxyconf.models.revision import publish
from proxyconf.urls import urlpatterns
from tests.proxyconf.views.conftest import Login

VIEW, CHANGE, PUBLISH = "view_profile", "change_profile", "publish_profile"

# name of the address: method, permission that it needs
NEEDS = {
    "profiles": ("get", VIEW),
    "profile": ("get", VIEW),
    "try": ("get", VIEW),
    "patch": ("get", VIEW),
    "zip": ("get", VIEW),
    "file": ("get", VIEW),
    "revisions": ("get", VIEW),
    "compare": ("get", VIEW),
    "revision": ("get", VIEW),
    "revision-zip": ("get", VIEW),
    "revision-file": ("get", VIEW),
    "start": ("post", CHANGE),
    "edit": ("get", CHANGE),
    "preview": ("post", CHANGE),
    "import": ("get", CHANGE),
    "patch-file": ("get", CHANGE),
    "patch-applied": ("post", CHANGE),
    "restore": ("post", CHANGE),
    "fix": ("post", CHANGE),
    "publish": ("get", PUBLISH),
    "token": ("post", PUBLISH),
}
BY_TOKEN = {"fetch", "fetch-zip"}
_REST = {
    "file": ["acc.cfg"],
    "revision": [1],
    "restore": [1],
    "revision-zip": [1],
    "revision-file": [1, "acc.cfg"],
}


def address(name: str) -> str:
    if name == "profiles":
        return reverse("proxyconf:profiles")
    query = {"first": "1", "second": "draft"} if name == "compare" else None
    return reverse(f"proxyconf:{name}", args=["edge-1", *_REST.get(name, [])], query=query)


def ask(client: Client, name: str) -> int:
    return getattr(client, NEEDS[name][0])(address(name)).status_code


@pytest.fixture(autouse=True)
def published(proxy: Proxy) -> None:
    publish(Profile.objects.get(proxy=proxy), by=None)
    store_imported(proxy, [RawFile("kamailio.cfg", b'modparam("acc", "log_flag", 1)\n')], ())


def test_no_address_is_left_out() -> None:
    assert {pattern.name for pattern in urlpatterns} == NEEDS.keys() | BY_TOKEN


@pytest.mark.parametrize("name", NEEDS)
def test_who_is_not_logged_in_comes_to_the_login(name: str, client: Client) -> None:
    response = getattr(client, NEEDS[name][0])(address(name))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", NEEDS)
def test_the_permission_opens_the_address(name: str, login: Login) -> None:
    assert ask(login(NEEDS[name][1]), name) in (200, 302)


@pytest.mark.parametrize("name", NEEDS)
def test_other_permissions_do_not_open_the_address(name: str, login: Login) -> None:
    others = {VIEW, CHANGE, PUBLISH, "view_proxy", "change_proxy"} - {NEEDS[name][1]}
    assert ask(login(*sorted(others)), name) == 403


@pytest.mark.parametrize("name", NEEDS)
def test_who_is_no_staff_is_refused(name: str, login: Login) -> None:
    assert ask(login(VIEW, CHANGE, PUBLISH, staff=False), name) == 403


@pytest.mark.parametrize("name", ["start", "preview", "restore", "token"])
def test_what_changes_something_is_no_link(name: str, editor: Client) -> None:
    assert editor.get(address(name)).status_code == 405


def test_an_unknown_proxy_is_not_found(editor: Client) -> None:
    assert editor.get(reverse("proxyconf:profile", args=["nowhere"])).status_code == 404


def test_the_sidebar_leads_to_the_configuration_only_who_may_view_it(login: Login) -> None:
    link = f'href="{reverse("proxyconf:profiles")}"'
    assert link in login(VIEW).get("/configuration/").text
    assert link not in login("view_proxy").get("/admin/proxyconf/proxy/").text
