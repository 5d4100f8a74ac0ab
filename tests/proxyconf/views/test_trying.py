"""The page on which a profile is tried on a call flow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from proxyconf.models import Proxy, SavedFlow
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.simulate.flows import FLOWS
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
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
