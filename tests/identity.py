"""What tests of second factors share: an app that shows codes, and the login with one."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

PASSWORD = "correct-horse-7"
LOGIN, CODE = "/admin/login/", "/account/second-factor/login/"
ENROL = "/account/second-factor/"


class App:
    """An authenticator app that a user has set up."""

    def __init__(self, user: User) -> None:
        self._secret = generate_totp_secret()
        TOTP.activate(user, self._secret)

    def code(self, periods_later: int = 0) -> str:
        return format_hotp_value(hotp_value(self._secret, int(time.time()) // 30 + periods_later))


def recovery_codes(user: User) -> list[str]:
    RecoveryCodes.activate(user)
    codes: list[str] = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()
    return codes


def log_in(username: str, password: str = PASSWORD, client: Client | None = None) -> tuple[Client, HttpResponse]:
    client = client or Client()
    return client, client.post(LOGIN, {"username": username, "password": password})  # type: ignore[return-value]


def is_logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def confirm(client: Client) -> None:
    """Let the session be one whose user has just typed the password, for a day."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() + 86_400}]
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()
