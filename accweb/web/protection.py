"""End sessions that are idle, and tell browsers what no page of ours does."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_USED_AT = "used_at"
_EVERY = 300
"""Seconds after which the use of a session is noted again; each note is a write to the database."""

_CONTENT = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",  # the theme's Alpine.js evaluates attributes; nothing inline runs
    "style-src": "'self' 'unsafe-inline'",  # colours of the theme, widths that its scripts set
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
_POLICIES = {
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _CONTENT.items()),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class ProtectionMiddleware:
    """Prolong a session that a person uses; requests that a page makes by itself do not count. Add headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        session = getattr(request, "session", None)
        if session is not None and "_auth_user_id" in session and "HX-Request" not in request.headers:
            now = int(time.time())
            if abs(now - session.get(_USED_AT, 0)) >= _EVERY:
                session[_USED_AT] = now  # saved with a new time of expiry
        for name, value in _POLICIES.items():
            response.setdefault(name, value)
        return response
