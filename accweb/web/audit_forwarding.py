"""Forward the audit log to a syslog server (RFC 5424), entry by entry with its digest.

A periodic task sends what was written since the last one: whoever does something never waits for the server, and what
it misses during an outage is sent afterwards. Over UDP nobody learns of a lost datagram; over TCP and TLS what was on
its way when a connection broke is lost unnoticed. The digests show such a gap to whoever checks the chain there.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accweb.web.audit_chain import stored_head
from accweb.web.models import AuditEntry, AuditForwarding

logger = logging.getLogger(__name__)

_PRIORITY = 13 * 8 + 6  # log audit, informational
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_BATCH = 500
_LONGEST = 8000
"""Bytes of a message; rsyslog accepts 8192 by default."""
_TIMEOUT = 5.0


class ForwardingState(NamedTuple):
    """The state of forwarding; ``waiting`` is the number of entries not forwarded yet."""

    waiting: int
    failures: int
    error: str


def forward() -> int:
    """Send the entries that were not forwarded yet; return how many were sent. A failure is counted and logged."""
    place = _place()
    if place is None:
        return 0
    sent = 0
    while entries := list(AuditEntry.objects.filter(pk__gt=place).order_by("pk")[:_BATCH]):
        try:
            _send(settings.AUDIT_SYSLOG, [message(entry) for entry in entries])
        except (OSError, ValueError) as error:
            _note_failure(error)
            return sent
        # If another worker did the same meanwhile, some entries were sent twice, but none was left out.
        AuditForwarding.objects.filter(pk=AuditForwarding.ONLY).update(entry=entries[-1].pk, error="")
        place, sent = entries[-1].pk, sent + len(entries)
    return sent


def state() -> ForwardingState | None:
    """Return the state of forwarding; ``None`` if no syslog server is configured."""
    place = _place()
    if place is None:
        return None
    forwarding = AuditForwarding.objects.get(pk=AuditForwarding.ONLY)
    return ForwardingState(AuditEntry.objects.filter(pk__gt=place).count(), forwarding.failures, forwarding.error)


def message(entry: AuditEntry) -> bytes:
    """Return the syslog message of an entry: ASCII JSON, which cannot contain a line break."""
    fields = {
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(),
        "user": entry.username,
        "address": entry.address,
        "action": entry.action,
        "target": entry.target,
        "detail": entry.detail,
        "previous": entry.previous,
        "digest": entry.digest,
    }
    start = f"<{_PRIORITY}>1 {entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {_host()} accweb - audit - "
    text = json.dumps(fields)
    if len(start) + len(text) > _LONGEST:
        text = json.dumps(fields | {"detail": "too long to be forwarded", "target": entry.target[:100]})
    return (start + text).encode("ascii")


def _place() -> int | None:
    """Return the last forwarded entry, or the newest one if forwarding starts; ``None`` if there is no entry."""
    if not settings.AUDIT_SYSLOG:
        return None
    forwarding, is_new = AuditForwarding.objects.get_or_create(
        pk=AuditForwarding.ONLY, defaults={"entry": stored_head().entry}
    )
    if is_new:
        logger.info("the audit log is forwarded to %s from entry %d on", settings.AUDIT_SYSLOG, forwarding.entry + 1)
    return forwarding.entry


def _note_failure(error: Exception) -> None:
    logger.warning("the audit log cannot be forwarded to %s: %s; trying again", settings.AUDIT_SYSLOG, error)
    AuditForwarding.objects.filter(pk=AuditForwarding.ONLY).update(
        failures=F("failures") + 1, error=str(error)[:500], failed_at=timezone.now()
    )


def _send(address: str, messages: Sequence[bytes]) -> None:
    """Send messages; raise ``OSError``."""
    with _connected(address) as send:
        for content in messages:
            send(content)


@contextmanager
def _connected(address: str) -> Iterator[Callable[[bytes], object]]:
    """Connect to ``SCHEME://HOST:PORT`` or ``unix:///PATH``; yield a function that sends a message."""
    parts = urlsplit(address)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
            local.settimeout(_TIMEOUT)
            local.connect(parts.path)
            yield local.send
        return
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "udp":
        family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as datagrams:
            datagrams.settimeout(_TIMEOUT)
            datagrams.connect(target)
            yield datagrams.send
        return
    with _stream(host, port, tls=parts.scheme == "tls") as stream:
        yield lambda content: stream.sendall(b"%d %b" % (len(content), content))  # RFC 6587, 3.4.1
        stream.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):  # the server keeps the connection open: it has refused nothing
            while stream.recv(4096):  # raises if the server did not accept the messages
                pass


def _stream(host: str, port: int, *, tls: bool) -> socket.socket:
    stream = socket.create_connection((host, port), _TIMEOUT)
    return ssl.create_default_context().wrap_socket(stream, server_hostname=host) if tls else stream


def _host() -> str:
    return socket.gethostname() or "-"
