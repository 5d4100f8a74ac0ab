"""Accounts of an OpenID provider: who is let in, with which groups, and what they cannot become."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from accweb.web.audit import Action
from accweb.web.models import AuditEntry, GroupPolicy
from accweb.web.roles import ADMINISTRATOR, ANALYST, VIEWER
from tests.identity import CODE, ENROL, App, is_logged_in
from tests.openid_provider import CLIENT, SECRET, OpenIdProvider, openid_provider

pytestmark = pytest.mark.django_db
BEGIN, FINISH = "/account/sso/oidc/login/", "/account/sso/oidc/callback/"


@pytest.fixture
def provider(settings: object) -> Iterator[OpenIdProvider]:
    with openid_provider() as provider:
        app = {"provider_id": "oidc", "name": "SSO", "client_id": CLIENT, "secret": SECRET}
        app["settings"] = {"server_url": provider.address, "fetch_userinfo": False}  # type: ignore[assignment]
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}  # type: ignore[attr-defined]
        settings.OIDC_URL, settings.OIDC_NAME = provider.address, "Company login"  # type: ignore[attr-defined]
        settings.OIDC_ROLES = [("/voip/noc", VIEWER), ("/voip/billing", ANALYST), ("/voip/ops", ADMINISTRATOR)]  # type: ignore[attr-defined]
        provider.claims = {"sub": "1", "preferred_username": "ann", "groups": ["/voip/noc"]}
        yield provider


def sign_on(client: Client | None = None, begin: str = BEGIN) -> tuple[Client, HttpResponse]:
    """Go to the provider and come back, as a browser does."""
    client = client or Client()
    address = client.post(begin).headers["Location"]
    back = requests.get(address, allow_redirects=False, timeout=10).headers["Location"]
    parts = urlsplit(back)
    return client, client.get(f"{parts.path}?{parts.query}")  # type: ignore[return-value]


def groups(username: str) -> set[str]:
    return set(User.objects.get(username=username).groups.values_list("name", flat=True))


def test_an_account_with_a_role_gets_a_user_with_its_group(provider: OpenIdProvider) -> None:
    client, response = sign_on()
    assert response.headers["Location"] == "/"
    assert client.get("/calls/").status_code == 200
    user = User.objects.get()
    assert (user.username, user.is_superuser, user.has_usable_password()) == ("ann", False, False)
    assert groups("ann") == {VIEWER}
    assert AuditEntry.objects.filter(action=Action.ADDED, target="user ann").exists()
    assert "Company login" in Client().get("/admin/login/").text


def test_groups_follow_the_provider_at_each_login_and_others_stay(provider: OpenIdProvider) -> None:
    sign_on()
    User.objects.get().groups.add(Group.objects.create(name="our own"))
    provider.claims["groups"] = ["/voip/billing", "/something/else"]
    sign_on()
    assert groups("ann") == {ANALYST, "our own"}
    entry = AuditEntry.objects.filter(action=Action.CHANGED, target="groups of ann").first()
    assert entry is not None
    assert entry.detail["removed"] == [VIEWER]


@pytest.mark.parametrize("claim", [[], ["/voip"], "noc", None, {"/voip/noc": 1}, 7])
def test_an_account_without_a_role_is_refused(claim: object, provider: OpenIdProvider) -> None:
    provider.claims["groups"] = claim
    client, response = sign_on()
    assert response.status_code == 403
    assert "no role in accweb" in response.content.decode()
    assert not is_logged_in(client)
    assert not User.objects.exists()
    assert AuditEntry.objects.filter(action=Action.REFUSED, username="ann", target="single sign-on").exists()


def test_who_lost_the_last_role_is_refused(provider: OpenIdProvider) -> None:
    sign_on()
    provider.claims["groups"] = []
    client, response = sign_on()
    assert response.status_code == 403
    assert not is_logged_in(client)


def test_an_account_does_not_become_a_user_of_the_same_name_or_address(provider: OpenIdProvider) -> None:
    User.objects.create_superuser("admin", email="admin@example.net")
    provider.claims |= {"preferred_username": "admin", "email": "admin@example.net", "email_verified": True}
    client, _ = sign_on()
    user = User.objects.get(pk=client.session["_auth_user_id"])
    assert user.username != "admin"
    assert not user.is_superuser
    assert User.objects.count() == 2


def test_who_is_logged_in_cannot_connect_an_account(provider: OpenIdProvider) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    _, response = sign_on(client, f"{BEGIN}?process=connect")
    assert response.status_code == 403
    assert not User.objects.get(username="root").socialaccount_set.exists()  # type: ignore[attr-defined]


def test_a_user_that_was_deactivated_stays_out(provider: OpenIdProvider) -> None:
    sign_on()
    User.objects.update(is_active=False)
    client, _ = sign_on()
    assert not is_logged_in(client)


@pytest.mark.parametrize("wrong", ["issuer", "audience"])
def test_a_token_of_or_for_somebody_else_is_refused(wrong: str, provider: OpenIdProvider) -> None:
    setattr(provider, wrong, "https://evil.example.net")
    client, response = sign_on()
    assert response.status_code == 403
    assert not is_logged_in(client)


@pytest.mark.parametrize("query", ["", "code=code-0", "code=code-0&state=guess", "error=access_denied&state=x"])
def test_an_answer_that_nobody_asked_for_is_refused(query: str, provider: OpenIdProvider) -> None:
    client = Client()
    response = client.get(f"{FINISH}?{query}")
    assert response.status_code in (302, 403)
    assert not is_logged_in(client)


def test_an_answer_is_good_once(provider: OpenIdProvider) -> None:
    client = Client()
    address = client.post(BEGIN).headers["Location"]
    parts = urlsplit(requests.get(address, allow_redirects=False, timeout=10).headers["Location"])
    client.get(f"{parts.path}?{parts.query}")
    client.post("/admin/logout/")
    client.get(f"{parts.path}?{parts.query}")
    assert not is_logged_in(client)


def test_opening_the_address_alone_begins_no_login(provider: OpenIdProvider) -> None:
    response = Client().get(BEGIN)
    assert response.status_code == 302
    assert response.headers["Location"] == "/admin/login/"


def test_a_required_second_factor_is_required_here_too_unless_the_provider_checks_one(
    provider: OpenIdProvider, settings: object
) -> None:
    GroupPolicy.objects.create(group=Group.objects.get(name=VIEWER), second_factor=True)
    client, _ = sign_on()
    assert client.get("/calls/").headers["Location"] == ENROL
    settings.OIDC_SECOND_FACTOR = True  # type: ignore[attr-defined]
    assert sign_on()[0].get("/calls/").status_code == 200


def test_a_second_factor_that_one_has_is_asked_for(provider: OpenIdProvider) -> None:
    sign_on()
    App(User.objects.get())
    client, response = sign_on()
    assert response.headers["Location"] == CODE
    assert not is_logged_in(client)


def test_a_provider_that_does_not_answer_is_said_and_passwords_work(provider: OpenIdProvider) -> None:
    provider.shutdown()
    provider.server_close()
    response = Client().post(BEGIN)
    assert response.status_code == 503
    assert "does not answer" in response.text


def test_without_a_provider_there_is_no_such_login() -> None:
    assert Client().post(BEGIN).status_code == 404
    assert "sso" not in Client().get("/admin/login/").text


def test_who_cancels_at_the_provider_is_told_so(provider: OpenIdProvider) -> None:
    client = Client()
    state = parse_qs(urlsplit(client.post(BEGIN).headers["Location"]).query)["state"][0]
    response = client.get(FINISH, {"error": "access_denied", "state": state}, follow=True)
    assert "was cancelled" in response.text


@pytest.mark.parametrize("address", ["https://evil.example.net/", "//evil.example.net", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(address: str, provider: OpenIdProvider) -> None:
    _client, response = sign_on(begin=f"{BEGIN}?{urlencode({'next': address})}")
    assert response.headers["Location"] == "/"
    user = User.objects.create_user("bob", password="correct-horse-7", is_staff=True)
    login = {"username": "bob", "password": "correct-horse-7"}
    assert Client().post(f"/admin/login/?{urlencode({'next': address})}", login).headers["Location"] == "/"
    app, client = App(user), Client()
    client.post(f"/admin/login/?{urlencode({'next': address})}", login)
    assert client.post(CODE, {"code": app.code()}).headers["Location"] == "/"
