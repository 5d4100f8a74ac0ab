"""Where a proxy's host sends its accounting: a host and a port, as configuration files take them."""

from __future__ import annotations

import re

_HOST = re.compile(r"[A-Za-z0-9._:-]+")


def checked_host(host: str) -> str:
    """Return a host name or address; raise ``ValueError`` for what is neither (it goes into files unquoted)."""
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is no host name or address; write it like accweb.example.net or 192.0.2.7")
    return host


def checked_port(port: int) -> int:
    """Return a port; raise ``ValueError`` for what is none."""
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port; it lies between 1 and 65535")
    return port
