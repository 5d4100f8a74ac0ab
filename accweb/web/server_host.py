"""The host name of this server."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest

LOOPBACK = "127.0.0.1"


def server_host(request: HttpRequest) -> str:
    """Return the host that ``request`` was sent to, under which proxies can most likely reach this server too."""
    host = urlsplit(f"//{request.get_host()}").hostname or LOOPBACK
    return LOOPBACK if host in ("localhost", "::1") else host
