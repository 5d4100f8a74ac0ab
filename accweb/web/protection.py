"""End idle and overlong sessions, list sessions, and send security headers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

_STARTED_AT, _USED_AT = "started_at", "used_at"
_EVERY = 300
"""Minimum interval in seconds between updates of a session's last use, each of which writes to the database."""

_CONTENT = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",  # the theme's Alpine.js evaluates attributes; nothing inline runs
    "style-src": "'self' 'unsafe-inline'",  # colours of the theme, widths that its scripts set
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
}
_FORMS = "; form-action 'self'"
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class ProtectionMiddleware:
    """Adds security headers; extends sessions in use, up to ``LONGEST_SESSION``.

    Requests that a page sends by itself do not count as use.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and _age(request) > settings.LONGEST_SESSION:
            logout(request)
        response = self._get_response(request)
        if request.user.is_authenticated and "HX-Request" not in request.headers:
            _note_use(request)
        response.setdefault("Content-Security-Policy", _content_policy())
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        return response


def _content_policy() -> str:
    """Return the policy. With single sign-on, submitting a form may redirect to the provider and further."""
    policy = "; ".join(f"{name} {sources}" for name, sources in _CONTENT.items())
    return policy if settings.OIDC_URL else policy + _FORMS


def _age(request: HttpRequest) -> float:
    now = time.time()
    return float(now - request.session.get(_STARTED_AT, now))


def _note_use(request: HttpRequest) -> None:
    now = int(time.time())
    if abs(now - request.session.get(_USED_AT, 0)) >= _EVERY:
        request.session.setdefault(_STARTED_AT, now)
        request.session[_USED_AT] = now  # saved with a new time of expiry
        UserSession.objects.create_from_request(request)


@receiver(user_logged_in)
def begin(sender: type[Any], request: HttpRequest | None, **_: Any) -> None:
    if request is not None:
        request.session[_STARTED_AT] = int(time.time())
