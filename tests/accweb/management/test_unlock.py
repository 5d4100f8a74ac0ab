from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from accweb.web.audit import Action
from accweb.web.models import AuditEntry
from tests.identity import App

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def locked() -> None:
    for _ in range(6):
        Client().post("/admin/login/", {"username": "ann", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")


def unlock(*arguments: str) -> str:
    out = StringIO()
    call_command("unlock", *arguments, stdout=out)
    return out.getvalue()


def test_locks_are_listed_and_an_account_is_unlocked() -> None:
    assert unlock().startswith("'ann' from 192.0.2.7, until 20")
    assert unlock("ann") == "unlocked ann\n"
    assert unlock() == ""
    assert AuditEntry.objects.filter(action=Action.UNLOCKED, target="ann").exists()


def test_an_address_is_unlocked() -> None:
    assert unlock("--address", "192.0.2.7") == "unlocked 192.0.2.7\n"
    assert unlock() == ""


def test_who_is_not_counted_is_said() -> None:
    assert unlock("bob") == "bob: no failed attempts are counted\n"


@pytest.mark.parametrize("arguments", [("ann", "--address", "192.0.2.7"), ("--address", "2001:db8:::1")])
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        unlock(*arguments)


def test_second_factors_that_were_lost_are_removed_and_sessions_end() -> None:
    user = User.objects.create_user("ann", is_staff=True)
    App(user)
    client = Client()
    client.force_login(user)
    assert unlock("ann", "--remove-second-factors").startswith("removed 1 second factors of ann")
    assert not Authenticator.objects.exists()
    assert client.get("/account/").status_code == 302
    with pytest.raises(CommandError, match="unknown user 'bob'"):
        unlock("bob", "--remove-second-factors")
