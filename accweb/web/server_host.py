"""The host name of this server, as clients use it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest

LOOPBACK = "127.0.0.1"


def server_host(request: HttpRequest) -> str:
    """Return the host that ``request`` was sent to: the proxy will most likely reach this server by that name too."""
    host = urlsplit(f"//{request.get_host()}").hostname or LOOPBACK
    return LOOPBACK if host in ("localhost", "::1") else host
