"""Servers of requests over TCP that are answered when their events are on disk (Diameter, RADIUS over TLS).

All requests that wait, of all connections, are stored by one commit.
"""

from __future__ import annotations

import selectors
import socket
import time
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, NamedTuple, TypeVar

from cdr.events import Unparsable
from cdr.formats.reading import Parsed
from cdr.receivers.datagrams import listen, plain_host
from cdr.receivers.sender_rates import SenderRates
from cdr.receivers.senders import Senders, senders_of
from cdr.receivers.service import Batches, Served, Service, commit
from cdr.receivers.tcp_connections import (
    ConnectionWatch,
    TcpConnection,
    note_crowded,
    note_stalled,
    prepare,
    receive,
    send,
    stalled,
    surplus,
)
from cdr.receivers.tls import TlsFiles, TlsListener
from cdr.sources.setting import ListenAddress
from cdr.storage.complaints import complain

MOST = 2048
"""Requests per commit, about."""

_CHUNK = 1 << 16
_MOST_UNSENT = 1 << 20


@dataclass(eq=False, slots=True)
class RequestConnection(TcpConnection):
    """A connection that requests come on. ``ends``: nothing more is read from it."""

    received: bytearray = field(default_factory=bytearray, kw_only=True)
    unsent: bytes = field(default=b"", kw_only=True)
    ends: bool = field(default=False, kw_only=True)

    @property
    def has_unfinished(self) -> bool:
        return bool(self.received)

    @property
    def has_unsent(self) -> bool:
        return bool(self.unsent)


Made = TypeVar("Made", bound=RequestConnection)


class _Answer(NamedTuple):
    """What is sent when a request is stored, and the source that it is stored for."""

    served: Served
    connection: RequestConnection
    message: bytes


class StreamServer(Service, Generic[Made]):
    """Serves the sources that share one address."""

    spools = True
    protocol: ClassVar[str]
    format: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._watch: ConnectionWatch[Made] = ConnectionWatch(self._selector)
        self._listener: socket.socket | None = None
        self._address: tuple[ListenAddress, TlsFiles | None] | None = None
        self._tls: TlsListener | None = None
        self._connections: set[Made] = set()
        self._senders = Senders(())
        self._rates = SenderRates()
        self._held = Batches(self.format)
        self._answers: list[_Answer] = []
        self._read_at = time.monotonic()
        self._waited = 0.0

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    @abstractmethod
    def make_connection(self, accepted: socket.socket, host: str) -> Made:
        """Return the connection of an accepted socket."""

    @abstractmethod
    def take_messages(self, connection: Made, served: Served) -> int:
        """Take the messages that are complete, and return how many; raise ``Unparsable`` where it is of no more use."""

    def check_connections(self, now: float) -> None:  # a protocol may have nothing to check
        """Close what the protocol knows to be dead; called in each step."""

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._held.keep(sources)
        served_pks = {served.source.pk for served in sources}
        self._answers = [answer for answer in self._answers if answer.served.source.pk in served_pks]
        self._senders = Senders((served, senders_of(served)) for served in sources)

    def bind(self, address: ListenAddress, tls_files: TlsFiles | None = None) -> None:
        """Listen at the address, with TLS where files are given; where it does already, nothing changes."""
        if self._listener is not None and (address, tls_files) == self._address:
            return
        self._unbind()
        self._tls = TlsListener(tls_files) if tls_files else None
        self._listener, self._address = listen(address), (address, tls_files)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def step(self, wait: float) -> int:
        if not self._held.count:  # else the last commit failed, and its requests come first
            self._take_ready(wait)
        count = self._held.count
        if count:
            commit(self._held)
            answers, self._answers, self._held = self._answers, [], Batches(self.format)
            self.send((answer.connection, answer.message) for answer in answers)
        return count

    def close(self) -> None:
        self._unbind()
        for connection in list(self._connections):
            self.hang_up(connection)
        self._selector.close()

    def hold(self, served: Served, connection: Made, parsed: Parsed, answer: bytes) -> None:
        """Keep a request that is to be stored, with what to answer then; one that is not kept is not answered."""
        if served.keeps(parsed):
            self._held.add(served, parsed)
            self._answers.append(_Answer(served, connection, answer))

    def send(self, answers: Iterable[tuple[RequestConnection, bytes]]) -> None:
        waiting = set()
        for connection, answer in answers:
            connection.unsent += answer
            waiting.add(connection)
        for connection in waiting & self._connections:  # of others it is stored all the same
            self._flush(connection)  # type: ignore[arg-type]  # it is one of ours

    def hang_up(self, connection: Made) -> None:
        """Close a connection; one that was closed before, while its message was answered, stays so."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._watch.forget(connection)
            connection.socket.close()

    def _take_ready(self, wait: float) -> None:
        self._watch.resume()
        ready = self._selector.select(0.0)
        # What is ready at once came at any time since the sockets were last looked at.
        self._waited = time.monotonic() - self._read_at if ready else 0.0
        for key, events in ready or self._selector.select(wait):
            self._take(key.data, events)
        self._read_at = now = time.monotonic()
        for connection in stalled(self._connections, now):
            note_stalled(self._senders.source(connection.host), connection.host)
            self.hang_up(connection)
        self.check_connections(now)
        if self._tls is not None:
            self._tls.renew(self.sources)

    def _unbind(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _take(self, connection: Made | None, events: int) -> None:
        if connection is None:
            self._accept()
            return
        if events & selectors.EVENT_WRITE and connection in self._connections:
            self._flush(connection)
        # Sending may have found the connection reset.
        if events & selectors.EVENT_READ and self._held.count < MOST and connection in self._connections:
            self._read(connection)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            accepted, sender = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        host = plain_host(sender[0])
        if self._senders.source(host) is None:
            complain(f"{self.protocol} connection of an unknown sender refused", host)
            for each in self.sources:
                each.refused["connections of unknown senders"] += 1
            accepted.close()
            return
        if idle := surplus(self._connections, host):
            note_crowded(self._senders.source(idle.host), idle.host)
            self.hang_up(idle)
        prepare(accepted)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.make_connection(self._tls.wrap(accepted) if self._tls else accepted, host)
        self._connections.add(connection)
        self._watch.update(connection)

    def _read(self, connection: Made) -> None:
        data = receive(connection, _CHUNK)
        if data is None:
            return
        served = self._senders.source(connection.host)
        if not data:
            if connection.fault and served is not None:
                complain(f"{self.protocol} connection of {connection.host} ended", connection.fault)
                served.refused["connections with TLS errors"] += 1
            self.hang_up(connection)
            return
        if connection.ends:
            return
        connection.received += data
        try:
            if served is None:
                raise Unparsable("no source names this sender any more")
            count = self.take_messages(connection, served)
        except Unparsable as error:
            complain(f"{self.protocol} connection of {connection.host} closed", str(error))
            if served is not None:
                served.refused["malformed messages"] += 1
            self.hang_up(connection)
            return
        pause = self._rates.pause_after(served, connection.host, count)
        if pause and connection in self._connections:
            self._watch.pause(connection, pause)

    def _flush(self, connection: Made) -> None:
        """Send what waits: in one piece, unless the other side does not read."""
        try:
            sent = send(connection, connection.unsent)
        except OSError:
            self.hang_up(connection)
            return
        connection.unsent = connection.unsent[sent:]
        if len(connection.unsent) > _MOST_UNSENT:
            complain(f"{self.protocol} connection of {connection.host} closed", "it does not read its answers")
            self.hang_up(connection)
            return
        self._watch.update(connection)
