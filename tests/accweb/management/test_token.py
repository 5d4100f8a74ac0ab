from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from accweb.web.models import ApiToken, AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ann() -> User:
    return User.objects.create_superuser("ann")


def token(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue()


def test_a_token_is_made_listed_and_revoked() -> None:
    text = token("add", "ann", "billing", "--scope", "cdr.view_call", "--days", "30").splitlines()[-1]
    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/calls/").status_code == 200
    listed = token("list", "ann")
    assert "billing" in listed
    assert "cdr.view_call" in listed
    assert text not in listed
    assert "revoked billing" in token("revoke", "ann", "billing")
    assert token("list") == ""
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["added", "deleted"]


def test_without_a_scope_it_may_what_the_user_may() -> None:
    token("add", "ann", "all")
    assert "cdr.export_call" in ApiToken.objects.get().scopes


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "bob", "x"),
        ("add", "ann", "x", "--scope", "cdr.fly"),
        ("add", "ann", "x", "--days", "0"),
        ("add", "ann", " "),
        ("list", "bob"),
        ("revoke", "ann", "x"),
    ],
)
def test_what_makes_no_sense_ends_with_status_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        token(*arguments)
    assert refused.value.returncode == 2
