"""Calls that were selected in the list: two compared, the end of many set, some exported."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from accweb.web.models import AuditEntry
from cdr.models import Call, Settlement
from proxyconf.models import ProxyLimit
from tests.cdr.views.calls.test_searching import rows_of, text_of
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client: Client) -> Client:
    """Logged in, with the permissions to see numbers and to set ends."""
    user = User.objects.create_user("bea", is_staff=True)
    names = ["view_call", "view_numbers", "add_settlement", "change_settlement"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="cdr"))
    client.force_login(user)
    return client


def lost(**fields: object) -> Call:
    """A call whose STOP never came."""
    return make_call(
        **{"state": "stop_missing", "ended_at": None, "duration": None, "duration_kind": "unknown"} | fields
    )


def test_two_calls_stand_side_by_side_with_their_differences(clerk: Client) -> None:
    one = make_call(caller="alice", callee="bob", extra={"gw": "vienna"})
    other = make_call(caller="alice", callee="carol", extra={"rate": "std"})
    response = clerk.get(f"/calls/compare/?id={one.pk}&id={other.pk}")
    lines = {str(line.label): line for line in response.context["lines"]}
    assert not lines["Caller"].differs
    assert lines["Callee"].differs
    assert "vienna" in lines["gw"].values[0]
    assert "vienna" not in lines["gw"].values[1]
    assert response.text.count("<svg") >= 2


def test_a_comparison_shows_the_events_of_both(clerk: Client) -> None:
    source = make_source()
    make_event(source=source, call_id="here", reason="first reason")
    make_event(source=source, call_id="there", reason="second reason")
    from cdr.calls.correlate import correlate_pending, mark_all

    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    query = "&".join(f"id={call.pk}" for call in Call.objects.all())
    page = text_of(clerk.get(f"/calls/compare/?{query}"))
    assert "first reason" in page
    assert "second reason" in page


@pytest.mark.parametrize("query", ["", "id=1", "id=x", f"id={'9' * 30}", "id=-1&id=2"])
def test_a_comparison_of_other_than_two_calls_says_what_to_do(clerk: Client, query: str) -> None:
    assert "Select two in the list." in text_of(clerk.get(f"/calls/compare/?{query}"))


def test_a_call_out_of_reach_is_not_compared(clerk: Client) -> None:
    near, far = make_call(proxies=["near"]), make_call(proxies=["far"])
    ProxyLimit.objects.create(user=User.objects.get(username="bea")).proxies.add(make_proxy(name="near"))
    assert "and 1 was found" in text_of(clerk.get(f"/calls/compare/?id={near.pk}&id={far.pk}"))


def test_numbers_stay_masked_in_a_comparison(viewer: Client) -> None:
    one, other = (make_call(caller="+4930123456", callee="4420456789") for _ in range(2))
    html = viewer.get(f"/calls/compare/?id={one.pk}&id={other.pk}").text
    assert "30123456" not in html
    assert "20456789" not in html


def test_the_end_of_many_calls_is_set_with_one_reason(clerk: Client) -> None:
    calls = [lost(), lost()]
    completed = make_call()
    query = "&".join(f"id={call.pk}" for call in [*calls, completed])
    page = text_of(clerk.get(f"/calls/set-ends/?{query}"))
    assert "2 calls with the state No STOP" in page
    assert "1 selected call is left out" in page
    response = clerk.post(f"/calls/set-ends/?{query}", {"unknown": "on", "reason": "proxy restarted"}, follow=True)
    assert "The end of 2 calls was set." in text_of(response)
    assert {call.pk for call in rows_of(response)} == {call.pk for call in calls}
    assert set(Settlement.objects.values_list("call", "reason")) == {(call.pk, "proxy restarted") for call in calls}
    assert AuditEntry.objects.filter(action="settled").count() == 2


def test_a_call_whose_end_cannot_be_set_does_not_hold_up_the_others(clerk: Client) -> None:
    early, late = lost(answered_at=NOON), lost(answered_at=NOON + timedelta(hours=2))
    response = clerk.post(
        f"/calls/set-ends/?id={early.pk}&id={late.pk}",
        {"ended_at": (NOON + timedelta(hours=1)).isoformat(), "reason": "restart"},
        follow=True,
    )
    page = text_of(response)
    assert "The end of 1 call was set." in page
    assert f"Call {late.pk}: The end time is before the answer." in page
    assert Settlement.objects.get().call == early


def test_what_was_typed_stays_when_the_end_is_refused(clerk: Client) -> None:
    call = lost()
    page = clerk.post(f"/calls/set-ends/?id={call.pk}", {"reason": "restart"}).text
    assert "Enter the end time, or mark the end as unknown." in page
    assert 'value="restart"' in page
    assert not Settlement.objects.exists()


def test_calls_without_need_of_an_end_are_no_error(clerk: Client) -> None:
    assert "No such call selected" in text_of(clerk.get(f"/calls/set-ends/?id={make_call().pk}"))
    assert clerk.post(f"/calls/set-ends/?id={make_call().pk}", {"unknown": "on", "reason": "x"}).status_code == 404


def test_who_may_not_set_ends_gets_no_page(viewer: Client) -> None:
    call = lost()
    assert viewer.get(f"/calls/set-ends/?id={call.pk}").status_code == 403
    assert viewer.post(f"/calls/set-ends/?id={call.pk}", {"unknown": "on", "reason": "x"}).status_code == 403


def test_calls_are_listed_by_their_numbers(clerk: Client) -> None:
    one, other, _third = make_call(), make_call(), make_call()
    assert {call.pk for call in rows_of(clerk.get(f"/calls/?id={one.pk}&id={other.pk}"))} == {one.pk, other.pk}
    assert "is not a valid number of a call" in text_of(clerk.get("/calls/?id=x"))


def test_every_row_can_be_selected(clerk: Client) -> None:
    call = make_call()
    html = clerk.get("/calls/").text
    assert f'name="id" value="{call.pk}"' in html
    assert 'formaction="/calls/set-ends/"' in html
