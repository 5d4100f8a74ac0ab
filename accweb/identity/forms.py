"""Forms for the codes of a second factor. Attempts are limited like those of passwords; each code is valid once."""

from __future__ import annotations

from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac

from accweb.web import throttle
from accweb.web.lockout import LoginAttempt
from accweb.web.throttle import Limit


class CodeForm(AuthenticateForm):
    """Asks for a code at login."""

    def clean_code(self) -> str:
        attempt = LoginAttempt(context.request, self.user.get_username())
        code: str = super().clean_code()
        _use_once(self.user, code)
        attempt.give_back(is_logged_in=False)
        return code


class ConfirmingCodeForm(ReauthenticateForm):
    """Asks a logged-in user for a code before a sensitive action."""

    def clean_code(self) -> str:
        attempt = LoginAttempt(context.request, self.user.get_username())
        code: str = super().clean_code()
        _use_once(self.user, code)
        attempt.give_back(is_logged_in=True)
        return code


class FirstCodeForm(ActivateTOTPForm):
    """Asks for the code that proves that the app has the secret; it does not log in."""

    def clean_code(self) -> str:
        code: str = super().clean_code()
        _use_once(self.user, code)
        return code


def _use_once(user: User, code: str) -> None:
    """Reject a code that was used before. Used codes are shared by all processes for as long as a code is valid."""
    seconds = settings.MFA_TOTP_PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)
    digest = salted_hmac("accweb.identity.code", f"{user.pk} {normalize_user_code(code)}").hexdigest()
    if throttle.take(Limit("code", 1, seconds), digest).wait:
        raise get_adapter().validation_error("incorrect_code")
