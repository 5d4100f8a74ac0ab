"""Connections to the Diameter server, and what tests send on them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diameter.message import Message
from diameter.message.commands import CapabilitiesExchangeRequest

from cdr.models import Source
from cdr.receivers.diameter_server import DiameterServer
from tests.factories import make_source
from tests.servers import PATIENCE


def source(**settings: Any) -> Source:
    return make_source(
        name="diameter",
        kind=Source.Kind.DIAMETER,
        settings={"listen": "127.0.0.1:0", "realm": "example.net"} | settings,
    )


@contextmanager
def connected(server: DiameterServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as made:
        yield made


def received(server: DiameterServer, sock: socket.socket) -> bytes:
    """Step until the connection has an answer, or its end, and return it."""
    sock.setblocking(False)
    try:
        for _ in range(1000):
            server.step(0.05)
            try:
                return sock.recv(65_536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return b""
    finally:
        sock.settimeout(PATIENCE)
    raise AssertionError("no answer came")


def capabilities(application: int = 3) -> bytes:
    made = CapabilitiesExchangeRequest()
    made.header.hop_by_hop_identifier = made.header.end_to_end_identifier = 7
    made.origin_host, made.origin_realm = b"proxy.example.net", b"example.net"
    made.host_ip_address, made.vendor_id, made.product_name = ["127.0.0.1"], 0, "test"
    made.acct_application_id = [application]
    return bytes(made.as_bytes())


def answered(server: DiameterServer, sock: socket.socket, sent: bytes) -> Any:
    sock.sendall(sent)
    return Message.from_bytes(received(server, sock))
