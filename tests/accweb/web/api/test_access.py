from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils import timezone

from accweb.web.api.access import LOGIN
from accweb.web.api.frame import ApiView
from accweb.web.models import ApiToken
from accweb.web.tokens import SCOPES, narrowed, new_token
from tests.accweb.conftest import Bearing
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db
CALLS, ME = "/api/v1/calls/", "/api/v1/me/"


def test_a_token_speaks_for_its_user_within_its_scopes(bearing: Bearing) -> None:
    told = bearing("cdr.view_call").get(ME).json()
    assert (told["user"], told["permissions"], told["token"]["name"]) == ("ann", ["cdr.view_call"], "script")


def test_a_scope_that_is_left_out_masks_numbers(bearing: Bearing) -> None:
    make_call(caller="+493012345678")
    whole = bearing("cdr.view_call", "cdr.view_numbers", name="whole")
    assert whole.get(CALLS).json()["results"][0]["caller"] == "+493012345678"
    assert "345678" not in bearing("cdr.view_call").get(CALLS).text


def test_a_scope_that_the_user_lost_is_gone(bearing: Bearing, user: User) -> None:
    client = bearing("cdr.view_call")
    user.user_permissions.clear()
    assert client.get(CALLS).status_code == 403


def test_what_the_scopes_leave_out_is_refused_by_name(bearing: Bearing) -> None:
    response = bearing("cdr.view_numbers").get(CALLS)
    assert response.status_code == 403
    assert "cdr.view_call" in response.json()["error"]


def test_a_superuser_is_narrowed_too(db: None) -> None:
    user = narrowed(User.objects.create_superuser("root"), ["cdr.view_call"])
    assert user.has_perm("cdr.view_call")
    assert not user.has_perm("cdr.view_numbers")
    assert not user.has_perms(["cdr.view_call", "cdr.view_numbers"])
    assert user.get_all_permissions() == {"cdr.view_call"}
    assert (user.has_module_perms("cdr"), user.has_module_perms("proxyconf")) == (True, False)


@pytest.mark.parametrize("shown", ["Bearer accweb_wrong", "Bearer ", "bearer \xe9", "Bearer a b"])
def test_a_wrong_token_is_refused_though_there_is_a_session(shown: str, user: User) -> None:
    client = Client(headers={"Authorization": shown})
    client.force_login(user)
    response = client.get(CALLS)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_an_expired_token_is_refused(user: User) -> None:
    token, text = new_token(user, "old", ["cdr.view_call"], expires_at=NOON + timedelta(days=1), now=NOON)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client(headers={"Authorization": f"Bearer {text}"}).get(CALLS).status_code == 401


def test_a_token_of_a_user_who_is_out_is_refused(bearing: Bearing, user: User) -> None:
    client = bearing("cdr.view_call")
    user.is_active = False
    user.save()
    assert client.get(CALLS).status_code == 401


def test_a_revoked_token_is_refused_at_once(bearing: Bearing) -> None:
    client = bearing("cdr.view_call")
    assert client.get(CALLS).status_code == 200
    ApiToken.objects.all().delete()
    assert client.get(CALLS).status_code == 401


def test_the_last_use_is_kept(bearing: Bearing) -> None:
    bearing("cdr.view_call").get(CALLS)
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    assert timezone.now() - used < timedelta(minutes=1)


def test_a_session_is_held_to_csrf(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get(ME).status_code == 200
    response = client.post(ME)
    assert response.status_code == 403
    assert "CSRF" in response.json()["error"]


def views() -> list[type[ApiView]]:
    found = []
    pending: list[Any] = [get_resolver()]
    while pending:
        for pattern in getattr(pending.pop(), "url_patterns", ()):
            pending.append(pattern)
            view = getattr(getattr(pattern, "callback", None), "cls", None)
            if view is not None and issubclass(view, ApiView):
                found.append(view)
    return found


def test_every_view_needs_a_permission_that_can_be_a_scope_or_a_login() -> None:
    needed = {view.permission_required for view in views() if isinstance(view.permission_required, str)}
    by_method = [view.permission_required for view in views() if not isinstance(view.permission_required, str)]
    needed |= {name for names in by_method for name in (names or {None: None}).values()}
    assert len(views()) > 10
    assert needed <= {*SCOPES, LOGIN}


def test_a_view_that_names_no_permission_is_closed() -> None:
    class Open(ApiView):
        def get(self, request: object) -> None:
            raise AssertionError("nobody gets here")

    request = RequestFactory().get("/")
    request.user = User.objects.create_superuser("root")
    assert Open.as_view()(request).status_code == 403
