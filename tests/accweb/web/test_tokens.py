from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User

from accweb.web.models import ApiToken
from accweb.web.tokens import TokenRefused, new_token, scopes_of, token_of
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    user = User.objects.create_user("ann")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_call", "add_note"]))
    return user


def test_only_the_hash_of_a_token_is_stored(user: User) -> None:
    token, text = new_token(user, "script", ["cdr.view_call"], expires_at=None, now=NOON)
    stored = ApiToken.objects.values().get()
    assert text not in map(str, stored.values())
    assert text.startswith(stored["prefix"])
    assert token_of(text, NOON) == token


def test_no_two_tokens_are_alike(user: User) -> None:
    made = [new_token(user, str(n), ["cdr.view_call"], expires_at=None, now=NOON)[1] for n in range(2)]
    assert made[0] != made[1]


def test_a_token_is_good_until_it_expires(user: User) -> None:
    expires_at = NOON + timedelta(days=1)
    _, text = new_token(user, "script", ["cdr.view_call"], expires_at=expires_at, now=NOON)
    assert token_of(text, expires_at - timedelta(seconds=1)) is not None
    assert token_of(text, expires_at) is None


def test_scopes_are_what_the_api_asks_for_and_the_user_has(user: User) -> None:
    assert scopes_of(user) == ["cdr.view_call"]


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        (" ", ["cdr.view_call"], 1, "name"),
        ("n" * 81, ["cdr.view_call"], 1, "name"),
        ("taken", ["cdr.view_call"], 1, "name"),
        ("new", [], 1, "scopes"),
        ("new", ["cdr.view_numbers"], 1, "scopes"),
        ("new", ["cdr.add_note"], 1, "scopes"),
        ("new", ["cdr.view_call"], -1, "expires"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_by_field(
    name: str, scopes: list[str], days: int, field: str, user: User
) -> None:
    new_token(user, "taken", ["cdr.view_call"], expires_at=None, now=NOON)
    with pytest.raises(TokenRefused) as refused:
        new_token(user, name, scopes, expires_at=NOON + timedelta(days=days), now=NOON)
    assert refused.value.field == field
