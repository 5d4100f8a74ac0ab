from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accweb.web.models import AuditEntry
from cdr.api.records import CallRecordSerializer
from cdr.calls.settlement import settle
from cdr.export import FIELDS, record_of
from cdr.models import Call
from proxyconf.models import ProxyLimit
from tests.cdr.api.conftest import Grant
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

pytestmark = pytest.mark.django_db
CALLS = "/api/v1/calls/"


def got(client: Client, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return response.json()


def test_who_is_not_logged_in_gets_nothing(client: Client) -> None:
    make_call()
    response = client.get(CALLS)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_who_lacks_the_permission_gets_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(f"{CALLS}{make_call().pk}/").status_code == 403


def test_a_call_is_the_record_of_the_export(viewer: Client) -> None:
    call = make_call(extra={"src_ip": "10.0.0.1"}, flags=["forked"])
    call.attempts.create(position=0, code=486, reason="Busy Here", to_tag="x", time=NOON)
    call.legs.create(position=0, source="alice", destination="bob", type=None, values={"a": "b"})
    assert got(viewer, f"{CALLS}{call.pk}/") == record_of(call)
    assert got(viewer, CALLS)["results"] == [record_of(call)]


def test_the_conditions_are_those_of_the_page(viewer: Client) -> None:
    make_call(caller="1", state="ongoing")
    make_call(caller="2")
    assert [call["caller"] for call in got(viewer, f"{CALLS}?state=ongoing")["results"]] == ["1"]


def test_all_pages_together_give_every_call_once_though_calls_arrive_meanwhile(
    viewer: Client,
) -> None:
    for number in range(7):
        make_call(caller=str(number), started_at=NOON + timedelta(seconds=number // 4))
    seen: list[str] = []
    address: str | None = f"{CALLS}?callee=bob&limit=3"
    while address:
        page = got(viewer, address)
        seen += [call["caller"] for call in page["results"]]
        address = page["next"]
        make_call(caller="late", started_at=NOON + timedelta(hours=1))
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_the_previous_page_leads_back(viewer: Client) -> None:
    for number in range(4):
        make_call(caller=str(number), started_at=NOON + timedelta(seconds=number))
    second = got(viewer, got(viewer, f"{CALLS}?limit=2")["next"])
    assert [call["caller"] for call in got(viewer, second["previous"])["results"]] == ["3", "2"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=gone", "state"),
        ("since=soon", "since"),
        ("caler=1", "caler"),
        ("after=zzz", "after"),
        ("page=2", "page"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("updated_after=soon", "updated_after"),
        ("updated_after=2026-05-31T12:00:00Z&before=1.1", "before"),
    ],
)
def test_a_condition_that_is_wrong_or_unknown_is_refused_by_name(viewer: Client, query: str, named: str) -> None:
    response = viewer.get(f"{CALLS}?{query}")
    assert response.status_code == 400
    assert list(response.json()["fields"]) == [named]
    assert response.json()["code"] == "invalid"
    assert response.json()["error"].startswith(f"{named}: ")


def test_an_unknown_call_is_not_found(viewer: Client) -> None:
    assert viewer.get(f"{CALLS}77/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(viewer: Client, method: str) -> None:
    assert getattr(viewer, method)(f"{CALLS}{make_call().pk}/").status_code == 405


def test_the_schema_tells_of_every_field_of_the_record() -> None:
    assert tuple(CallRecordSerializer().fields) == (*FIELDS, "settlement")


def test_numbers_are_masked_for_who_may_not_see_them(granted: Grant) -> None:
    call = make_call(caller="+493012345678", extra={"src_user": "+493012345678"})
    call.legs.create(position=0, source="+493012345678", destination="bob", values={})
    for path in (CALLS, f"{CALLS}{call.pk}/"):
        text = granted("view_call", username=path).get(path).text
        assert "345678" not in text
        assert "+4930" in text


def test_calls_of_other_proxies_are_out_of_reach(viewer: Client) -> None:
    make_proxy("kam1")
    ProxyLimit.objects.create(user=User.objects.get()).proxies.add(make_proxy("kam2"))
    call = make_call(proxies=["kam1"])
    assert got(viewer, CALLS)["results"] == []
    for path in ("", "events/", "revisions/"):
        assert viewer.get(f"{CALLS}{call.pk}/{path}").status_code == 404


def test_reading_full_numbers_is_one_entry_in_the_audit_log(viewer: Client) -> None:
    make_call(caller="+4930")
    make_call(caller="+4940")
    got(viewer, f"{CALLS}?caller=%2B49")
    entry = AuditEntry.objects.get(action=AuditEntry.Action.VIEWED)
    assert (entry.username, entry.target) == ("script", CALLS)
    assert entry.detail == {"query": "caller=%2B49"}


def test_reading_masked_numbers_or_nothing_is_no_entry(viewer: Client, granted: Grant) -> None:
    got(viewer, CALLS)
    make_call()
    got(granted("view_call", username="masked"), CALLS)
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.VIEWED).exists()


def call_with_events() -> Call:
    source = make_source()
    call = make_call(call_id="a@x", from_tag="a", to_tag="b")
    call.identity = b"\0" * 16
    make_event(source=source, call_id="a@x", raw=b"\xff\x00", extra=[["src_user", "+493012345678"]])
    make_event(source=source, call_id="a@x", method="BYE", kind="bye", time=NOON + timedelta(seconds=2))
    return call


def test_a_call_has_its_events_with_the_rule_that_used_each(viewer: Client) -> None:
    events = got(viewer, f"{CALLS}{call_with_events().pk}/events/")
    assert events["left_out"] == 0
    assert [(one["method"], one["rule"]) for one in events["results"]] == [("INVITE", "start"), ("BYE", "stop")]
    first = events["results"][0]
    assert (first["proxy"], first["source"], first["time"]) == ("kam1", "kam1/import", "2026-05-31T12:00:00Z")
    assert base64.b64decode(first["raw"]) == b"\xff\x00"


def test_masked_events_have_no_raw_input(granted: Grant) -> None:
    call = call_with_events()
    first = got(granted("view_call"), f"{CALLS}{call.pk}/events/")["results"][0]
    assert first["raw"] is None
    assert first["extra"] == [["src_user", "+493•••••••••"]]


def test_events_of_proxies_out_of_reach_are_not_told(viewer: Client) -> None:
    near, far = (make_source(proxy=make_proxy(name)) for name in ("near", "far"))
    call = make_call(call_id="a@x", from_tag="a", to_tag="b", proxies=["near", "far"])
    for source in (near, far):
        make_event(source=source, call_id="a@x", raw=source.proxy.name.encode())
    ProxyLimit.objects.create(user=User.objects.get()).proxies.add(near.proxy)
    for path in ("", "events/"):
        assert '"far' not in viewer.get(f"{CALLS}{call.pk}/{path}").text
    events = got(viewer, f"{CALLS}{call.pk}/events/")
    assert ([one["proxy"] for one in events["results"]], events["left_out"]) == (["near"], 0)


def test_the_reason_of_a_settlement_is_masked_wherever_it_is_told(granted: Grant) -> None:
    call = make_call(state="stop_missing", ended_at=None, duration=None, duration_kind="unknown")
    by = User.objects.create_user("ann")
    settle(call, ended_at=None, reason="+493012345678 told so", by=by, now=NOON)
    masked = granted("view_call")
    for path in (CALLS, f"{CALLS}{call.pk}/", f"{CALLS}{call.pk}/revisions/"):
        text = masked.get(path).text
        assert "told so" in text
        assert "345678" not in text


def test_a_call_has_its_revisions(viewer: Client) -> None:
    call = make_call(revision=2)
    call.revisions.create(revision=2, at=NOON, changes={"duration": [None, 2.0]})
    told = [{"revision": 2, "at": "2026-05-31T12:00:00Z", "changes": {"duration": [None, 2.0]}}]
    assert got(viewer, f"{CALLS}{call.pk}/revisions/")["results"] == told


def test_changes_come_in_their_order_with_superseded_calls_and_a_place_to_go_on(viewer: Client) -> None:
    for number, superseded in enumerate((False, True, False)):
        make_call(caller=str(number), updated_at=NOON + timedelta(seconds=number), superseded=superseded)
    page = got(viewer, f"{CALLS}?updated_after=2026-05-31T12:00:00Z&limit=2")
    assert [call["caller"] for call in page["results"]] == ["0", "1"]
    assert page["next"] == page["resume"]
    last = got(viewer, page["next"])
    assert [call["caller"] for call in last["results"]] == ["2"]
    assert (last["next"], last["previous"]) == (None, None)
    make_call(caller="3", updated_at=NOON + timedelta(hours=1))
    assert [call["caller"] for call in got(viewer, last["resume"])["results"]] == ["3"]


def test_where_nothing_changed_one_goes_on_from_the_same_place(viewer: Client) -> None:
    page = got(viewer, f"{CALLS}?updated_after=2026-05-31T12:00:00Z")
    assert (page["results"], page["next"]) == ([], None)
    make_call(updated_at=NOON)
    assert len(got(viewer, page["resume"])["results"]) == 1
