"""UDP sockets that outlive the receiver that reads them.

The parent of the receivers binds a UDP address before it forks the receiver, which uses a copy. When the receiver ends
and another one starts, the kernel goes on queueing datagrams in the same socket, so none is lost that fits the buffer.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cdr.models import Source
from cdr.receivers import datagrams
from cdr.sources.setting import ListenAddress

logger = logging.getLogger(__name__)
_UDP_KINDS = (Source.Kind.SYSLOG, Source.Kind.RADIUS, Source.Kind.EVENTS)


def udp_addresses(sources: Iterable[Source]) -> set[ListenAddress]:
    """Return the UDP addresses of ``sources``, whose settings must be valid."""
    addresses = set()
    for source in sources:
        settings: Any = source.parsed_settings()
        if source.kind in _UDP_KINDS and getattr(settings, "transport", "udp") != "tcp":
            addresses.add(settings.listen)
    return {address for address in addresses if address.port}  # port 0: any free port, another one in each process


class HeldSockets:
    """The UDP sockets of the process that forks the receivers."""

    def __init__(self) -> None:
        self._sockets: dict[ListenAddress, socket.socket] = {}
        self._services: set[str] = set()

    def hold(self, services: Mapping[str, Sequence[Source]]) -> None:
        """Bind the UDP addresses of new services; close the sockets that no service uses any longer.

        A running service binds the addresses of changed settings by itself.
        """
        used = {address for sources in services.values() for address in udp_addresses(sources)}
        for address in self._sockets.keys() - used:
            self._sockets.pop(address).close()
        for name in services.keys() - self._services:
            for address in udp_addresses(services[name]) - self._sockets.keys():
                self._bind(address)
        self._services = set(services)

    def hand_over(self, sources: Sequence[Source]) -> None:
        """Leave the addresses of ``sources`` to this newly forked process, and close its copies of all others."""
        own = udp_addresses(sources)
        for address, copy in self._sockets.items():
            if address in own:
                datagrams.inherited[address] = copy
            else:
                copy.close()

    def _bind(self, address: ListenAddress) -> None:
        try:
            self._sockets[address] = datagrams.bind(address)
        except OSError as error:  # the receiver will get and report the same error
            logger.debug("%s is not held: %s", address, error)
