from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accweb.web.roles import VIEWER
from tests.factories import make_call

pytestmark = pytest.mark.django_db


def pages() -> list[str]:
    call = [make_call().pk]
    alone = [reverse("cdr:start"), reverse("cdr:call-list")]
    return [*alone, reverse("cdr:call", args=call), reverse("cdr:call-ladder", args=call)]


def test_who_is_not_logged_in_comes_to_the_login_and_back(client: Client) -> None:
    for page in pages():
        response = client.get(page)
        assert response.status_code == 302
        assert response.headers["Location"] == f"{reverse('admin:login')}?next={page}"


def test_a_login_that_ran_out_does_not_end_up_inside_the_list(client: Client) -> None:
    response = client.get("/calls/?state=ongoing", headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert response.headers["HX-Redirect"] == f"{reverse('admin:login')}?next=/calls/%3Fstate%3Dongoing"


def test_who_may_view_calls_sees_every_page(viewer: Client) -> None:
    for page in pages():
        assert viewer.get(page).status_code == 200


def test_staff_without_the_permission_is_told_what_is_missing_inside_the_frame(nobody: Client) -> None:
    for page in pages():
        response = nobody.get(page)
        assert response.status_code == 403
        assert "one of these groups: administrator, analyst, operator, viewer." in response.text
        assert 'id="nav-sidebar"' in response.text


def test_who_is_no_staff_is_told_what_is_missing_without_the_frame(outsider: Client) -> None:
    for page in pages():
        response = outsider.get(page)
        assert response.status_code == 403
        assert "staff status" in response.text
        assert "Log out" in response.text
        assert 'id="nav-sidebar"' not in response.text


def test_the_sidebar_shows_only_what_one_may_open(viewer: Client, admin_client: Client) -> None:
    rejected = reverse("admin:cdr_rejected_changelist")
    assert rejected not in viewer.get("/").text
    assert rejected in admin_client.get("/").text


def test_no_page_of_calls_stays_in_the_browser(viewer: Client) -> None:
    for page in pages():
        assert "no-store" in viewer.get(page).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/nothing/here/", "/calls/999999999999999999999999/", "/calls/7/"])
def test_an_unknown_address_is_a_page_that_helps(path: str, viewer: Client, client: Client) -> None:
    assert "Page not found" in viewer.get(path).text
    assert viewer.get(path).status_code == 404
    assert client.get(path).status_code in (302, 404)


def test_an_error_has_a_page_that_needs_nothing(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("cdr.views.overview.overview_page.figures", broken)
    viewer.raise_request_exception = False
    response = viewer.get("/")
    assert response.status_code == 500
    assert "Internal error" in response.text


@pytest.mark.parametrize(
    ("path", "groups"), [("/exports/", "administrator, analyst"), ("/health/", "administrator, operator")]
)
def test_a_page_that_is_refused_names_the_groups_that_may_see_it(path: str, groups: str, client: Client) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.groups.add(Group.objects.get(name=VIEWER))
    client.force_login(user)
    response = client.get(path)
    assert response.status_code == 403
    assert f"one of these groups: {groups}." in response.text
