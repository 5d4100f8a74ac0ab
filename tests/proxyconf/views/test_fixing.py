from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from accweb.web.models import AuditEntry
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile
from tests.proxyconf.forms.sending import sent
from tests.proxyconf.lint.cases import kamailio, with_extra

pytestmark = pytest.mark.django_db
RULE, PLACE = "cdr-start", "options.cdr_start_on_confirmed"
FIX = {"fix": json.dumps([RULE, PLACE, "Set cdr_start_on_confirmed to 1"])}


@pytest.fixture
def ringing(proxy: Proxy) -> Proxy:
    """A proxy whose dialog records begin with the INVITE."""
    options = {"cdr_enable": 1, "cdr_start_on_confirmed": 0, "db_url": "mysql://u:secret@host/acc"}
    save_profile(proxy, replace(kamailio(), options=options))
    return proxy


CFG_WITH_TWO_FINDINGS = """
loadmodule "acc.so"
modparam("acc", "log_flag", 1)
modparam("acc", "early_media", 1)
modparam("acc", "report_ack", 1)
"""


def key_of(page: str, title: str) -> str:
    """Return the key of the button with a title."""
    button = re.search(rf'value="([^"]*)">{title}</button>', page)
    assert button is not None
    return html.unescape(button[1])


def sealed_in(page: str) -> str:
    """Return the files that a page of the import holds."""
    field = re.search(r'name="sealed" value="([^"]*)"', page)
    assert field is not None
    return html.unescape(field[1])


def options_of(proxy: Proxy) -> object:
    return profile_of(Profile.objects.get(proxy=proxy)).options


def test_a_fix_changes_the_draft_keeps_its_password_and_is_audited(editor: Client, ringing: Proxy) -> None:
    assert "Apply fix" in editor.get(reverse("proxyconf:profile", args=[ringing.name])).text
    page = editor.post(reverse("proxyconf:fix", args=[ringing.name]), FIX, follow=True)
    assert "options: cdr_start_on_confirmed: 0 → 1" in page.text
    assert options_of(ringing)["cdr_start_on_confirmed"] == 1
    assert options_of(ringing)["db_url"] == "mysql://u:secret@host/acc"
    assert AuditEntry.objects.filter(detail__fix="cdr-start").exists()


def test_a_finding_that_is_gone_changes_nothing(editor: Client, ringing: Proxy) -> None:
    before = options_of(ringing)
    page = editor.post(
        reverse("proxyconf:fix", args=[ringing.name]), {"fix": json.dumps([RULE, "options.x", "Set it"])}, follow=True
    )
    assert "Nothing was changed" in page.text
    assert options_of(ringing) == before


@pytest.mark.parametrize("page", ["profile", "publish", "try"])
def test_a_fix_leads_back_to_the_page_that_it_was_on(editor: Client, ringing: Proxy, page: str) -> None:
    address = reverse(f"proxyconf:{page}", args=[ringing.name])
    reply = editor.post(reverse("proxyconf:fix", args=[ringing.name]), FIX | {"next": address})
    assert reply.headers["Location"] == address


def test_a_fix_leads_to_no_other_site(editor: Client, ringing: Proxy) -> None:
    reply = editor.post(reverse("proxyconf:fix", args=[ringing.name]), FIX | {"next": "https://evil.example/"})
    assert reply.headers["Location"] == reverse("proxyconf:profile", args=[ringing.name])


@pytest.mark.parametrize("key", ["", "[]", "{}", "nonsense", '["cdr-start"]'])
def test_a_fix_that_nobody_offered_changes_nothing(editor: Client, ringing: Proxy, key: str) -> None:
    before = options_of(ringing)
    page = editor.post(reverse("proxyconf:fix", args=[ringing.name]), {"fix": key}, follow=True)
    assert "Nothing was changed" in page.text
    assert options_of(ringing) == before


def test_a_fix_of_the_form_is_saved_with_what_the_form_holds(editor: Client, ringing: Proxy) -> None:
    address = reverse("proxyconf:edit", args=[ringing.name])
    page = editor.get(address)
    assert 'form="profile-form" name="fix"' in page.text
    data = sent(page.context["form"], option_failed_filter="404", fix=FIX["fix"], seen=page.context["seen"])
    reply = editor.post(address, data, follow=True)
    assert "The draft is saved with the fix" in reply.text
    assert options_of(ringing)["failed_filter"] == "404"
    assert options_of(ringing)["cdr_start_on_confirmed"] == 1


def test_fixes_of_an_import_add_up_and_are_saved_with_it(editor: Client, proxy: Proxy) -> None:
    address = reverse("proxyconf:import", args=[proxy.name])
    text = CFG_WITH_TWO_FINDINGS
    first = editor.post(address, {"text": text})
    early, report = (key_of(first.text, title) for title in ("Set early_media to 0", "Set report_ack to 0"))
    second = editor.post(address, {"sealed": sealed_in(first.text), "fix": early})
    assert ">Set early_media to 0</button>" not in second.text
    assert ">Set report_ack to 0</button>" in second.text
    data = {"sealed": sealed_in(second.text), "fixes": [early, report], "take": "1"}
    editor.post(address, data)
    assert options_of(proxy)["early_media"] == 0
    assert options_of(proxy)["report_ack"] == 0


def test_who_may_only_look_can_apply_no_fix(login: Callable[..., Client], ringing: Proxy) -> None:
    viewer = login("view_profile")
    assert "Apply fix" not in viewer.get(reverse("proxyconf:profile", args=[ringing.name])).text
    assert viewer.post(reverse("proxyconf:fix", args=[ringing.name]), FIX).status_code == 403


def test_repeated_notes_are_one_with_all_their_places(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, with_extra(with_extra(kamailio(), "$au", "a"), "$au", "b"))
    page = editor.get(reverse("proxyconf:profile", args=[proxy.name])).text
    assert page.count("$au is empty in most events.") == 1
