"""Somebody knows a password, and tries to get past the second factor; and members who must have one and have none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accweb.web.audit import Action
from accweb.web.models import AuditEntry, GroupPolicy
from accweb.web.roles import ADMINISTRATOR, VIEWER
from accweb.web.tokens import new_token
from tests.identity import CODE, ENROL, LOGIN, PASSWORD, App, is_logged_in, log_in, recovery_codes

pytestmark = pytest.mark.django_db

SECOND_FACTOR_PAGES = (
    "reauthenticate",
    "reauthenticate_webauthn",
    "activate_totp",
    "deactivate_totp",
    "view_recovery_codes",
    "generate_recovery_codes",
    "download_recovery_codes",
    "list_webauthn",
    "add_webauthn",
    "edit_webauthn",
    "remove_webauthn",
)


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=VIEWER))
    return user


class TestLogin:
    def test_a_password_alone_opens_nothing(self, ann: User) -> None:
        App(ann)
        client, response = log_in("ann")
        assert response.headers["Location"] == CODE
        assert not is_logged_in(client)
        assert client.get("/calls/").status_code == 302
        assert client.get("/api/v1/calls/").status_code == 401

    def test_a_code_completes_the_login_where_it_was_to_lead(self, ann: User) -> None:
        app = App(ann)
        client = Client()
        client.post(f"{LOGIN}?next=/calls/", {"username": "ann", "password": PASSWORD})
        response = client.post(CODE, {"code": app.code()})
        assert response.headers["Location"] == "/calls/"
        assert is_logged_in(client)

    def test_a_code_that_was_used_is_refused(self, ann: User) -> None:
        code = App(ann).code()
        for expected in (True, False):
            client, _ = log_in("ann")
            client.post(CODE, {"code": code})
            assert is_logged_in(client) is expected

    def test_a_code_of_a_phone_whose_clock_is_off_is_good_once(self, ann: User) -> None:
        app = App(ann)
        for periods, expected in ((1, True), (1, False), (-2, False)):
            client, _ = log_in("ann")
            client.post(CODE, {"code": app.code(periods)})
            assert is_logged_in(client) is expected

    def test_a_recovery_code_is_good_once(self, ann: User) -> None:
        App(ann)
        code = recovery_codes(ann)[0]
        for expected in (True, False):
            client, _ = log_in("ann")
            client.post(CODE, {"code": code})
            assert is_logged_in(client) is expected
        assert AuditEntry.objects.filter(target__contains="recovery code was used").count() == 1

    def test_codes_cannot_be_guessed(self, ann: User) -> None:
        app = App(ann)
        client, _ = log_in("ann")
        answers = [client.post(CODE, {"code": f"{number:06}"}).status_code for number in range(20)]
        assert answers == [200] * 4 + [429] * 16  # the password was the first attempt
        assert client.post(CODE, {"code": app.code()}).status_code == 429
        assert AuditEntry.objects.filter(action=Action.REFUSED, username="ann", target="wrong code").count() == 4

    def test_right_passwords_give_no_more_guesses(self, ann: User) -> None:
        App(ann)
        tried = 0
        for _ in range(10):
            client, response = log_in("ann")
            if response.status_code == 429:
                break
            tried += client.post(CODE, {"code": "000000"}).status_code == 200
        assert tried <= 3

    def test_the_secret_is_not_in_the_database_in_the_clear(self, ann: User) -> None:
        client, _ = log_in("ann")
        secret = re.search(r"copyable[^>]*>\s*([A-Z2-7]{32})", client.get(f"{ENROL}app/").text)
        assert secret
        App(ann)
        stored = str(Authenticator.objects.get().data)
        assert "secret" in stored
        assert not re.search(r"'[A-Z2-7]{32}'", stored)

    def test_what_changes_a_second_factor_asks_for_the_password_again(self, ann: User) -> None:
        client = Client()
        client.force_login(ann)
        for name in ("mfa_activate_totp", "mfa_add_webauthn"):
            assert client.get(reverse(name)).headers["Location"].startswith("/account/confirm/")
        App(ann)
        for name in ("mfa_deactivate_totp", "mfa_generate_recovery_codes"):
            assert client.post(reverse(name)).headers["Location"].startswith("/account/confirm/")
        assert Authenticator.objects.count() == 1

    @pytest.mark.parametrize("name", SECOND_FACTOR_PAGES)
    def test_a_stranger_and_who_only_knows_the_password_are_sent_to_the_login(self, name: str, ann: User) -> None:
        App(ann)
        address = reverse(f"mfa_{name}", args=[1] if name in ("edit_webauthn", "remove_webauthn") else [])
        for client in (Client(), log_in("ann")[0]):
            for response in (client.get(address), client.post(address)):
                assert response.status_code == 302
                assert response.headers["Location"].startswith(LOGIN)

    def test_nobody_changes_the_passkeys_of_others(self, ann: User) -> None:
        key = Authenticator.objects.create(user=User.objects.create_user("bob"), type="webauthn", data={"name": "x"})
        client, _ = log_in("ann")
        for name in ("edit_webauthn", "remove_webauthn"):
            assert client.post(reverse(f"mfa_{name}", args=[key.pk]), {"name": "y"}).status_code == 404
        assert Authenticator.objects.filter(pk=key.pk, data={"name": "x"}).exists()

    def test_guesses_at_the_confirmation_are_counted_as_well(self, ann: User) -> None:
        client = Client()
        client.force_login(ann)
        answers = [client.post("/account/confirm/", {"password": "wrong"}).status_code for _ in range(7)]
        assert answers == [200] * 5 + [429] * 2


class TestRequirement:
    @pytest.fixture(autouse=True)
    def required(self) -> None:
        for name in (VIEWER, ADMINISTRATOR):
            GroupPolicy.objects.create(group=Group.objects.get(name=name), second_factor=True)

    def test_a_member_without_one_is_led_to_enrol_before_anything_else(self, ann: User) -> None:
        client, _ = log_in("ann")
        for address in ("/", "/calls/", "/account/", "/account/tokens/", "/admin/password_change/", "/nothing/"):
            response = client.get(address)
            assert response.status_code == 404 if address == "/nothing/" else response.headers["Location"] == ENROL
        assert client.get(ENROL).status_code == 200
        assert client.post("/account/tokens/", {"name": "x", "scopes": ["cdr.view_call"]}).headers["Location"] == ENROL
        assert client.get("/calls/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == ENROL

    def test_the_api_is_closed_to_the_session_and_the_tokens_of_who_has_none(self, ann: User) -> None:
        _token, text = new_token(ann, "billing", ["cdr.view_call"], expires_at=None, now=timezone.now())
        client, _ = log_in("ann")
        assert client.get("/api/v1/calls/").json()["code"] == "second_factor_required"
        bearing = Client(headers={"Authorization": f"Bearer {text}"})
        assert bearing.get("/api/v1/calls/").status_code == 401
        App(ann)
        assert bearing.get("/api/v1/calls/").status_code == 200

    def test_who_enrols_goes_on(self, ann: User, django_capture_on_commit_callbacks: Callable[..., Any]) -> None:
        client, _ = log_in("ann")
        page = client.get(f"{ENROL}app/").text
        secret = re.search(r"copyable[^>]*>\s*([A-Z2-7]{32})", page)
        assert secret
        app = App.__new__(App)
        app._secret = secret[1]
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(f"{ENROL}app/", {"code": app.code()})
        assert response.headers["Location"] == f"{ENROL}recovery-codes/"
        assert len(re.findall(r"<li>\d{8}</li>", client.get(f"{ENROL}recovery-codes/").text)) == 10
        assert client.get("/calls/").status_code == 200
        added = AuditEntry.objects.filter(action=Action.ADDED, username="ann").values_list("target", flat=True)
        assert len(added) == 2

    def test_recovery_codes_alone_are_no_second_factor(self, ann: User) -> None:
        recovery_codes(ann)
        client, _ = log_in("ann")
        assert client.get("/calls/").headers["Location"] == ENROL

    def test_what_administrators_must_have_superusers_must_have(self) -> None:
        User.objects.create_superuser("root", password=PASSWORD)
        client, _ = log_in("root")
        assert client.get("/").headers["Location"] == ENROL

    def test_who_is_in_no_such_group_goes_on(self) -> None:
        user = User.objects.create_user("bob", password=PASSWORD, is_staff=True)
        user.groups.add(Group.objects.create(name="others"))
        client, _ = log_in("bob")
        assert client.get("/account/").status_code == 200


def test_an_administrator_requires_it_of_a_group_and_helps_who_lost_theirs(admin_client: Client, ann: User) -> None:
    group = Group.objects.get(name=VIEWER)
    address = reverse("admin:auth_group_change", args=[group.pk])
    permissions = list(group.permissions.values_list("pk", flat=True))
    admin_client.post(address, {"name": VIEWER, "permissions": permissions, "second_factor": "on"})
    assert GroupPolicy.objects.get(group=group).second_factor
    App(ann)
    client = Client()
    client.force_login(ann)
    action = {"action": "remove_second_factors", "_selected_action": [ann.pk]}
    admin_client.post(reverse("admin:auth_user_changelist"), action)
    assert not Authenticator.objects.exists()
    assert client.get("/account/").status_code == 302
    assert AuditEntry.objects.filter(action=Action.DELETED, target="second factors of ann").exists()
