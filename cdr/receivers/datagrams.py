"""UDP sockets: bound where the settings say, emptied in one go."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import TypeAlias

from cdr.sources.setting import ListenAddress

Datagram: TypeAlias = tuple[bytes, tuple[str, int]]
"""What came, and the socket's own form of who sent it: answers go there; ``plain_host`` makes an address of it."""

RECEIVE_BUFFER = 16 << 20
"""What the kernel is asked to hold while a batch is stored; it may give less (``net.core.rmem_max``)."""

_LARGEST = 65_536


inherited: dict[ListenAddress, socket.socket] = {}
"""Sockets that this process got from the one that forked it (``cdr.receivers.held_sockets``)."""


def bind(address: ListenAddress) -> socket.socket:
    """Return a UDP socket, the inherited one where there is one; raise ``OSError`` that names the address."""
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
    made = socket.socket(family, kind)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if everywhere else 1)
    made.setblocking(False)
    return made


def _bound(unbound: socket.socket, address: ListenAddress) -> socket.socket:
    try:
        unbound.bind((address.host, address.port))
    except OSError as error:
        unbound.close()
        raise OSError(error.errno, f"cannot listen at {address}: {error.strerror}") from error
    return unbound


def received(bound: socket.socket, wait: float, most: int) -> Iterator[Datagram]:
    """Yield what waits at the socket, up to ``most``, after waiting ``wait`` seconds at most for the first."""
    if wait and not select.select([bound], [], [], wait)[0]:
        return
    receive = bound.recvfrom
    for _ in range(most):
        try:
            data, sender = receive(_LARGEST)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:  # an answer of ours found nobody (ICMP), reported here: not about this datagram
            continue
        yield data, sender


def plain_host(host: str) -> str:
    """Return an address without IPv6's mapping of IPv4 and without a zone."""
    return host.removeprefix("::ffff:").partition("%")[0] if ":" in host else host
