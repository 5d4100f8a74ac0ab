"""Rate limits per minute: of a token, of a user with a session, and of an address with neither.

Requests are counted in the memory of each web process, so that no other server is needed: with ``up`` there are two,
and what one asker may do is up to twice the rate. Who shows a wrong token counts as who shows none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import BaseCache, caches
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accweb.web.client_address import client_address
from accweb.web.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.views import APIView


class _PerMinute(SimpleRateThrottle):
    setting = ""

    @property
    def cache(self) -> BaseCache:  # type: ignore[override]  # each thread has its own way to the same counters
        return caches["limits"]

    def get_rate(self) -> str:
        return f"{getattr(settings, self.setting)}/min"

    def key_of(self, ident: object) -> str:
        return f"{self.setting}:{ident}"


class KnownRate(_PerMinute):
    """``API_RATE`` requests a minute for each token, and for each user with a session."""

    setting = "API_RATE"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if not request.user.is_authenticated:
            return None
        is_token = isinstance(request.auth, ApiToken)
        return self.key_of(f"token:{request.auth.pk}" if is_token else f"user:{request.user.pk}")


class UnknownRate(_PerMinute):
    """``API_RATE_UNKNOWN`` requests a minute for each address without a valid token or session."""

    setting = "API_RATE_UNKNOWN"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return None if request.user.is_authenticated else self.key_of(client_address(request))
