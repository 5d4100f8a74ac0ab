"""Diameter over TCP: Kamailio's ``acc_diameter`` and RFC 6733 peers, answered when the event is on disk.

The first message distinguishes them: ``acc_diameter`` sends its accounting (application 1) immediately, on a connection
of each worker process, and waits two seconds for an answer that must come in one piece; a peer starts with its
capabilities. One commit stores the waiting requests of all connections.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from cdr.events import AccEvent, Unparsable
from cdr.formats import diameter
from cdr.formats.diameter import ACC_DIAMETER, ACCOUNTING, BASE_ACCOUNTING, MAX_MESSAGE
from cdr.formats.radius_dictionary import OPENSIPS_NUMBERS, Dictionary
from cdr.formats.reading import Parsed, Reading
from cdr.receivers import diameter_peer
from cdr.receivers.datagrams import listen, plain_host
from cdr.receivers.diameter_peer import Identity
from cdr.receivers.resends import Resends
from cdr.receivers.senders import Senders, of_networks
from cdr.receivers.service import Batches, Served, Service, commit
from cdr.receivers.tcp_connections import ConnectionNotes, TcpConnection, prepare, stalled, surplus
from cdr.sources.diameter import Diameter
from cdr.sources.setting import ListenAddress
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import parsed_safely

MOST = 2048
"""Requests per commit, approximately."""

WATCHDOG = 30.0
"""Seconds of silence before a peer gets a watchdog request, and again before it is disconnected (RFC 3539)."""

RESENT_WITHIN = timedelta(seconds=30)
"""How long after a request the same one is a resend (RFC 6733 section 5.5.4 gives a peer's failover as the cause)."""

IMPRECISE_WAIT = 1.0
"""Seconds that requests may have waited unread (the database was away) before the time of their coming says so."""

_CHUNK = 1 << 16
_MOST_UNSENT = 1 << 20
_HEADER = 20
_REQUEST = 0x80
_RESENT = 0x10
_MOST_IMPRECISE = 2**31 - 1  # microseconds, about 36 minutes: what the column holds


@dataclass(eq=False, slots=True)
class DiameterConnection(TcpConnection):
    """``is_peer``: capabilities were exchanged; ``ends``: nothing more is read from it."""

    own_host: str
    received: bytearray = field(default_factory=bytearray)
    unsent: bytes = b""
    is_peer: bool = False
    ends: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    watchdog_sent: bool = False

    @property
    def has_unfinished(self) -> bool:
        return bool(self.received)


class _Answer(NamedTuple):
    """An answer to send when its request is stored, and the source of the request."""

    served: Served
    connection: DiameterConnection
    message: bytes


class DiameterServer(Service):
    """Serves the sources that share one address."""

    spools = True

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._address: ListenAddress | None = None
        self._connections: set[DiameterConnection] = set()
        self._senders = Senders(())
        self._notes = ConnectionNotes()
        self._resends = Resends(RESENT_WITHIN)
        self._read_at = time.monotonic()
        self._waited = 0.0
        self._names: dict[int, Dictionary] = {}
        self._held = Batches("diameter")
        self._answers: list[_Answer] = []

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._held.keep(sources)
        served_pks = {served.source.pk for served in sources}
        self._answers = [answer for answer in self._answers if answer.served.source.pk in served_pks]
        self._names = {}
        for served in sources:
            try:
                own = dictionary_of(served.settings.dictionary)
                self._names[served.source.pk] = OPENSIPS_NUMBERS if own is None else own.over(OPENSIPS_NUMBERS)
            except (ValueError, OSError) as error:
                served.setup_error = str(error)
        self._senders = Senders((served, of_networks(served.settings.senders)) for served in sources)
        address: ListenAddress = sources[0].settings.listen
        if self._listener is None or address != self._address:
            self._unbind()
            self._listener, self._address = listen(address), address
            self._selector.register(self._listener, selectors.EVENT_READ)

    def step(self, wait: float) -> int:
        if not self._held.count:  # otherwise the last commit failed, and its requests come first
            ready = self._selector.select(0.0)
            # Input that is ready immediately may have come at any time since the sockets were last read.
            self._waited = time.monotonic() - self._read_at if ready else 0.0
            for key, events in ready or self._selector.select(wait):
                self._take(key.data, events)
            self._read_at = time.monotonic()
            self._watch()
        count = self._held.count
        if count:
            commit(self._held)
            answers, self._answers, self._held = self._answers, [], Batches("diameter")
            self._send([(answer.connection, answer.message) for answer in answers])
        return count

    def close(self) -> None:
        self._unbind()
        for connection in list(self._connections):
            self._hang_up(connection)
        self._selector.close()

    def _unbind(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _take(self, connection: DiameterConnection | None, events: int) -> None:
        if connection is None:
            self._accept()
            return
        if events & selectors.EVENT_WRITE:
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
        served = self._senders.source(host)
        if served is None:
            complain("Diameter connection of an unknown sender refused", host)
            for source_state in self.sources:
                source_state.refused["connections of unknown senders"] += 1
            accepted.close()
            return
        if idle := surplus(self._connections, host):
            self._notes.crowded(self._senders.source(idle.host), idle.host)
            self._hang_up(idle)
        prepare(accepted)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = DiameterConnection(accepted, host, plain_host(accepted.getsockname()[0]))
        self._connections.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _read(self, connection: DiameterConnection) -> None:
        try:
            data = connection.socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up(connection)
            return
        if connection.ends:
            return
        connection.heard_at, connection.watchdog_sent = time.monotonic(), False
        connection.received += data
        served = self._senders.source(connection.host)
        try:
            if served is None:
                raise Unparsable("the sender was removed from the source")
            self._messages(connection, served)
        except Unparsable as error:
            complain(f"Diameter connection of {connection.host} closed", str(error))
            if served is not None:
                served.refused["malformed messages"] += 1
            self._hang_up(connection)

    def _messages(self, connection: DiameterConnection, served: Served) -> None:
        """Handle the complete messages; raise ``Unparsable`` if the connection must be closed."""
        while len(connection.received) >= _HEADER and not connection.ends and connection in self._connections:
            length = int.from_bytes(connection.received[1:4], "big")
            if connection.received[0] != 1 or not _HEADER <= length <= MAX_MESSAGE:
                raise Unparsable(f"not Diameter: it sent {bytes(connection.received[:_HEADER])!r}")
            if len(connection.received) < length:
                return
            raw = bytes(connection.received[:length])
            del connection.received[:length]
            connection.useful_at = time.monotonic()
            if raw[4] & _REQUEST:  # otherwise it answers our watchdog
                self._request(connection, served, raw)

    def _request(self, connection: DiameterConnection, served: Served, raw: bytes) -> None:
        identity = _identity(served)
        command, application = int.from_bytes(raw[5:8], "big"), int.from_bytes(raw[8:12], "big")
        if command == ACCOUNTING and application == ACC_DIAMETER:
            self._hold(connection, served, raw, diameter.answer(raw))
        elif command == ACCOUNTING and application == BASE_ACCOUNTING and connection.is_peer:
            self._hold(connection, served, raw, diameter_peer.accounting_answer(raw, identity))
        elif command == ACCOUNTING and not connection.is_peer:
            raise Unparsable("accounting before capabilities (CER) were exchanged")
        else:
            reply = diameter_peer.reply(raw, identity, connection.own_host)
            connection.is_peer = connection.is_peer or reply.opens
            connection.ends = reply.ends
            self._send([(connection, reply.answer)])

    def _hold(self, connection: DiameterConnection, served: Served, raw: bytes, answer: bytes) -> None:
        """Hold a request to be stored, with the answer to send then."""
        names = self._names.get(served.source.pk)
        if names is None:
            raise Unparsable("the dictionary of the source cannot be read")
        received_at = self._resends.first_received(_identity_of(raw, connection.host), datetime.now(UTC))
        reading = replace(served.reading, received_at=received_at)
        parse = partial(_parsed, reading, names)
        self._held.add(served, _with_wait(parsed_safely(parse, raw), received_at, self._waited))
        self._answers.append(_Answer(served, connection, answer))

    def _send(self, answers: Sequence[tuple[DiameterConnection, bytes]]) -> None:
        for connection, answer in answers:
            connection.unsent += answer
        for connection in {connection for connection, _ in answers}:
            self._flush(connection)

    def _flush(self, connection: DiameterConnection) -> None:
        """Send pending answers, in one piece unless the peer does not read."""
        if connection not in self._connections:
            return  # closed meanwhile; its requests are stored all the same
        try:
            sent = connection.socket.send(connection.unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._hang_up(connection)
            return
        connection.unsent = connection.unsent[sent:]
        if len(connection.unsent) > _MOST_UNSENT:
            complain(f"Diameter connection of {connection.host} closed", "it does not read its answers")
            self._hang_up(connection)
            return
        writing = selectors.EVENT_WRITE if connection.unsent else 0
        self._selector.modify(connection.socket, selectors.EVENT_READ | writing, connection)

    def _watch(self) -> None:
        now = time.monotonic()
        self._notes.expire(now)
        for connection in stalled(self._connections, now):
            self._notes.stalled(self._senders.source(connection.host), connection.host)
            self._hang_up(connection)
        silent = [each for each in self._connections if each.heard_at < now - WATCHDOG and (each.is_peer or each.ends)]
        for connection in silent:
            served = self._senders.source(connection.host)
            if served is None or connection.ends:
                self._hang_up(connection)
            elif connection.watchdog_sent and connection.heard_at < now - 2 * WATCHDOG:
                complain(f"Diameter peer {connection.host} disconnected", "it did not answer the watchdog")
                self._hang_up(connection)
            elif not connection.watchdog_sent:
                connection.watchdog_sent = True
                self._send([(connection, diameter_peer.watchdog(_identity(served)))])

    def _hang_up(self, connection: DiameterConnection) -> None:
        """Close a connection, unless answering its message has closed it already."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()


def _parsed(reading: Reading, names: Dictionary, raw: bytes) -> Parsed:
    return diameter.decode(raw, reading, names)


def _identity_of(raw: bytes, host: str) -> tuple[str, bytes]:
    """Return what a request and its resends have in common: all but T flag and hop-by-hop id (RFC 6733 section 3)."""
    return host, raw[:4] + bytes((raw[4] & ~_RESENT,)) + raw[5:12] + raw[16:]


def _with_wait(parsed: Parsed, received_at: datetime, waited: float) -> Parsed:
    """Widen the precision of an event that has only its time of receipt by the seconds that it may have waited."""
    if waited < IMPRECISE_WAIT or not isinstance(parsed, AccEvent) or parsed.time != received_at:
        return parsed
    return parsed._replace(precision=min(max(parsed.precision, int(waited * 1_000_000)), _MOST_IMPRECISE))


def _identity(served: Served) -> Identity:
    settings: Diameter = served.settings
    return Identity(settings.identity, settings.own_realm)
