"""Bind UDP and TCP sockets, and receive datagrams."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import TypeAlias

from cdr.sources.setting import ListenAddress

Datagram: TypeAlias = tuple[bytes, tuple[str, int]]
"""The data and the sender in the socket's own form, for answers; ``plain_host`` returns its address."""

RECEIVE_BUFFER = 16 << 20
"""Bytes that the kernel buffers while a batch is stored; ``net.core.rmem_max`` may limit it."""

_LARGEST = 65_536


inherited: dict[ListenAddress, socket.socket] = {}
"""Sockets that this process inherited from its parent (``cdr.receivers.held_sockets``)."""


closed_before: dict[ListenAddress, float] = {}
"""For how many seconds addresses were closed before this start, where that is known."""


def bind(address: ListenAddress) -> socket.socket:
    """Return a UDP socket, an inherited one if possible; raise ``OSError`` that names the address."""
    if inherited_socket := inherited.pop(address, None):
        return inherited_socket
    bound = _socket(address, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return _bound(bound, address)


def listen(address: ListenAddress) -> socket.socket:
    """Return a listening TCP socket; raise ``OSError`` that names the address."""
    bound = _socket(address, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bound(bound, address).listen(512)
    return bound


def _socket(address: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    everywhere = not address.host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in address.host else socket.AF_INET
    unbound = socket.socket(family, kind)
    if family == socket.AF_INET6:
        unbound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if everywhere else 1)
    unbound.setblocking(False)
    return unbound


def _bound(unbound: socket.socket, address: ListenAddress) -> socket.socket:
    try:
        unbound.bind((address.host, address.port))
    except OSError as error:
        unbound.close()
        raise OSError(error.errno, f"cannot listen at {address}: {error.strerror}") from error
    return unbound


def received(bound: socket.socket, wait: float, most: int) -> Iterator[Datagram]:
    """Yield up to ``most`` datagrams, after waiting at most ``wait`` seconds for the first."""
    if wait and not select.select([bound], [], [], wait)[0]:
        return
    receive = bound.recvfrom
    for _ in range(most):
        try:
            data, sender = receive(_LARGEST)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:  # ICMP error about an earlier answer of ours
            continue
        yield data, sender


def plain_host(host: str) -> str:
    """Return an address without its zone, and an IPv4-mapped IPv6 address as IPv4."""
    return host.removeprefix("::ffff:").partition("%")[0] if ":" in host else host
