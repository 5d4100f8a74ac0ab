"""Syslog over UDP (RFC 5426) and TCP (RFC 6587), one address for many proxies.

Syslog has no acknowledgements. Received lines stay in memory until they are stored; meanwhile the kernel buffers
further input, and a TCP sender waits.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from cdr.formats.syslog import LineParser
from cdr.receivers.datagrams import bind, listen, plain_host, received
from cdr.receivers.senders import Senders, host_in
from cdr.receivers.service import LONGEST, Hold, Served, Service
from cdr.receivers.syslog_frames import Frames
from cdr.receivers.tcp_connections import ConnectionNotes, TcpConnection, prepare, stalled, surplus
from cdr.sources.network import Syslog
from cdr.sources.setting import ListenAddress
from cdr.storage.complaints import complain
from cdr.storage.safe_parsing import parsed_safely

MOST = 4_000
"""Lines per commit, approximately."""

_CHUNK = 1 << 14
_DATAGRAMS = 64
"""Bytes and datagrams per read: few, because the database may be waiting for more rows to store."""

LONGEST_IDLE = 3600.0
"""Seconds after which a connection without messages is closed."""

_SWEEP = 1.0
"""Seconds between checks for idle connections."""


@dataclass(eq=False, slots=True)
class SyslogConnection(TcpConnection):
    """A sender's connection, with the splitter of its stream."""

    frames: Frames = field(default_factory=Frames)

    @property
    def has_unfinished(self) -> bool:
        return self.frames.has_unfinished


class SyslogServer(Service):
    """Serves the sources that share one address."""

    spools = True

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._address: tuple[ListenAddress, frozenset[str]] | None = None
        self._udp: socket.socket | None = None
        self._tcp: socket.socket | None = None
        self._connections: dict[int, SyslogConnection] = {}
        self._senders = Senders(())
        self._notes = ConnectionNotes()
        self._sweep_at = 0.0
        self._parsers: dict[int, LineParser] = {}
        self._incoming = Hold("syslog")
        self._held = Hold("syslog")

    @property
    def ports(self) -> tuple[int, int]:
        """The UDP and the TCP port on which it listens; 0 for none."""
        udp, tcp = (int(listener.getsockname()[1]) if listener else 0 for listener in (self._udp, self._tcp))
        return udp, tcp

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._incoming.keep(sources)
        self._held.keep(sources)
        self._senders = Senders((served, served.settings.senders) for served in sources)
        self._parsers = {served.source.pk: LineParser(served.reading) for served in sources}
        first: Syslog = sources[0].settings
        listening = first.listen, _transports(sources)
        if listening != self._address:
            self._unbind()
            self._bind(*listening)
            self._address = listening

    def step(self, wait: float) -> int:
        until = time.monotonic() + LONGEST
        count = 0
        self._sweep()
        if not self._held.count:  # otherwise storing them failed
            self._take(wait)
        while self._held.count and (not count or time.monotonic() < until):
            self._held.start()
            self._take_until_stored()
            self._held.finish()
            count += self._held.count
            self._held, self._incoming = self._incoming, Hold("syslog")
        return count

    def _take(self, wait: float) -> None:
        """Receive lines, waiting at most ``wait`` seconds for the first."""
        ready = self._selector.select(wait)
        while ready and self._incoming.count < MOST:
            self._take_from(ready)
            ready = self._selector.select(0.0)
        self._held, self._incoming = self._incoming, self._held

    def _take_until_stored(self) -> None:
        """Receive lines while the database stores earlier ones."""
        while not self._held.done() and self._incoming.count < MOST:
            self._held.wait(self._selector.fileno())
            self._take_from(self._selector.select(0.0))
            self._incoming.prepare()

    def close(self) -> None:
        self._unbind()
        for number in list(self._connections):
            self._hang_up(self._connections[number])
        self._selector.close()

    def _bind(self, address: ListenAddress, transports: frozenset[str]) -> None:
        try:
            if "udp" in transports:
                self._udp = bind(address)
                self._selector.register(self._udp, selectors.EVENT_READ)
            if "tcp" in transports:
                self._tcp = listen(address)
                self._selector.register(self._tcp, selectors.EVENT_READ)
        except OSError:
            self._unbind()
            raise

    def _unbind(self) -> None:
        for listener in (self._udp, self._tcp):
            if listener is not None and listener in self._selector.get_map():
                self._selector.unregister(listener)
            if listener is not None:
                listener.close()
        self._udp = self._tcp = None
        self._address = None

    def _take_from(self, ready: Sequence[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            sock: socket.socket = key.fileobj  # type: ignore[assignment]  # only sockets are registered
            if sock is self._udp:
                for datagram, sender in received(sock, 0.0, _DATAGRAMS):
                    self._line(datagram, plain_host(sender[0]))
            elif sock is self._tcp:
                self._accept(sock)
            elif sock.fileno() in self._connections and self._incoming.count < MOST:
                self._read(self._connections[sock.fileno()])

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, sender = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        host = plain_host(sender[0])
        if not self._senders.by_name and not self._is_known_sender(host):
            accepted.close()
            return
        if idle := surplus(self._connections.values(), host):
            self._notes.crowded(self._senders.source(idle.host), idle.host)
            self._hang_up(idle)
        prepare(accepted)
        self._connections[accepted.fileno()] = SyslogConnection(accepted, host)
        self._selector.register(accepted, selectors.EVENT_READ)

    def _is_known_sender(self, host: str) -> bool:
        if self._senders.source(host) is not None:
            return True
        self._count_unknown_sender(host)
        return False

    def _read(self, connection: SyslogConnection) -> None:
        try:
            data = connection.socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        lines = connection.frames.feed(data) if data else connection.frames.rest()
        for line in lines:
            connection.useful_at = time.monotonic()
            self._line(line, connection.host)
        if connection.frames.lost_track:
            complain(f"syslog from {connection.host}: a counted message is too long; connection closed")
            self._count("overlong messages")
        if connection.frames.cut_off:
            complain(f"syslog from {connection.host}: a counted message was cut off by the end of the connection")
            self._count("messages cut off by the end of the connection")
        if not data or connection.frames.lost_track:
            self._hang_up(connection)

    def _sweep(self) -> None:
        """Close connections that have been idle too long."""
        now = time.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP
        self._notes.expire(now)
        for connection in stalled(self._connections.values(), now, LONGEST_IDLE):
            self._notes.stalled(self._senders.source(connection.host), connection.host)
            self._hang_up(connection)

    def _hang_up(self, connection: SyslogConnection) -> None:
        del self._connections[connection.socket.fileno()]
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _line(self, line: bytes, host: str) -> None:
        served = self._senders.source(host, host_in(line) if self._senders.by_name else "")
        if served is None:
            self._count_unknown_sender(host)
            return
        parsed = parsed_safely(self._parsers[served.source.pk].parse, line)
        if served.keeps(parsed):
            self._incoming.add(served, parsed)

    def _count_unknown_sender(self, host: str) -> None:
        self._count("messages of unknown senders")
        complain("syslog message of an unknown sender", host)

    def _count(self, reason: str) -> None:
        for source_state in self.sources:
            source_state.refused[reason] += 1


def _transports(sources: Sequence[Served]) -> frozenset[str]:
    transports = {served.settings.transport for served in sources}
    return frozenset({"udp", "tcp"} if "both" in transports else transports)
