from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accweb.web.models import Preferences
from proxyconf.models import Profile, Proxy, Revision
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.models.revision import publish
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.models.test_profile import WHOLE
from tests.proxyconf.views.conftest import Login

pytestmark = pytest.mark.django_db

SOUND = replace(
    AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), (Backend.SYSLOG,)),
    extras=(ExtraDefinition("src_user", "$fU", {Backend.SYSLOG: "src_user"}),),
)
WRONG = replace(SOUND, extras=(ExtraDefinition("a=b", "$fU", {Backend.SYSLOG: "a=b"}),))


def page_of(proxy: Proxy, name: str, *rest: object, **query: str) -> str:
    return reverse(f"proxyconf:{name}", args=[proxy.name, *rest], query=query)


def send(client: Client, proxy: Proxy, **data: str) -> object:
    seen = client.get(page_of(proxy, "publish")).context["seen"]
    return client.post(page_of(proxy, "publish"), {"seen": seen, **data})


def test_publishing_makes_a_revision_and_shows_it(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, SOUND)
    response = send(editor, proxy, why="for ticket 4711")
    assert response.headers["Location"] == page_of(proxy, "revision", 1)
    revision = Revision.objects.get()
    assert (revision.why, revision.author) == ("for ticket 4711", "view_profile-change_profile-publish_profile")
    proxy.refresh_from_db()
    assert proxy.field_layout.extras == {Backend.SYSLOG: ("src_user",)}


def test_errors_are_published_only_on_demand(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, WRONG)
    assert "There are errors" in send(editor, proxy).text
    assert not Revision.objects.exists()
    assert send(editor, proxy, despite_errors="1").status_code == 302
    assert Revision.objects.exists()


def test_a_draft_that_changed_meanwhile_is_shown_again_first(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, SOUND)
    response = editor.post(page_of(proxy, "publish"), {"seen": "of another draft", "why": "kept"})
    assert "was changed meanwhile" in response.text
    assert "kept" in response.text
    assert not Revision.objects.exists()


def test_the_page_says_what_changes_since_the_last_revision(editor: Client, proxy: Proxy) -> None:
    publish(Profile.objects.get(), by=None)
    save_profile(proxy, replace(WHOLE, options={**WHOLE.options, "early_media": 0}))
    page = editor.get(page_of(proxy, "publish"))
    assert [tuple(one) for one in page.context["changes"]] == [("options: early_media", "1", "0")]
    assert "removed" in page.text


def test_a_changed_password_is_a_change_that_shows_no_password(editor: Client, proxy: Proxy) -> None:
    publish(Profile.objects.get(), by=None)
    save_profile(proxy, replace(WHOLE, options={**WHOLE.options, "db_url": "mysql://acc:anders@db/acc"}))
    page = editor.get(page_of(proxy, "publish"))
    assert "another password" in page.text
    assert "anders" not in page.text


def test_two_revisions_can_be_compared(editor: Client, proxy: Proxy) -> None:
    publish(Profile.objects.get(), by=None)
    publish(save_profile(proxy, replace(WHOLE, extras=WHOLE.extras[:1])), by=None)
    page = editor.get(page_of(proxy, "compare", first="1", second="2"))
    assert [one.what for one in page.context["changes"]] == ["extra field a b;"]


@pytest.mark.parametrize("query", [{}, {"first": "x", "second": "1"}, {"first": "1", "second": "9"}, {"first": "²"}])
def test_comparing_what_is_none_is_not_found(query: dict[str, str], editor: Client, proxy: Proxy) -> None:
    publish(Profile.objects.get(), by=None)
    assert editor.get(page_of(proxy, "compare", **query)).status_code == 404


def test_times_that_are_said_to_be_in_utc_are_whatever_the_readers_zone(editor: Client, proxy: Proxy) -> None:
    revision = publish(Profile.objects.get(), by=None)
    Preferences.objects.create(user=User.objects.get(), time_zone="Pacific/Kiritimati")
    at = f"{revision.created_at:%Y-%m-%d %H:%M:%S}"
    assert f"published {at} UTC" in editor.get(page_of(proxy, "revision", 1)).text
    assert at in editor.get(page_of(proxy, "revisions")).text


def test_a_restored_revision_is_the_draft_and_no_new_revision(editor: Client, proxy: Proxy) -> None:
    publish(Profile.objects.get(), by=None)
    save_profile(proxy, SOUND)
    editor.post(page_of(proxy, "restore", 1))
    assert profile_of(Profile.objects.get()) == WHOLE
    assert Revision.objects.count() == 1


def test_the_list_of_revisions_teaches_while_it_is_empty(login: Login, proxy: Proxy) -> None:
    assert "No revisions yet" in login("view_profile").get(page_of(proxy, "revisions")).text
