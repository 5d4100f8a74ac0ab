"""RADIUS over TLS (RFC 6614, RadSec): accounting of clients that show a certificate, answered when it is on disk.

Packets and answers are those of UDP, one after the other, with the shared secret "radsec"; what is acknowledged is
never sent again on the same connection, and what is not comes again on the next.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cdr.events import Unparsable
from cdr.formats.radius import MAX_PACKET, STATUS_SERVER, Decoder, answer, attributes_of, status_answer, verify
from cdr.receivers.radius_server import parsed_packet
from cdr.receivers.service import Served
from cdr.receivers.stream_server import RequestConnection, StreamServer
from cdr.receivers.tls import TlsFiles, check_client
from cdr.storage.dictionaries import dictionary_of

SECRET = b"radsec"
"""The shared secret of all (RFC 6614 section 2.3): the certificates say who is who."""

_HEADER = 20


@dataclass(eq=False, slots=True)
class RadSecConnection(RequestConnection):
    """``is_checked``: the client's certificate has a name that its source allows."""

    is_checked: bool = False


class RadSecServer(StreamServer[RadSecConnection]):
    """Serves the sources that share one address and one certificate."""

    protocol = "RadSec"
    format = "radius"

    def __init__(self) -> None:
        super().__init__()
        self._decoders: dict[int, Decoder] = {}

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._decoders = {}
        for served in sources:
            try:
                self._decoders[served.source.pk] = Decoder(dictionary_of(served.settings.dictionary))
            except (LookupError, ValueError, OSError) as error:
                served.setup_error = str(error)
        self.bind(sources[0].settings.listen, TlsFiles.of(sources))

    def make_connection(self, accepted: socket.socket, host: str) -> RadSecConnection:
        return RadSecConnection(accepted, host)

    def take_messages(self, connection: RadSecConnection, served: Served) -> int:
        if not connection.is_checked:
            check_client(connection.socket, served.settings.client_names)
            connection.is_checked = True
        count = 0
        while len(connection.received) >= _HEADER and connection in self._connections:
            length = int.from_bytes(connection.received[2:4], "big")
            if not _HEADER <= length <= MAX_PACKET:
                raise Unparsable(f"RADIUS packet says it has {length} bytes, {MAX_PACKET} are allowed")
            if len(connection.received) < length:
                break
            packet = bytes(connection.received[:length])
            del connection.received[:length]
            connection.useful_at = time.monotonic()
            count += 1
            self._packet(connection, served, packet)
        return count

    def _packet(self, connection: RadSecConnection, served: Served, packet: bytes) -> None:
        if packet[0] == STATUS_SERVER:
            self.send([(connection, status_answer(packet, SECRET))])
            return
        decoder = self._decoders.get(served.source.pk)
        if decoder is None:
            raise Unparsable("its dictionary cannot be read")
        wire = attributes_of(packet)
        if not verify(packet, SECRET):
            raise Unparsable("a packet's authenticator was not made with the secret radsec")
        reading = replace(served.reading, received_at=datetime.now(UTC))
        parsed = parsed_packet(decoder, wire, packet, reading)
        self.hold(served, connection, parsed, answer(packet, SECRET, wire))
