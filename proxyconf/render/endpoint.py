"""Validate the host and port of accweb for generated configuration files."""

from __future__ import annotations

import re

_HOST = re.compile(r"[A-Za-z0-9._:-]+")


def checked_host(host: str) -> str:
    """Return ``host``; raise ``ValueError`` unless it is a host name or address (files contain it unquoted)."""
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is not a valid host name or address; write it like accweb.example.net or 192.0.2.7")
    return host


def checked_port(port: int) -> int:
    """Return ``port``; raise ``ValueError`` if it is out of range."""
    if not 0 < port < 65536:
        raise ValueError(f"{port} is not a valid port; use a number from 1 to 65535")
    return port
