from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from accweb.web.models import ApiToken, AuditEntry
from accweb.web.tokens import new_token
from tests.factories import NOON

pytestmark = pytest.mark.django_db
PAGE = "/account/tokens/"


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_call"))
    return user


@pytest.fixture
def client(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def make(client: Client, **given: object) -> str:
    response = client.post(PAGE, {"name": "billing", "scopes": ["cdr.view_call"], "expires": "", **given})
    assert response.status_code == 200
    return response.text


def shown(text: str) -> str | None:
    found = re.search(r'id="new-token">(accweb_[\w-]+)<', text)
    return found[1] if found else None


def test_a_token_that_is_made_is_shown_once_and_works(client: Client) -> None:
    token = shown(make(client))
    assert token
    assert token not in client.get(PAGE).text
    asked = Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/calls/")
    assert asked.status_code == 200


def test_a_token_never_stays_in_the_browser_or_the_session(client: Client) -> None:
    response = client.post(PAGE, {"name": "billing", "scopes": ["cdr.view_call"]})
    assert "no-store" in response.headers["Cache-Control"]
    assert shown(response.text) not in str(dict(client.session))


def test_making_and_revoking_are_in_the_audit_log(client: Client) -> None:
    make(client)
    client.post(f"{PAGE}{ApiToken.objects.get().pk}/revoke/")
    told = AuditEntry.objects.filter(target__startswith="API token billing").order_by("id")
    assert [entry.action for entry in told] == ["added", "deleted"]
    assert not ApiToken.objects.exists()


def test_the_day_of_expiry_counts_whole(client: Client) -> None:
    make(client, expires="2099-12-30")
    assert ApiToken.objects.get().expires_at.isoformat() == "2099-12-31T00:00:00+00:00"


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"scopes": []},
        {"scopes": ["cdr.view_numbers"]},
        {"expires": "2020-01-01"},
        {"expires": "9999-12-31"},
        {"expires": "soon"},
    ],
)
def test_what_makes_no_sense_makes_no_token_and_is_said(given: dict[str, object], client: Client) -> None:
    text = make(client, **given)
    assert shown(text) is None
    assert "errorlist" in text
    assert not ApiToken.objects.exists()


def test_a_name_that_is_taken_is_said(client: Client) -> None:
    make(client)
    assert "A token with this name exists" in make(client)


def test_tokens_of_others_are_neither_seen_nor_revoked(client: Client) -> None:
    other = User.objects.create_superuser("root")
    token, _ = new_token(other, "theirs", ["cdr.view_call"], expires_at=None, now=NOON)
    assert "theirs" not in client.get(PAGE).text
    assert client.post(f"{PAGE}{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_a_name_is_shown_as_text(client: Client) -> None:
    make(client, name="<script>alert(1)</script>")
    assert "<script>alert(1)" not in client.get(PAGE).text


def test_who_is_not_logged_in_comes_to_the_login() -> None:
    assert Client().get(PAGE).status_code == 302
