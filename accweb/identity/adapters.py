"""The settings of django-allauth that need code: no self sign-up, own messages, encrypted secrets."""

from __future__ import annotations

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accweb.web.client_address import client_address
from proxyconf.models.sealing import seal, unseal

_THIS_MACHINE = "127.0.0.1"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: users are created by administrators or by single sign-on."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or _THIS_MACHINE  # a Unix socket: the client is on this machine

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Omit the message about a successful login, which the next page shows anyway."""
        if message_template != "account/messages/logged_in.txt":
            super().add_message(request, level, message_template, *args, **kwargs)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return False right after a login, so that nobody has to enter the password twice in a row."""
        request = context.request
        records = get_authentication_records(request, request.user)
        just_now = bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
        return not just_now and super().is_reauthentication_required(app=app, **kwargs)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the methods with the names that the pages use."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        names = {"mfa_reauthenticate": _("Use a code"), "mfa_reauthenticate:webauthn": _("Use a passkey")}
        return [{**method, "description": names.get(method["id"], _("Use the password"))} for method in methods]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        messages.error(request, _("This account is inactive."))
        return redirect("account_login")


class SecondFactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  # as allauth calls it
        return _("Passkey")

    def _get_site_name(self) -> str:
        return "accweb"
