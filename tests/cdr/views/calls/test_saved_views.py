"""Views of the list that people save and share."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from cdr.models import Attempt, SavedView
from cdr.views.calls import saved_views
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def sharer(analyst: Client) -> Client:
    """The analyst, who may share as well."""
    User.objects.get(username="analyst").user_permissions.add(Permission.objects.get(codename="share_savedview"))
    return analyst


def save(client: Client, name: str, conditions: str = "caller=49", **more: str) -> None:
    client.post("/calls/views/", {"name": name, "conditions": conditions, **more})


def test_conditions_are_saved_under_a_name_and_lead_back(analyst: Client) -> None:
    response = analyst.post("/calls/views/", {"name": "Mine", "conditions": "caller=49&after=1.2&word=x&live=1"})
    assert SavedView.objects.get().conditions == "caller=49"
    assert response.headers["Location"].startswith("/calls/?caller=49")
    html = analyst.get("/calls/").text
    assert 'href="/calls/?caller=49"' in html
    assert "Mine" in html


def test_a_view_that_is_shown_is_marked(analyst: Client) -> None:
    save(analyst, "Mine", "caller=49&state=ongoing")
    assert '<b class="name"><bdi>Mine</bdi></b>' in analyst.get("/calls/?state=ongoing&caller=49&zone=UTC").text


def test_saving_under_the_same_name_replaces_the_view(analyst: Client) -> None:
    save(analyst, "Mine")
    save(analyst, "Mine", "callee=1")
    assert [view.conditions for view in SavedView.objects.all()] == ["callee=1"]


def test_a_private_view_is_seen_by_its_owner_alone(analyst: Client, viewer: Client) -> None:
    save(analyst, "Secret", "state=ongoing")
    assert "Secret" not in viewer.get("/calls/").text


def test_a_shared_view_is_seen_by_others_with_its_owner(sharer: Client, viewer: Client) -> None:
    save(sharer, "For all", "state=ongoing", shared="1")
    html = viewer.get("/calls/").text
    assert "For all" in html
    assert "analyst" in html


def test_a_shared_view_about_numbers_is_not_shown_to_who_may_not_see_them(sharer: Client, viewer: Client) -> None:
    save(sharer, "One customer", "caller=%3D49301234", shared="1")
    html = viewer.get("/calls/").text
    assert "One customer" not in html
    assert "49301234" not in html


def test_who_may_not_share_saves_a_private_view_and_is_not_offered_to_share(analyst: Client) -> None:
    save(analyst, "Mine", shared="1")
    assert not SavedView.objects.get().shared
    assert "shared with all users" not in analyst.get("/calls/").text


def test_a_view_is_renamed_and_shared_by_its_owner(sharer: Client) -> None:
    save(sharer, "Old")
    sharer.post(f"/calls/views/{SavedView.objects.get().pk}/", {"name": "New", "shared": "1", "keep": "1"})
    view = SavedView.objects.get()
    assert (view.name, view.shared, view.conditions) == ("New", True, "caller=49")


def test_two_views_of_one_owner_never_bear_the_same_name(analyst: Client) -> None:
    save(analyst, "One")
    save(analyst, "Two")
    two = SavedView.objects.get(name="Two")
    html = analyst.post(f"/calls/views/{two.pk}/", {"name": "One", "keep": "1"}, follow=True).text
    assert "You already have a view named" in html
    assert SavedView.objects.filter(name="Two").exists()


def test_a_view_is_deleted_by_its_owner_and_by_nobody_else(sharer: Client, viewer: Client) -> None:
    save(sharer, "Mine", shared="1")
    address = f"/calls/views/{SavedView.objects.get().pk}/"
    assert viewer.post(address, {"delete": "1"}).status_code == 404
    assert SavedView.objects.exists()
    sharer.post(address, {"delete": "1"})
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "\0"])
def test_a_view_without_a_name_is_not_saved(analyst: Client, name: str) -> None:
    save(analyst, name)
    assert not SavedView.objects.exists()


def test_conditions_that_are_too_long_are_refused(analyst: Client) -> None:
    save(analyst, "Long", "caller=" + "9" * 9000)
    assert not SavedView.objects.exists()


def test_who_may_not_see_calls_saves_nothing(nobody: Client) -> None:
    assert nobody.post("/calls/views/", {"name": "x", "conditions": ""}).status_code == 403


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("No STOP", ["lost"]),
        ("Short calls", ["short"]),
        ("Failed by gateway", ["failed"]),
        ("Uncertain durations", ["bounded", "doubtful"]),
        ("Injected fields", ["forged"]),
    ],
)
def test_views_that_everybody_has_find_what_they_say(analyst: Client, name: str, found: list[str]) -> None:
    long = {"duration": None, "duration_kind": "unknown"}
    make_call(caller="lost", state="stop_missing", **long)
    make_call(caller="short")
    failed = make_call(caller="failed", state="unanswered", sip_code=503, **long)
    Attempt.objects.create(call=failed, position=0, code=503, reason="", to_tag="", time=NOON)
    make_call(caller="bounded", state="start_missing", duration_kind="at_most")
    make_call(caller="doubtful", state="ongoing", flags=["late_stop"])
    make_call(caller="forged", state="ongoing", flags=["forged_separator"], **long)
    views = analyst.get("/calls/").context["views"]
    (view,) = [one for one in views.built_in if str(one.name) == name]
    rows = analyst.get(str(view.address)).context["rows"]
    assert sorted(row.call.caller for row in rows) == found


def test_failures_by_gateway_show_the_field_that_names_the_gateway(analyst: Client) -> None:
    make_proxy(layout={"extras": {"syslog": ["carrier", "ua"]}})
    answered = make_call(extra={"carrier": "second"})
    Attempt.objects.create(call=answered, position=0, code=503, reason="", to_tag="", time=NOON, gateway="acme")
    views = analyst.get("/calls/").context["views"]
    (view,) = [one for one in views.built_in if str(one.name) == "Failed by gateway"]
    assert "acme" in analyst.get(str(view.address)).text


def test_views_that_others_share_never_hide_ones_own(analyst: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 2)
    bob = User.objects.create_user("bob")
    for name in ("A", "B", "C"):
        SavedView.objects.create(owner=bob, name=name, conditions="caller=1", shared=True)
    save(analyst, "Zebra")
    analyst.get("/calls/")  # shows that it was saved
    assert "Zebra" in analyst.get("/calls/").text
