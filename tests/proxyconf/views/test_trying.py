"""The page on which a profile is tried on a call flow."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from proxyconf.models import Profile, Proxy, SavedFlow
from proxyconf.models.imported import RawFile, store_imported
from proxyconf.models.profile import profile_of, save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.profile import MessageFlag
from proxyconf.simulate.flows import FLOWS
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.lint.cases import flags
from tests.proxyconf.views.conftest import Login

PASSWORD = "s3cret"


@pytest.fixture
def proxy(db: None) -> Proxy:
    """Accounts to the log and SQL; the draft leaves the log alone."""
    proxy = make_proxy("edge-1")
    value = suggested(proxy, [Backend.SYSLOG, Backend.SQL])
    value = replace(value, options={"db_url": f"mysql://kam:{PASSWORD}@db/acc"})
    publish(save_profile(proxy, value), by=None)
    save_profile(proxy, replace(value, backends=(Backend.SQL,)))
    return proxy


def page(client: Client, **query: str | list[str]) -> str:
    response = client.get(reverse("proxyconf:try", args=["edge-1"]), query)
    assert response.status_code == 200
    return response.text


def test_the_page_shows_records_the_call_and_its_ladder(login: Login, proxy: Proxy) -> None:
    text = page(login("view_profile"), flow="busy-then-answered", profile="published")
    assert "ACC: call missed: timestamp=" in text
    assert "<td>Completed</td>" in text
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="ladder"' in text
    assert "Nothing of this call is lost" in text
    assert PASSWORD not in text


def test_what_the_script_lacks_is_named_with_its_setting(login: Login, proxy: Proxy) -> None:
    text = page(login("view_profile"), flow="answered-caller-hangs-up", without=["bye"])
    assert "The end of the call is not in SQL: the script does not set its flag on the BYE." in text
    assert "db_flag" in text
    assert "<td>No STOP</td>" in text


def test_what_is_lost_is_said_in_the_readers_language(login: Login, proxy: Proxy) -> None:
    client = login("view_profile")
    address = reverse("proxyconf:try", args=["edge-1"])
    query = {"flow": "answered-caller-hangs-up", "without": ["bye"], "profile": "published"}
    text = client.get(address, query, headers={"Accept-Language": "es"}).text
    assert "El fin de la llamada no está en el registro y SQL: el script no activa su marca en el BYE." in text
    assert "is not in" not in text


def test_two_profiles_stand_side_by_side(login: Login, proxy: Proxy) -> None:
    text = page(login("view_profile"), flow="busy", against="published")
    assert text.count('class="try-right"') == 2  # the log's lines
    assert "try-left" not in text


def test_an_edited_flow_is_tried_and_saved(editor: Client, proxy: Proxy) -> None:
    flow = replace(FLOWS["busy"], call_id="mine@example.com")
    sent = {"flow_text": json.dumps(flow.to_json()), "profile": "published"}
    url = reverse("proxyconf:try", args=["edge-1"])
    assert "call_id=mine@example.com" in editor.post(url, sent).text
    assert not SavedFlow.objects.exists()
    editor.post(url, {**sent, "save": "1", "name": "my-busy"})
    assert "mine@example.com" in page(editor, flow="my-busy")
    editor.post(url, {"delete": "my-busy"})
    assert not SavedFlow.objects.exists()


def test_who_may_not_change_cannot_save(login: Login, proxy: Proxy) -> None:
    sent = {"flow_text": json.dumps(FLOWS["busy"].to_json()), "save": "1", "name": "mine"}
    assert login("view_profile").post(reverse("proxyconf:try", args=["edge-1"]), sent).status_code == 403


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the flow is not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"requests": []}', "it must have 1 to 50"),
        ('{"requests": [{"method": "INVITE", "at": "soon"}]}', "must be a number of seconds"),
        ('{"requests": [{"method": "INVITE", "forwardings": [{"branches": [{"replies": [{"code": 7}]}]}]}]}', "code 7"),
        ("[" * 90_000, "the flow is not valid JSON"),
    ],
)
def test_a_flow_that_cannot_be_read_is_named_and_kept(text: str, said: str, editor: Client, proxy: Proxy) -> None:
    response = editor.post(reverse("proxyconf:try", args=["edge-1"]), {"flow_text": text})
    assert said in response.text
    assert response.status_code == 200


def test_text_of_a_flow_cannot_become_markup(editor: Client, proxy: Proxy) -> None:
    hostile = "<script>alert(1)</script>"
    flow = replace(FLOWS["busy"], call_id=hostile, caller=replace(FLOWS["busy"].caller, user=hostile, tag=hostile))
    text = editor.post(reverse("proxyconf:try", args=["edge-1"]), {"flow_text": json.dumps(flow.to_json())}).text
    assert hostile not in text


@pytest.mark.parametrize("query", [{"flow": "nosuch"}, {"profile": "99"}, {"against": "nosuch:draft"}])
def test_an_unknown_choice_is_one_sentence(query: dict[str, str], login: Login, proxy: Proxy) -> None:
    assert 'role="alert"' in page(login("view_profile"), **query)


def test_what_ones_own_script_asks_for_is_taken(editor: Client, proxy: Proxy) -> None:
    script = json.dumps({"invite": {"account": ["sql"]}, "bye": {"account": ["sql"]}})
    sent = {"flow_text": json.dumps(FLOWS["bye-481"].to_json()), "script_text": script}
    text = editor.post(reverse("proxyconf:try", args=["edge-1"]), sent).text
    assert "the BYE is answered 481" in text
    wrong = editor.post(reverse("proxyconf:try", args=["edge-1"]), {**sent, "script_text": '{"bye": {"account": "x"}}'})
    assert "bye.account must be a list of backends" in wrong.text


@pytest.fixture
def imported(proxy: Proxy) -> Proxy:
    """Its script was imported: it sets no flag for the BYE."""
    script = (
        "request_route { if (has_totag()) { loose_route(); t_relay(); exit; } record_route(); setflag(20); t_relay(); }"
    )
    store_imported(proxy, [RawFile("kamailio.cfg", script.encode())], [])
    save_profile(proxy, replace(suggested(proxy, [Backend.SYSLOG]), flags=flags(account={Backend.SYSLOG: 20})))
    return proxy


def test_the_imported_script_says_what_is_asked_for(login: Login, imported: Proxy) -> None:
    viewer = login("view_profile")
    text = page(viewer, flow="answered-caller-hangs-up")
    assert "The end of the call is not in the log: the script does not set its flag on the BYE." in text
    generated = page(viewer, flow="answered-caller-hangs-up", routes="generated")
    assert "Nothing of this call is lost" in generated


def test_a_fix_is_applied_to_the_draft_and_the_flow_tried_again(login: Login, imported: Proxy) -> None:
    editor = login("view_profile", "change_profile")
    query = {"flow": "busy", "routes": "generated"}
    title = "log_missed_flag: Use flag 21"
    key = re.search(rf'value="([^"]*)">{title}</button>', page(editor, **query))
    assert key is not None
    data = {**query, "fix": html.unescape(key[1]), "profile": "draft"}
    reply = editor.post(reverse("proxyconf:try", args=["edge-1"]), data, follow=True)
    assert "The fix is in the draft" in reply.text
    assert title not in reply.text
    assert profile_of(Profile.objects.get(proxy=imported)).flags.missed == {Backend.SYSLOG: MessageFlag(21)}


def test_who_may_not_change_the_profile_is_offered_no_fix(login: Login, imported: Proxy) -> None:
    viewer = login("view_profile")
    assert "Apply fix" not in page(viewer, flow="busy", routes="generated")
    reply = viewer.post(reverse("proxyconf:try", args=["edge-1"]), {"fix": "x", "flow": "busy", "profile": "draft"})
    assert reply.status_code == 403


def test_a_flow_is_saved_with_the_edited_part_of_the_script(login: Login, imported: Proxy) -> None:
    editor = login("view_profile", "change_profile")
    flow = json.dumps(FLOWS["answered-caller-hangs-up"].to_json())
    script = json.dumps({"invite": {"account": ["syslog"]}, "bye": {"account": ["syslog"]}})
    data = {"flow_text": flow, "script_text": script, "save": "1", "name": "mine"}
    editor.post(reverse("proxyconf:try", args=["edge-1"]), data)
    assert SavedFlow.objects.get().script["bye"]["account"] == ["syslog"]
    assert "the script does not set its flag on the BYE" not in page(editor, flow="mine")


def test_a_flow_is_saved_without_a_part_that_was_not_edited(login: Login, imported: Proxy) -> None:
    editor = login("view_profile", "change_profile")
    shown = editor.get(reverse("proxyconf:try", args=["edge-1"]), {"flow": "busy"}).context
    data = {"flow_text": shown["flow_text"], "script_text": shown["script_text"], "save": "1", "name": "mine"}
    editor.post(reverse("proxyconf:try", args=["edge-1"]), data)
    assert SavedFlow.objects.get().script is None
