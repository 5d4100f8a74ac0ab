"""Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425), one address for many proxies.

Syslog knows no acknowledgement. What was taken from a socket stays in hand until it is stored; meanwhile the kernel
holds what comes, and over TCP the sender waits.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from cdr.formats.syslog import LineParser
from cdr.receivers.datagrams import bind, listen, plain_host, received
from cdr.receivers.sender_rates import SenderRates
from cdr.receivers.senders import Senders, host_in, senders_of
from cdr.receivers.service import LONGEST, Hold, Served, Service
from cdr.receivers.syslog_frames import Frames
from cdr.receivers.tcp_connections import (
    ConnectionWatch,
    TcpConnection,
    note_crowded,
    note_stalled,
    prepare,
    receive,
    stalled,
    surplus,
)
from cdr.receivers.tls import TlsFiles, TlsListener, client_names
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
    """A sender's connection, with what cuts its stream into messages.

    ``names`` are those of the sender's certificate, once it is known; of connections without TLS there are none.
    """

    frames: Frames = field(default_factory=Frames)
    names: frozenset[str] | None = None

    @property
    def has_unfinished(self) -> bool:
        return self.frames.has_unfinished


class SyslogServer(Service):
    """Serves the sources that share one address."""

    spools = True

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._watch: ConnectionWatch[SyslogConnection] = ConnectionWatch(self._selector)
        self._address: tuple[ListenAddress, frozenset[str], TlsFiles | None] | None = None
        self._udp: socket.socket | None = None
        self._tcp: socket.socket | None = None
        self._tls: TlsListener | None = None
        self._connections: set[SyslogConnection] = set()
        self._senders = Senders(())
        self._rates = SenderRates()
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
        self._senders = Senders((served, senders_of(served)) for served in sources)
        self._parsers = {served.source.pk: LineParser(served.reading) for served in sources}
        first: Syslog = sources[0].settings
        transports = _transports(sources)
        listening = first.listen, transports, TlsFiles.of(sources) if "tls" in transports else None
        if listening != self._address:
            self._unbind()
            self._bind(*listening)
            self._address = listening

    def step(self, wait: float) -> int:
        until = time.monotonic() + LONGEST
        count = 0
        self._sweep()
        self._watch.resume()
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
        for connection in list(self._connections):
            self._hang_up(connection)
        self._selector.close()

    def _bind(self, address: ListenAddress, transports: frozenset[str], tls_files: TlsFiles | None) -> None:
        self._tls = TlsListener(tls_files) if tls_files else None
        try:
            if "udp" in transports:
                self._udp = bind(address)
                self._selector.register(self._udp, selectors.EVENT_READ)
            if transports & {"tcp", "tls"}:
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
            elif key.data in self._connections and self._incoming.count < MOST:
                self._read(key.data)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, sender = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        host = plain_host(sender[0])
        if not self._senders.by_name and not self._is_known_sender(host):
            accepted.close()
            return
        if idle := surplus(self._connections, host):
            note_crowded(self._senders.source(idle.host), idle.host)
            self._hang_up(idle)
        prepare(accepted)
        connection = SyslogConnection(self._tls.wrap(accepted) if self._tls else accepted, host)
        self._connections.add(connection)
        self._watch.update(connection)

    def _is_known_sender(self, host: str) -> bool:
        if self._senders.source(host) is not None:
            return True
        self._count_unknown_sender(host)
        return False

    def _read(self, connection: SyslogConnection) -> None:
        data = receive(connection, _CHUNK)
        if data is None:
            return
        if data and connection.names is None:
            connection.names = client_names(connection.socket)
        lines = list(connection.frames.feed(data) if data else connection.frames.rest())
        for line in lines:
            self._line(line, connection.host, connection.names)
        if lines:
            connection.useful_at = time.monotonic()
        self._note_faults(connection)
        if not data or connection.frames.lost_track:
            self._hang_up(connection)
        elif pause := self._pause_after(connection.host, len(lines)):
            self._watch.pause(connection, pause)

    def _note_faults(self, connection: SyslogConnection) -> None:
        for is_so, detail, reason in (
            (connection.fault, f"TLS: {connection.fault}", "connections with TLS errors"),
            (connection.frames.lost_track, "a message announced as too long; connection closed", "overlong messages"),
            (
                connection.frames.cut_off,
                "a counted message was cut off by the end of the connection",
                "messages cut off by the end of the connection",
            ),
        ):
            if is_so:
                complain(f"syslog from {connection.host}: {detail}")
                self._count(reason)

    def _pause_after(self, host: str, lines: int) -> float:
        """Count the lines of a stream; return for how many seconds its sender has to wait.

        Where host names tell the sources apart, the limit is that of the first source.
        """
        served = self._senders.source(host) or self.sources[0]
        return self._rates.pause_after(served, host, lines) if lines else 0.0

    def _sweep(self) -> None:
        """Close connections that have been idle too long."""
        now = time.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP
        if self._tls is not None:
            self._tls.renew(self.sources)
        for connection in stalled(self._connections, now, LONGEST_IDLE):
            note_stalled(self._senders.source(connection.host), connection.host)
            self._hang_up(connection)

    def _hang_up(self, connection: SyslogConnection) -> None:
        self._connections.remove(connection)
        self._watch.forget(connection)
        connection.socket.close()

    def _line(self, line: bytes, host: str, names: frozenset[str] | None = None) -> None:
        """Take a line; ``names`` are those of the certificate that it came with, none where it came as a datagram."""
        served = self._senders.source(host, host_in(line) if self._senders.by_name else "")
        if served is None:
            self._count_unknown_sender(host)
            return
        if names is None:
            if not self._rates.accepts(served, host):
                return
        elif served.settings.client_names and names.isdisjoint(served.settings.client_names):
            served.refused["messages with a certificate of another name"] += 1
            complain(f"syslog from {host}: its certificate has none of the names in client_names", ", ".join(names))
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
    """Return what sources that share an address listen for; raise ``ValueError`` where one cannot be both."""
    transports = {served.settings.transport for served in sources}
    if "tls" in transports and len(transports) > 1:
        raise ValueError(
            f"sources with the address {sources[0].settings.listen} share it, so all or none of them use tls; "
            "give those with tls another one, such as 0.0.0.0:6514"
        )
    return frozenset({"udp", "tcp"} if "both" in transports else transports)
