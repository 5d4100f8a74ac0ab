"""Rate limits per minute: of a token, of a user with a session, of a source, and of an address without any of them.

An invalid token counts as none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accweb.web import throttle
from accweb.web.client_address import client_address
from accweb.web.models import ApiToken
from accweb.web.throttle import Limit

if TYPE_CHECKING:
    from rest_framework.views import APIView

_MINUTE = 60


def take_unknown(request: HttpRequest) -> float:
    """Count a request without a valid token or session; return how many seconds its address has to wait."""
    limit = Limit("api unknown", settings.API_RATE_UNKNOWN, _MINUTE, in_blocks=True)
    return throttle.take(limit, throttle.network_of(client_address(request))).wait


def take_known(subject: str) -> float:
    """Count a request of a token or a user; return how many seconds it has to wait."""
    return throttle.take(Limit("api", settings.API_RATE, _MINUTE, in_blocks=True), subject).wait


def take_events(source_id: int) -> float:
    """Count a post of events of a source; return how many seconds it has to wait."""
    return throttle.take(Limit("events", settings.EVENTS_RATE, _MINUTE, in_blocks=True), str(source_id)).wait


class RequestRate(BaseThrottle):
    """``API_RATE`` requests a minute for each token and each user with a session, else ``API_RATE_UNKNOWN``."""

    seconds = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            self.seconds = take_unknown(request._request)
        elif isinstance(request.auth, ApiToken):
            self.seconds = take_known(f"token {request.auth.pk}")
        else:
            self.seconds = take_known(f"user {request.user.pk}")
        return not self.seconds

    def wait(self) -> float | None:
        return self.seconds or None
