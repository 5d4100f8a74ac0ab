from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from proxyconf.models import Proxy, ProxyLimit
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db
PROXIES, PROFILES = "/api/v1/proxies/", "/api/v1/profiles/"
PASSWORD = "s3cret"


@pytest.fixture
def client(db: None) -> Client:
    user = User.objects.create_user("script")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_proxy", "view_profile", "change_profile"]))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def proxy(db: None) -> Proxy:
    """Has a published profile with a password in it, and a draft that is the same."""
    proxy = make_proxy()
    value = suggested(proxy, [Backend.SYSLOG, Backend.SQL])
    value = replace(value, options={**value.options, "db_url": f"mysql://kam:{PASSWORD}@db/acc"})
    publish(save_profile(proxy, value), by=None, why="at first")
    return proxy


def test_a_proxy_tells_what_it_is(client: Client, proxy: Proxy) -> None:
    told = client.get(f"{PROXIES}kam1/").json()
    assert (told["name"], told["product"], told["timezone"], told["max_call"]) == ("kam1", "kamailio", "UTC", 14400.0)
    assert client.get(PROXIES).json() == {"next": None, "results": [told]}


def test_a_profile_tells_the_draft_and_what_the_checks_say(client: Client, proxy: Proxy) -> None:
    told = client.get(f"{PROFILES}kam1/").json()
    assert (told["backends"], told["revision"], told["is_published"]) == (["syslog", "sql"], 1, True)
    assert {"severity", "rule", "what", "remedy"} <= told["findings"][0].keys()
    assert told["profile"]["backends"] == ["syslog", "sql"]


def test_what_was_published_is_kept(client: Client, proxy: Proxy) -> None:
    (told,) = client.get(f"{PROFILES}kam1/revisions/").json()["results"]
    assert (told["number"], told["why"]) == (1, "at first")


def test_a_file_is_text_with_an_etag(client: Client, proxy: Proxy) -> None:
    response = client.get(f"{PROFILES}kam1/artefacts/acc.cfg")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "modparam" in response.text
    files = client.get(f"{PROFILES}kam1/artefacts/").json()["results"]
    assert (files[0]["name"], files[0]["text"], files[0]["etag"]) == (
        "acc.cfg",
        response.text,
        response.headers["ETag"],
    )


@pytest.mark.parametrize("revision", ["1", "latest"])
def test_files_of_a_revision_stay_what_they_were(revision: str, client: Client, proxy: Proxy) -> None:
    before = client.get(f"{PROFILES}kam1/artefacts/acc.cfg").text
    save_profile(proxy, suggested(proxy, [Backend.RADIUS]))
    assert client.get(f"{PROFILES}kam1/artefacts/acc.cfg").text != before
    assert client.get(f"{PROFILES}kam1/artefacts/acc.cfg?revision={revision}").text == before


@pytest.mark.parametrize("accept", ["text/plain", "application/json", "*/*"])
def test_a_file_that_there_is_not_is_an_error_as_json(accept: str, client: Client, proxy: Proxy) -> None:
    response = client.get(f"{PROFILES}kam1/artefacts/no.cfg", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/json")


@pytest.mark.parametrize(("revision", "status"), [("2", 404), ("0", 400), ("last", 400), ("99999999999", 400)])
def test_a_revision_that_there_is_not_is_refused(revision: str, status: int, client: Client, proxy: Proxy) -> None:
    assert client.get(f"{PROFILES}kam1/artefacts/?revision={revision}").status_code == status


@pytest.mark.parametrize(
    "path", ["", "kam1/", "kam1/revisions/", "kam1/artefacts/", "kam1/artefacts/acc.cfg", "kam1/artefacts/?revision=1"]
)
def test_no_password_is_told_even_to_who_may_change_it(path: str, client: Client, proxy: Proxy) -> None:
    response = client.get(PROFILES + path)
    assert response.status_code == 200
    assert PASSWORD not in response.text


@pytest.mark.parametrize("path", [f"{PROXIES}kam1/", *(f"{PROFILES}kam1/{rest}" for rest in ("", "artefacts/"))])
def test_other_proxies_are_out_of_reach(path: str, client: Client, proxy: Proxy) -> None:
    ProxyLimit.objects.create(user=User.objects.get())
    assert client.get(path).status_code == 404
    assert client.get(PROXIES).json()["results"] == client.get(PROFILES).json()["results"] == []
