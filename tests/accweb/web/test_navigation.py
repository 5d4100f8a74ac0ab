"""The sidebar shows to each user the pages that they may see, and marks the current one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse

from accweb.web.navigation import account, sidebar
from accweb.web.roles import ANALYST, OPERATOR, VIEWER

pytestmark = pytest.mark.django_db


def request_of(role: str | None, path: str = "/", **parameters: str) -> HttpRequest:
    """Return a request of a member of a group, or of a superuser."""
    request = RequestFactory().get(path, parameters)
    user = User.objects.create_user("vera", is_staff=True, is_superuser=role is None)
    if role is not None:
        user.groups.add(Group.objects.get(name=role))
    request.user = user
    return request


def items(request: HttpRequest) -> list[dict[str, Any]]:
    return [item for group in sidebar(request) for item in group["items"]]


def allowed(request: HttpRequest) -> set[str]:
    return {str(item["title"]) for item in items(request) if item["permission"](request)}


def active(request: HttpRequest) -> list[str]:
    return [str(item["title"]) for item in items(request) if item["active"](request)]


def test_a_superuser_sees_all_pages() -> None:
    request = request_of(None)
    assert allowed(request) == {str(item["title"]) for item in items(request)}


def test_a_viewer_sees_calls_but_no_exports_and_no_users() -> None:
    titles = allowed(request_of(VIEWER))
    assert {"Overview", "Calls", "No STOP", "Reports"} <= titles
    assert not {"Exports", "Users", "Audit log"} & titles


def test_an_analyst_sees_exports() -> None:
    assert "Exports" in allowed(request_of(ANALYST))


def test_an_operator_sees_configurations_and_sources() -> None:
    assert {"Configuration", "Sources", "Proxies"} <= allowed(request_of(OPERATOR))


def test_the_overview_is_active_on_its_page_alone() -> None:
    assert active(request_of(None)) == ["Overview"]


@pytest.mark.parametrize(
    ("address", "title"),
    [("cdr:call-list", "Calls"), ("cdr:report", "Reports"), ("cdr:health", "Health"), ("cdr:exports", "Exports")],
)
def test_a_page_is_active_and_no_other(address: str, title: str) -> None:
    assert active(request_of(None, reverse(address))) == [title]


def test_a_page_below_another_marks_that_one() -> None:
    assert active(request_of(None, reverse("cdr:call-list") + "17/")) == ["Calls"]


def test_the_list_of_calls_without_stop_is_a_page_of_its_own() -> None:
    assert active(request_of(None, reverse("cdr:call-list"), state="stop_missing")) == ["No STOP"]


def test_all_links_are_pages_of_the_site(client: Any) -> None:
    request = request_of(None)
    client.force_login(request.user)
    for item in [*items(request), *account(request)]:
        assert client.get(item["link"], follow=True).status_code == 200, item["link"]
