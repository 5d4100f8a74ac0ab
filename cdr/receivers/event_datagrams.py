"""OpenSIPS' ``event_datagram``: one UDP datagram per event, a JSON-RPC notification without an answer."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial

from cdr.formats.opensips_events import parse_object
from cdr.receivers.datagrams import bind, plain_host, received
from cdr.receivers.sender_rates import SenderRates
from cdr.receivers.senders import Senders, senders_of
from cdr.receivers.service import Batches, Served, Service, commit
from cdr.sources.setting import ListenAddress
from cdr.storage.complaints import complain
from cdr.storage.safe_parsing import parsed_safely

MOST = 5_000


class EventDatagramServer(Service):
    """Serves the sources that share one address."""

    spools = True

    def __init__(self) -> None:
        super().__init__()
        self._socket: socket.socket | None = None
        self._address: ListenAddress | None = None
        self._senders = Senders(())
        self._rates = SenderRates()
        self._held = Batches("opensips-events")

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._held.keep(sources)
        self._senders = Senders((served, senders_of(served)) for served in sources)
        address: ListenAddress = sources[0].settings.listen
        if self._socket is None or address != self._address:
            self.close()
            self._socket, self._address = bind(address), address

    def step(self, wait: float) -> int:
        if self._socket is not None and not self._held.count:
            for datagram, sender in received(self._socket, wait, MOST):
                self._take(datagram, plain_host(sender[0]))
        count = self._held.count
        if count:
            commit(self._held)
            self._held = Batches("opensips-events")
        return count

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _take(self, datagram: bytes, host: str) -> None:
        served = self._senders.source(host)
        if served is None:
            for source_state in self.sources:
                source_state.refused["datagrams of unknown senders"] += 1
            complain("event datagram of an unknown sender", host)
            return
        if not self._rates.accepts(served, host):
            return
        parsed = parsed_safely(partial(parse_object, reading=served.reading), datagram.strip())
        if served.keeps(parsed):
            self._held.add(served, parsed)
