"""The token with which a deployment tool fetches the files of a proxy."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from proxyconf.models import Proxy
from proxyconf.models.fetch_token import FetchToken, new_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def proxy() -> Proxy:
    return Proxy.objects.create(name="edge-1")


def test_the_token_is_accepted_and_no_other(proxy: Proxy) -> None:
    token = new_token(proxy, by=None)
    stored = FetchToken.objects.get(proxy=proxy)
    assert stored.accepts(token)
    assert not stored.accepts(token[:-1])
    assert not stored.accepts(stored.digest)
    assert not stored.accepts("")


def test_the_token_itself_is_not_stored(proxy: Proxy) -> None:
    token = new_token(proxy, by=None)
    assert token not in repr(FetchToken.objects.filter(proxy=proxy).values().get())


def test_a_new_token_replaces_the_previous_one(proxy: Proxy) -> None:
    old, new = new_token(proxy, by=None), new_token(proxy, by=None)
    stored = FetchToken.objects.get(proxy=proxy)
    assert (stored.accepts(old), stored.accepts(new)) == (False, True)


def test_the_token_of_one_proxy_is_not_that_of_another(proxy: Proxy) -> None:
    other = Proxy.objects.create(name="edge-2")
    token = new_token(proxy, by=None)
    new_token(other, by=None)
    assert not FetchToken.objects.get(proxy=other).accepts(token)


def test_the_author_and_the_time_are_those_of_the_newest_token(proxy: Proxy) -> None:
    new_token(proxy, by=None)
    first = FetchToken.objects.get(proxy=proxy)
    new_token(proxy, by=User.objects.create_user("olga"))
    second = FetchToken.objects.get(proxy=proxy)
    assert (first.author, second.author) == ("", "olga")
    assert first.created_at < second.created_at
