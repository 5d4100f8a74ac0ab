"""The client address of a request."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address; empty if the server does not know it, as with a Unix socket.

    Of ``X-Forwarded-For`` only the part that web servers in ``settings.TRUSTED_PROXIES`` wrote is used: from the right,
    past trusted addresses, up to the first other one. The rest comes from the client and is ignored.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    for forwarded in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not _is_trusted(address) or not _is_address(forwarded.strip()):
            break
        address = forwarded.strip()
    return address


def _is_trusted(address: str) -> bool:
    if not address:  # a Unix socket: the peer is on this machine
        return bool(settings.TRUSTED_PROXIES)
    return _is_address(address) and any(ip_address(address) in network for network in settings.TRUSTED_PROXIES)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
