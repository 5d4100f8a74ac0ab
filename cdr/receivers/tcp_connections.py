"""Limit the TCP connections of a listener, and choose which to close first.

A full listener does not refuse new connections, because a client that opens many silent ones would lock out all others.
It closes the longest idle connection of the address with the most connections.

An idle connection of ``acc_diameter`` is not closed for its age: Kamailio's workers connect at start, notice a closed
connection only when they send, and lose that event. Syslog senders notice it immediately and connect again.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from cdr.receivers.service import Served
from cdr.storage.complaints import complain

MOST = 900
"""Connections per listener; below the usual limit of 1,024 files per process."""

MOST_PER_ADDRESS = 300
"""Connections per address. Kamailio opens one per worker process."""

UNFINISHED = 60.0
"""Seconds within which an incomplete message must be completed."""

_WARNED = 300.0
"""Seconds for which a source shows the warning about too many connections."""

_KEEPALIVE = ((socket.TCP_KEEPIDLE, 300), (socket.TCP_KEEPINTVL, 30), (socket.TCP_KEEPCNT, 4))
"""Seconds of silence before the first probe, seconds between probes, and number of probes until the sender is gone."""


@dataclass(eq=False, slots=True)
class TcpConnection:
    """A proxy's TCP connection. ``useful_at``: the time of the last complete message, or else of the connection."""

    socket: socket.socket
    host: str
    useful_at: float = field(default_factory=time.monotonic, kw_only=True)

    @property
    def has_unfinished(self) -> bool:
        """Whether there is an incomplete message."""
        raise NotImplementedError


Connection = TypeVar("Connection", bound=TcpConnection)


def prepare(accepted: socket.socket) -> None:
    """Make an accepted socket non-blocking, and let the kernel notice when the other side is gone."""
    accepted.setblocking(False)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        accepted.setsockopt(socket.IPPROTO_TCP, option, value)


def surplus(connections: Collection[Connection], host: str) -> Connection | None:
    """Return the connection to close before accepting one more of ``host``; ``None`` if there is room."""
    per_host = Counter(connection.host for connection in connections)
    if per_host[host] < MOST_PER_ADDRESS and len(connections) < MOST:
        return None
    crowded = host if per_host[host] >= MOST_PER_ADDRESS else max(per_host, key=lambda each: per_host[each])
    return min((each for each in connections if each.host == crowded), key=lambda each: each.useful_at)


def stalled(connections: Iterable[Connection], now: float, longest_idle: float | None = None) -> list[Connection]:
    """Return connections whose message is overdue, and those idle for more than ``longest_idle`` seconds."""
    return [
        connection
        for connection in connections
        if (connection.has_unfinished and connection.useful_at < now - UNFINISHED)
        or (longest_idle is not None and connection.useful_at < now - longest_idle)
    ]


class ConnectionNotes:
    """Counts the connections closed to make room or as stalled, and warns about them for a while."""

    def __init__(self) -> None:
        self._warned_until: dict[int, tuple[Served, float]] = {}

    def crowded(self, served: Served | None, host: str) -> None:
        complain("too many TCP connections; the longest idle ones are closed", host)
        if served is None:
            return
        served.refused["idle connections closed to make room for new ones"] += 1
        served.warning = f"too many connections from {host}; the longest idle ones are closed to make room for new ones"
        self._warned_until[served.source.pk] = served, time.monotonic() + _WARNED

    def stalled(self, served: Served | None, host: str) -> None:
        complain("TCP connection closed: idle too long, or within a message", host)
        if served is not None:
            served.refused["connections closed as idle"] += 1

    def expire(self, now: float) -> None:
        """Withdraw warnings that have been shown long enough."""
        for pk, (served, until) in list(self._warned_until.items()):
            if until < now:
                served.warning = ""
                del self._warned_until[pk]
