"""Limit the TCP connections of a listener, and choose which to close first.

A full listener does not refuse new connections, because a client that opens many silent ones would lock out all others.
It closes the longest idle connection of the address with the most connections.

An idle connection of ``acc_diameter`` is not closed for its age: Kamailio's workers connect at start, notice a closed
connection only when they send, and lose that event. Syslog senders notice it immediately and connect again.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cdr.receivers.service import Served
from cdr.storage.complaints import complain

MOST = 900
"""Connections per listener; below the usual limit of 1,024 files per process."""

MOST_PER_ADDRESS = 300
"""Connections per address. Kamailio opens one per worker process."""

UNFINISHED = 60.0
"""Seconds within which an incomplete message must be completed."""

_KEEPALIVE = ((socket.TCP_KEEPIDLE, 300), (socket.TCP_KEEPINTVL, 30), (socket.TCP_KEEPCNT, 4))
"""Seconds of silence before the first probe, seconds between probes, and number of probes until the sender is gone."""


@dataclass(eq=False, slots=True)
class TcpConnection:
    """A proxy's TCP connection.

    ``useful_at``: when a whole message last came, else when it was opened; ``fault``: why it ended, where not as usual.
    """

    socket: socket.socket
    host: str
    useful_at: float = field(default_factory=time.monotonic, kw_only=True)
    fault: str = field(default="", kw_only=True)

    @property
    def has_unfinished(self) -> bool:
        """Whether there is an incomplete message."""
        raise NotImplementedError

    @property
    def has_unsent(self) -> bool:
        """Whether an answer could not be sent whole."""
        return False


Connection = TypeVar("Connection", bound=TcpConnection)


def prepare(accepted: socket.socket) -> None:
    """Make an accepted socket non-blocking, and let the kernel notice when the other side is gone."""
    accepted.setblocking(False)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        accepted.setsockopt(socket.IPPROTO_TCP, option, value)


def receive(connection: TcpConnection, size: int) -> bytes | None:
    """Return what came, ``b""`` at the end of the connection, ``None`` where nothing came yet.

    Over TLS the handshake is made here as well. ``size`` is to be at least that of a TLS record (16 KiB), or the rest
    of one waits unseen by the selector.
    """
    try:
        return connection.socket.recv(size)
    except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None
    except ssl.SSLError as error:
        connection.fault = error.reason or str(error)
        return b""
    except OSError:
        return b""


def send(connection: TcpConnection, data: bytes) -> int:
    """Send what the kernel takes, and return how many bytes that is; raise ``OSError`` where the connection ended."""
    try:
        return connection.socket.send(data)
    except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0


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


def note_crowded(served: Served | None, host: str) -> None:
    """Count a connection of ``host`` that was closed for another one, and warn about it for a while."""
    complain("too many TCP connections; the longest idle ones are closed", host)
    if served is None:
        return
    served.refused["idle connections closed to make room for new ones"] += 1
    served.timed.add(
        "connections", f"too many connections from {host}; the longest idle ones are closed to make room for new ones"
    )


def note_stalled(served: Served | None, host: str) -> None:
    complain("TCP connection closed: idle too long, or within a message", host)
    if served is not None:
        served.refused["connections closed as idle"] += 1


class ConnectionWatch(Generic[Connection]):
    """What a selector looks for at each connection: input, room for unsent answers, or neither for a while."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._paused: dict[Connection, float] = {}

    def update(self, connection: Connection) -> None:
        """Look for what the connection needs now; called when it was accepted and when its unsent answers changed."""
        reading = 0 if connection in self._paused else selectors.EVENT_READ
        events = reading | (selectors.EVENT_WRITE if connection.has_unsent else 0)
        is_watched = connection.socket in self._selector.get_map()
        if is_watched and events:
            self._selector.modify(connection.socket, events, connection)
        elif is_watched:
            self._selector.unregister(connection.socket)
        elif events:
            self._selector.register(connection.socket, events, connection)

    def pause(self, connection: Connection, seconds: float) -> None:
        """Read nothing from the connection for a while: its sender waits, once the kernel's buffers are full."""
        self._paused[connection] = time.monotonic() + seconds
        self.update(connection)

    def resume(self) -> None:
        """Read again from connections whose pause is over."""
        now = time.monotonic()
        for connection in [each for each, until in self._paused.items() if until <= now]:
            del self._paused[connection]
            self.update(connection)

    def forget(self, connection: Connection) -> None:
        """Look no more for a connection, which is about to be closed."""
        self._paused.pop(connection, None)
        if connection.socket in self._selector.get_map():
            self._selector.unregister(connection.socket)
