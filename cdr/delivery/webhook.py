"""Sending a file to a webhook: an HTTP POST whose body is the file.

The address that is connected to is the one that was checked (``cdr.receivers.reachable_hosts``); redirects are not
followed. ``Idempotency-Key`` is the same in every try, so that who receives a file twice can tell.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

from cdr.delivery.failures import DeliveryFailed, DeliveryRefused
from cdr.delivery.prepared import PreparedFile
from cdr.receivers.reachable_hosts import ForbiddenHost, allowed_address

TIMEOUT = 30.0
_AGAIN = (408, 425, 429)
"""Answers of the class 4xx that ask to try again later."""


def post_file(file: PreparedFile, url: str, key: str) -> None:
    """Post the file. Raise ``DeliveryFailed`` unless the answer is 2xx."""
    parts = urlsplit(url)
    try:
        connection = _connection(parts)
    except ForbiddenHost as error:
        raise DeliveryRefused(str(error)) from error
    except OSError as error:
        raise DeliveryFailed(f"{parts.hostname} cannot be resolved: {error}") from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Content-Type": file.media_type,
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Idempotency-Key": key,
        "User-Agent": "accweb",
    }
    try:
        connection.request("POST", target, body=file.data, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryFailed(f"{parts.hostname} did not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        again = status >= 500 or status in _AGAIN
        raise (DeliveryFailed if again else DeliveryRefused)(f"{parts.hostname} answered {status}")


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = allowed_address(host, port)
    if secure:
        return _CheckedHTTPSConnection(host, port, address)
    return _CheckedHTTPConnection(host, port, address)


class _CheckedHTTPConnection(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever the name is resolved to by now."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT)


class _CheckedHTTPSConnection(_CheckedHTTPConnection):
    """The same with TLS; the certificate must be that of the host's name."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
