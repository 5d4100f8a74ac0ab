"""Limit how often an anonymous client may start a login: each start stores a session in the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from accweb.web import throttle
from accweb.web.client_address import client_address
from accweb.web.lockout import TooManyRequests
from accweb.web.throttle import Limit

_BEGINNINGS = Limit("login begin", 120, 60)


def limited(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view to raise ``TooManyRequests`` if an address sends too many requests."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if wait := throttle.take(_BEGINNINGS, throttle.network_of(client_address(request))).wait:
            raise TooManyRequests(wait)
        return view(request, *args, **kwargs)

    return answer
