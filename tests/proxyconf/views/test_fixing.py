from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from accweb.web.models import AuditEntry
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile
from tests.proxyconf.lint.cases import kamailio, with_extra

pytestmark = pytest.mark.django_db
FIX = {"rule": "cdr-start", "where": "options.cdr_start_on_confirmed"}


@pytest.fixture
def ringing(proxy: Proxy) -> Proxy:
    """A proxy whose dialog records begin with the INVITE."""
    options = {"cdr_enable": 1, "cdr_start_on_confirmed": 0, "db_url": "mysql://u:secret@host/acc"}
    save_profile(proxy, replace(kamailio(), options=options))
    return proxy


def options_of(proxy: Proxy) -> object:
    return profile_of(Profile.objects.get(proxy=proxy)).options


def test_a_fix_changes_the_draft_keeps_its_password_and_is_audited(editor: Client, ringing: Proxy) -> None:
    assert "Apply fix" in editor.get(reverse("proxyconf:profile", args=[ringing.name])).text
    editor.post(reverse("proxyconf:fix", args=[ringing.name]), FIX)
    assert options_of(ringing)["cdr_start_on_confirmed"] == 1
    assert options_of(ringing)["db_url"] == "mysql://u:secret@host/acc"
    assert AuditEntry.objects.filter(detail__fix="cdr-start").exists()


def test_a_finding_that_is_gone_changes_nothing(editor: Client, ringing: Proxy) -> None:
    before = options_of(ringing)
    page = editor.post(reverse("proxyconf:fix", args=[ringing.name]), FIX | {"where": "options.x"}, follow=True)
    assert "Nothing was changed" in page.text
    assert options_of(ringing) == before


def test_who_may_only_look_can_apply_no_fix(login: Callable[..., Client], ringing: Proxy) -> None:
    viewer = login("view_profile")
    assert "Apply fix" not in viewer.get(reverse("proxyconf:profile", args=[ringing.name])).text
    assert viewer.post(reverse("proxyconf:fix", args=[ringing.name]), FIX).status_code == 403


def test_repeated_notes_are_one_with_all_their_places(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, with_extra(with_extra(kamailio(), "$au", "a"), "$au", "b"))
    page = editor.get(reverse("proxyconf:profile", args=[proxy.name])).text
    assert page.count("$au is empty in most events.") == 1
