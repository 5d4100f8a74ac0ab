"""RADIUS accounting (RFC 2866): requests are answered only when the event is on disk.

One commit stores all waiting packets. A packet that is not a valid request of a known client with its secret is
counted, logged at a limited rate, and never answered. A well-formed request that is not SIP accounting is stored as
rejected input and answered, because sending it again would change nothing.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from cdr.events import Unparsable
from cdr.formats.radius import MAX_PACKET, STATUS_SERVER, Decoder, Wire, answer, attributes_of, status_answer, verify
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models.source import reveal
from cdr.receivers.datagrams import Datagram, bind, plain_host, received
from cdr.receivers.sender_rates import SenderRates
from cdr.receivers.senders import Senders, senders_of
from cdr.receivers.service import LONGEST, Hold, Served, Service
from cdr.sources.network import Radius
from cdr.sources.setting import ListenAddress
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import fault_of_parser

MOST = 2048
"""Packets per commit."""

_AT_ONCE = 64
_STATUS_SERVER = bytes((STATUS_SERVER,))
_REMEMBERED = 16_384
"""Minimum number of answers kept for retransmissions; at most twice as many and a batch."""

_Sender = tuple[str, int]


class _Client(NamedTuple):
    served: Served
    secret: bytes
    decoder: Decoder


class _Request(NamedTuple):
    packet: bytes
    sender: _Sender
    client: _Client
    wire: Wire


_Key = Datagram
"""A packet and its sender, which are identical in a retransmission (RFC 2866 section 2)."""


class _RequestBatch:
    """Requests that one commit will store, and their events."""

    def __init__(self) -> None:
        self.requests: dict[_Key, _Request] = {}
        self.hold = Hold("radius")

    def keep(self, sources: Sequence[Served]) -> None:
        """Drop requests of sources that are no longer served: they can never be stored, and are not answered."""
        served_pks = {served.source.pk for served in sources}
        self.hold.keep(sources)
        self.requests = {
            key: request for key, request in self.requests.items() if request.client.served.source.pk in served_pks
        }


class RadiusServer(Service):
    """Serves the sources that share one address, one per shared secret."""

    spools = True

    def __init__(self) -> None:
        super().__init__()
        self._socket: socket.socket | None = None
        self._address: ListenAddress | None = None
        self._clients: dict[int, _Client] = {}
        self._senders = Senders(())
        self._rates = SenderRates()
        self._incoming = _RequestBatch()
        self._being_stored: Mapping[_Key, _Request] = {}
        self._answers: dict[_Key, bytes] = {}
        self._older_answers: dict[_Key, bytes] = {}

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._incoming.keep(sources)
        self._clients = {}
        for served in sources:
            settings: Radius = served.settings
            try:
                decoder = Decoder(dictionary_of(settings.dictionary))
                self._clients[served.source.pk] = _Client(served, reveal(settings.secret), decoder)
            except (LookupError, ValueError, OSError) as error:
                served.setup_error = str(error)
        self._senders = Senders((served, senders_of(served)) for served in sources)
        address: ListenAddress = sources[0].settings.listen
        if self._socket is None or address != self._address:
            self.close()
            self._socket, self._address = bind(address), address

    def step(self, wait: float) -> int:
        if self._socket is None:
            return 0
        until = time.monotonic() + LONGEST
        count = 0
        stored: Iterable[_Request] = ()
        if not self._incoming.requests:
            self._take(wait, MOST)
        try:
            while self._incoming.requests and (not count or time.monotonic() < until):
                current, self._incoming = self._incoming, _RequestBatch()
                self._being_stored = current.requests
                # If this fails, no request is answered, and the clients send their packets again.
                current.hold.start()
                self._answer(stored)
                stored = ()
                self._take_until_stored(current.hold)
                current.hold.finish()
                stored = current.requests.values()
                count += len(stored)
        finally:
            self._being_stored = {}
            self._answer(stored)
        return count

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _take_until_stored(self, hold: Hold) -> None:
        """Receive requests while the database stores earlier ones."""
        assert self._socket is not None
        while not hold.done() and len(self._incoming.requests) < MOST:
            hold.wait(self._socket.fileno())
            self._take(0.0, _AT_ONCE)

    def _take(self, wait: float, most: int) -> None:
        """Receive the waiting requests; repeat the answers to retransmissions."""
        assert self._socket is not None
        new_requests: list[_Request] = []
        requests = self._incoming.requests
        for key in received(self._socket, wait, most):
            packet, sender = key
            response = self._answers.get(key) or self._older_answers.get(key)
            if response is not None:
                self._answer_again(response, sender)
            elif same := requests.get(key) or self._being_stored.get(key):
                same.client.served.refused["retransmissions"] += 1
            elif request := self._request(packet, sender):
                requests[key] = request
                new_requests.append(request)
        self._read(new_requests)

    def _request(self, packet: bytes, sender: _Sender) -> _Request | None:
        """Return a request to be stored and answered; count any other packet."""
        host = plain_host(sender[0])
        served = self._senders.source(host)
        if served is None:
            for source_state in self.sources:
                source_state.refused["packets of unknown clients"] += 1
            complain("RADIUS packet of an unknown client", host)
            return None
        if not self._rates.accepts(served, host):
            return None
        client = self._clients.get(served.source.pk)
        if client is None:  # the source's setup error says why
            served.refused["packets while secret or dictionary could not be read"] += 1
            return None
        try:
            if len(packet) > MAX_PACKET:
                raise Unparsable(f"RADIUS packet of {len(packet)} bytes; {MAX_PACKET} are allowed")
            if packet[:1] == _STATUS_SERVER:
                self._send(status_answer(packet, client.secret), sender)
                return None
            wire = attributes_of(packet)
        except Unparsable as error:
            served.refused["malformed packets"] += 1
            complain(f"malformed RADIUS packet from {host}", str(error))
            return None
        if not verify(packet, client.secret):
            served.refused["wrong authenticators"] += 1
            complain(f"RADIUS packet from {host} with a wrong authenticator", "wrong shared secret?")
            return None
        return _Request(packet, sender, client, wire)

    def _read(self, requests: Sequence[_Request]) -> None:
        now = datetime.now(UTC)
        readings: dict[int, Reading] = {}
        for request in requests:
            served = request.client.served
            reading = readings.get(served.source.pk)
            if reading is None:
                reading = readings[served.source.pk] = replace(served.reading, received_at=now)
            parsed = parsed_packet(request.client.decoder, request.wire, request.packet, reading)
            if served.keeps(parsed):
                self._incoming.hold.add(served, parsed)
            else:  # what is not stored is not acknowledged
                del self._incoming.requests[request.packet, request.sender]
        self._incoming.hold.prepare()

    def _answer(self, requests: Iterable[_Request]) -> None:
        for packet, sender, client, wire in requests:
            self._answers[packet, sender] = response = answer(packet, client.secret, wire)
            self._send(response, sender)
        if len(self._answers) >= _REMEMBERED:
            self._answers, self._older_answers = {}, self._answers

    def _answer_again(self, response: bytes, sender: _Sender) -> None:
        served = self._senders.source(plain_host(sender[0]))
        if served is not None:
            served.refused["retransmissions"] += 1
            self._send(response, sender)

    def _send(self, response: bytes, sender: _Sender) -> None:
        assert self._socket is not None
        with suppress(OSError):  # the client will repeat its request
            self._socket.sendto(response, sender)


def parsed_packet(decoder: Decoder, wire: Wire, packet: bytes, reading: Reading) -> Parsed:
    """Return the event of a request with these attributes, or why it is none."""
    try:
        return decoder.event_of(wire, packet, reading)
    except Unparsable as error:
        return Rejection(packet, str(error))
    except Exception as error:
        complain("a parser failed: this is a fault of accweb, please report it", exc_info=True)
        return fault_of_parser(packet, error)
