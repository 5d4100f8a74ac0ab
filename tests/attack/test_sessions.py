"""Sessions that others hold: listed, ended, limited in time."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accweb.web.audit import Action
from accweb.web.models import AuditEntry
from tests.identity import PASSWORD, is_logged_in, log_in

pytestmark = pytest.mark.django_db
SESSIONS = "/account/sessions/"


@pytest.fixture(autouse=True)
def ann() -> User:
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    return User.objects.create_user("ann", password=PASSWORD, is_staff=True)


def test_a_session_that_somebody_else_began_is_listed() -> None:
    client, _ = log_in("ann")
    log_in("ann", client=Client(REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "<b>thief"}))
    page = client.get(SESSIONS).text
    assert "203.0.113.9" in page
    assert "&lt;b&gt;thief" in page
    assert "127.0.0.1" not in log_in("bob", client=Client(REMOTE_ADDR="192.0.2.7"))[0].get(SESSIONS).text


def test_logging_out_everywhere_ends_all_sessions_of_the_user_and_no_others() -> None:
    client, other, bob = log_in("ann")[0], log_in("ann")[0], log_in("bob")[0]
    client.post(SESSIONS, {"all": "1"})
    assert [one.get("/account/").status_code for one in (client, other, bob)] == [302, 302, 200]
    assert AuditEntry.objects.filter(username="ann", action=Action.DELETED, target="all own sessions").exists()


def test_ending_the_others_keeps_this_one() -> None:
    client, other = log_in("ann")[0], log_in("ann")[0]
    client.post(SESSIONS, {"others": "1"})
    assert [one.get("/account/").status_code for one in (client, other)] == [200, 302]


def test_a_session_ends_at_the_latest_after_twelve_hours_of_use() -> None:
    client, _ = log_in("ann")
    session = client.session
    session["started_at"] -= 12 * 3600 + 1
    session.save()
    assert client.get("/account/").status_code == 302
    assert not is_logged_in(client)
    assert AuditEntry.objects.filter(username="ann", action=Action.LOGGED_OUT).exists()


def test_a_new_password_ends_other_sessions() -> None:
    client, other = log_in("ann")[0], log_in("ann")[0]
    new = "even-better-horse-8"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", data).status_code == 302
    assert [one.get("/account/").status_code for one in (client, other)] == [200, 302]


def test_the_old_password_cannot_be_guessed_in_a_session_that_was_taken_over() -> None:
    client, _ = log_in("ann")
    data = {"old_password": "wrong", "new_password1": "even-better-8", "new_password2": "even-better-8"}
    answers = [client.post("/admin/password_change/", data).status_code for _ in range(8)]
    assert answers == [200] * 5 + [429] * 3


def test_a_logout_is_in_the_audit_log() -> None:
    client, _ = log_in("ann")
    client.post("/admin/logout/")
    assert AuditEntry.objects.filter(username="ann", action=Action.LOGGED_OUT).exists()
