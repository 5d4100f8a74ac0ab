"""Diameter over TCP: Kamailio's ``acc_diameter`` and RFC 6733 peers, answered when the event is on disk.

The first message distinguishes them: ``acc_diameter`` sends its accounting (application 1) immediately, on a connection
of each worker process, and waits two seconds for an answer that must come in one piece; a peer starts with its
capabilities. One commit stores the waiting requests of all connections.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from cdr.events import AccEvent, Unparsable
from cdr.formats import diameter
from cdr.formats.diameter import ACC_DIAMETER, ACCOUNTING, BASE_ACCOUNTING, MAX_MESSAGE
from cdr.formats.radius_dictionary import OPENSIPS_NUMBERS, Dictionary
from cdr.formats.reading import Parsed, Reading
from cdr.receivers import diameter_peer
from cdr.receivers.datagrams import plain_host
from cdr.receivers.diameter_peer import Identity
from cdr.receivers.resends import Resends
from cdr.receivers.service import Served
from cdr.receivers.stream_server import RequestConnection, StreamServer
from cdr.sources.diameter import Diameter
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import parsed_safely

WATCHDOG = 30.0
"""Seconds of silence before a peer gets a watchdog request, and again before it is disconnected (RFC 3539)."""

RESENT_WITHIN = timedelta(seconds=30)
"""How long after a request the same one is a resend (RFC 6733 section 5.5.4 gives a peer's failover as the cause)."""

IMPRECISE_WAIT = 1.0
"""Seconds that requests may have waited unread (the database was away) before the time of their coming says so."""

_HEADER = 20
_REQUEST = 0x80
_RESENT = 0x10
_MOST_IMPRECISE = 2**31 - 1  # microseconds, about 36 minutes: what the column holds


@dataclass(eq=False, slots=True)
class DiameterConnection(RequestConnection):
    """``is_peer``: capabilities were exchanged; ``watchdog_sent``: a watchdog request waits for its answer."""

    own_host: str
    is_peer: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    watchdog_sent: bool = False


class DiameterServer(StreamServer[DiameterConnection]):
    """Serves the sources that share one address."""

    protocol = "Diameter"
    format = "diameter"

    def __init__(self) -> None:
        super().__init__()
        self._resends = Resends(RESENT_WITHIN)
        self._names: dict[int, Dictionary] = {}

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._names = {}
        for served in sources:
            try:
                own = dictionary_of(served.settings.dictionary)
                self._names[served.source.pk] = OPENSIPS_NUMBERS if own is None else own.over(OPENSIPS_NUMBERS)
            except (ValueError, OSError) as error:
                served.setup_error = str(error)
        self.bind(sources[0].settings.listen)

    def make_connection(self, accepted: socket.socket, host: str) -> DiameterConnection:
        return DiameterConnection(accepted, host, plain_host(accepted.getsockname()[0]))

    def take_messages(self, connection: DiameterConnection, served: Served) -> int:
        connection.heard_at, connection.watchdog_sent = time.monotonic(), False
        count = 0
        while len(connection.received) >= _HEADER and not connection.ends and connection in self._connections:
            length = int.from_bytes(connection.received[1:4], "big")
            if connection.received[0] != 1 or not _HEADER <= length <= MAX_MESSAGE:
                raise Unparsable(f"not Diameter: it sent {bytes(connection.received[:_HEADER])!r}")
            if len(connection.received) < length:
                break
            raw = bytes(connection.received[:length])
            del connection.received[:length]
            connection.useful_at = time.monotonic()
            count += 1
            if raw[4] & _REQUEST:  # otherwise it answers our watchdog
                self._request(connection, served, raw)
        return count

    def _request(self, connection: DiameterConnection, served: Served, raw: bytes) -> None:
        identity = _identity(served)
        command, application = int.from_bytes(raw[5:8], "big"), int.from_bytes(raw[8:12], "big")
        if command == ACCOUNTING and application == ACC_DIAMETER:
            self._accounting(connection, served, raw, diameter.answer(raw))
        elif command == ACCOUNTING and application == BASE_ACCOUNTING and connection.is_peer:
            self._accounting(connection, served, raw, diameter_peer.accounting_answer(raw, identity))
        elif command == ACCOUNTING and not connection.is_peer:
            raise Unparsable("accounting before capabilities (CER) were exchanged")
        else:
            reply = diameter_peer.reply(raw, identity, connection.own_host)
            connection.is_peer = connection.is_peer or reply.opens
            connection.ends = reply.ends
            self.send([(connection, reply.answer)])

    def _accounting(self, connection: DiameterConnection, served: Served, raw: bytes, answer: bytes) -> None:
        names = self._names.get(served.source.pk)
        if names is None:
            raise Unparsable("the dictionary of the source cannot be read")
        received_at = self._resends.first_received(_identity_of(raw, connection.host), datetime.now(UTC))
        reading = replace(served.reading, received_at=received_at)
        parse = partial(_parsed, reading, names)
        self.hold(served, connection, _with_wait(parsed_safely(parse, raw), received_at, self._waited), answer)

    def check_connections(self, now: float) -> None:
        """Ask peers that say nothing for a sign of life, and close those that gave none."""
        silent = [each for each in self._connections if each.heard_at < now - WATCHDOG and (each.is_peer or each.ends)]
        for connection in silent:
            served = self._senders.source(connection.host)
            if served is None or connection.ends:
                self.hang_up(connection)
            elif connection.watchdog_sent and connection.heard_at < now - 2 * WATCHDOG:
                complain(f"Diameter peer {connection.host} disconnected", "it did not answer the watchdog")
                self.hang_up(connection)
            elif not connection.watchdog_sent:
                connection.watchdog_sent = True
                self.send([(connection, diameter_peer.watchdog(_identity(served)))])


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
