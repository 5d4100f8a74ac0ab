from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accweb.web.models import Preferences
from accweb.web.roles import VIEWER
from proxyconf.models import Proxy, ProxyLimit
from tests.factories import make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> User:
    user = User.objects.create_user("vera", password="correct-horse-7", is_staff=True)
    user.groups.add(Group.objects.get(name=VIEWER))
    client.force_login(user)
    return user


def test_times_are_shown_in_the_zone_that_the_reader_chose(viewer: User, client: Client) -> None:
    call = make_call()
    client.post(reverse("account"), {"time_zone": "Asia/Kolkata", "language": ""})
    assert Preferences.objects.get(user=viewer).time_zone == "Asia/Kolkata"
    assert "Asia/Kolkata" in client.get(reverse("cdr:call", args=[call.pk])).text


def test_a_zone_that_does_not_exist_is_refused_at_the_field(viewer: User, client: Client) -> None:
    response = client.post(reverse("account"), {"time_zone": "Mars/Olympus", "language": ""})
    assert "Mars/Olympus" in response.text
    assert not Preferences.objects.exists()


def test_pages_come_in_the_language_that_the_reader_chose_whatever_the_browser_asks_for(
    viewer: User, client: Client
) -> None:
    client.post(reverse("account"), {"time_zone": "", "language": "es"})
    assert '<html lang="es"' in client.get(reverse("cdr:start"), headers={"accept-language": "en"}).text
    client.post(reverse("account"), {"time_zone": "", "language": ""})
    assert '<html lang="en"' in client.get(reverse("cdr:start"), headers={"accept-language": "en"}).text


def test_the_page_says_what_one_may_see(viewer: User, client: Client) -> None:
    limit = ProxyLimit.objects.create(user=viewer)
    limit.proxies.add(Proxy.objects.create(name="edge-7"))
    text = client.get(reverse("account")).text
    assert "viewer" in text
    assert "masked" in text
    assert "edge-7" in text


def test_the_page_is_for_who_is_logged_in(client: Client) -> None:
    assert client.get(reverse("account")).status_code == 302
