"""What of a call its page shows to whom: masked numbers, and proxies that a user has no access to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accweb.web.models import AuditEntry
from cdr.models import Call
from proxyconf.models import ProxyLimit
from tests.cdr.views.call.call_pages import CALL_ID, START, STOP, accounted, shown, text_of
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

pytestmark = pytest.mark.django_db


# --- who may see what -------------------------------------------------------------------------------------------------

NUMBERS = ("4930123456", "33123456789", "44207055501")


CALLER, CALLEE, OTHER = (f"+{number}" for number in NUMBERS)


def call_full_of_numbers() -> Call:
    """A forwarded call whose numbers stand wherever they may: fields, legs, attempts, revisions, notes, input."""
    told = {
        "extra": [["src_user", CALLER], ["dst_user", CALLEE], ["diversion", f"<sip:{OTHER}@x>"]],
        "legs": [[["src", CALLEE], ["dst", OTHER]], [["src", CALLER], ["dst", CALLEE]]],
        "reason": f"OK {OTHER}",
        "raw": f"ACC: transaction answered: {CALLER} {CALLEE} {OTHER}".encode(),
    }
    missed = {"kind": "missed", "code": 486, "reason": f"{CALLEE} is busy", "to_tag": "x", "extra": told["extra"]}
    call = accounted(missed, START | told, layout={"legs": {"syslog": ["src", "dst"]}})
    author = User.objects.create_user("author")
    call.notes.create(author=author, at=NOON, text=f"asked {CALLEE}")
    call.settlements.create(by=author, at=NOON, reason=f"{OTHER} says so", revoked_at=NOON, revoked_by=author)
    legs: list[dict[str, Any]] = [{"source": CALLER, "destination": OTHER, "type": None, "values": {}}]
    call.revisions.create(
        revision=2,
        at=NOON,
        changes={"caller": [OTHER, CALLER], "callee": [None, CALLEE], "extra": [{}, {"x": OTHER}], "legs": [[], legs]},
    )
    make_call(caller=CALLEE, callee=CALLER)
    make_call(call_id=CALL_ID, caller=OTHER, callee=CALLEE)
    return call


@pytest.mark.parametrize("path", ["", "ladder.svg"])
def test_who_may_not_see_numbers_finds_no_whole_one_anywhere(path: str, viewer: Client) -> None:
    call = call_full_of_numbers()
    html = viewer.get(f"/calls/{call.pk}/{path}").text
    assert "+4930" in html
    assert not [number for number in NUMBERS if number in html]


def test_who_may_see_numbers_finds_them_all(analyst: Client) -> None:
    html = shown(analyst, call_full_of_numbers())
    assert not [number for number in NUMBERS if number not in html]


def test_to_whom_numbers_are_masked_is_told_which_permission_shows_the_raw_input(viewer: Client) -> None:
    html = shown(viewer, call_full_of_numbers())
    assert "Can see full numbers, extra fields and raw input of calls" in html
    assert '<pre class="raw"' not in html
    assert "/calls/?caller=" not in html


def test_seeing_numbers_stands_in_the_audit_log(analyst: Client, viewer: Client) -> None:
    call = make_call()
    shown(analyst, call)
    analyst.get(f"/calls/{call.pk}/ladder.svg")
    shown(viewer, call)
    seen = AuditEntry.objects.filter(action="viewed").order_by("at", "id").values_list("username", "target")
    assert list(seen) == [("analyst", f"call {call.pk}"), ("analyst", f"ladder of call {call.pk}")]


def limit_analyst_to(*proxies: str) -> None:
    limit = ProxyLimit.objects.create(user=User.objects.get(username="analyst"))
    limit.proxies.set([make_proxy(name) for name in proxies])


@pytest.mark.parametrize("path", ["", "ladder.svg"])
def test_a_call_out_of_reach_is_not_there(path: str, analyst: Client) -> None:
    limit_analyst_to("edge-2")
    call = accounted(START, STOP)
    assert analyst.get(f"/calls/{call.pk}/{path}").status_code == 404


def test_events_of_proxies_out_of_reach_are_counted_and_not_shown(analyst: Client) -> None:
    limit_analyst_to("edge-1")
    far = make_source(proxy=make_proxy("far"), name="far")
    make_event(source=far, call_id=CALL_ID, reason="secret words", raw=b"secret input", time=NOON)
    call = accounted(START, STOP)
    html = shown(analyst, call)
    assert "1 more event of another proxy." in text_of(html)
    assert "secret" not in html
    assert len(re.findall(r'<tr id="event-', html)) == 2


def test_proxies_out_of_reach_are_named_neither_by_the_page_nor_by_the_list(analyst: Client) -> None:
    limit_analyst_to("edge-1")
    make_proxy("outer-9", timezone="Asia/Tokyo")
    call = make_call(proxies=["edge-1", "outer-9"])
    for html in (shown(analyst, call), analyst.get("/calls/").text):
        assert "edge-1" in html
        assert "outer-9" not in html


def test_related_calls_out_of_reach_are_left_out(analyst: Client) -> None:
    limit_analyst_to("kam1")
    call = make_call(call_id="one@host", caller="ann", callee="bea")
    near = make_call(call_id="one@host", identity=b"other", caller="ann", callee="bea")
    far = make_call(call_id="one@host", identity=b"far", proxies=["far"], caller="ann", callee="bea")
    parallel = make_call(proxies=["far"], caller="ann", callee="bea")
    html = shown(analyst, call)
    assert f"/calls/{near.pk}/" in html
    assert f"/calls/{far.pk}/" not in html
    assert f"/calls/{parallel.pk}/" not in html
