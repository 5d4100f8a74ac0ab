"""UDP sockets that outlive the receiver that reads them.

The parent of the receivers binds a UDP address before it forks the receiver, which uses a copy. When the receiver ends
and another one starts, the kernel goes on queueing datagrams in the same socket, so none is lost that fits the buffer.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cdr.models import Source
from cdr.receivers import datagrams
from cdr.sources.setting import ListenAddress

logger = logging.getLogger(__name__)
_TOUCH = 2.0
"""Seconds between touches of the record."""

_UDP_KINDS = (Source.Kind.SYSLOG, Source.Kind.RADIUS, Source.Kind.EVENTS)


def udp_addresses(sources: Iterable[Source]) -> set[ListenAddress]:
    """Return the UDP addresses of ``sources``, whose settings must be valid."""
    addresses = set()
    for source in sources:
        settings: Any = source.parsed_settings()
        if source.kind in _UDP_KINDS and getattr(settings, "transport", "udp") in ("udp", "both"):
            addresses.add(settings.listen)
    return {address for address in addresses if address.port}  # port 0: any free port, another one in each process


class HeldSockets:
    """The UDP sockets of the process that forks the receivers.

    ``record`` is a file that names the addresses and was touched when they were last open, so that the next process
    knows for how long they were closed. ``activated`` sockets are systemd's, and stay.
    """

    def __init__(
        self, record: Path | None = None, activated: Mapping[ListenAddress, socket.socket] | None = None
    ) -> None:
        self._sockets: dict[ListenAddress, socket.socket] = dict(activated or {})
        self._activated = frozenset(self._sockets)
        self._services: set[str] = set()
        self._record = record
        self._before, self._open_until = _read_record(record)
        self._touch_at = 0.0

    def hold(self, services: Mapping[str, Sequence[Source]]) -> None:
        """Bind the UDP addresses of new services; close the sockets that no service uses any longer.

        A running service binds the addresses of changed settings by itself.
        """
        used = {address for sources in services.values() for address in udp_addresses(sources)}
        for address in self._sockets.keys() - used - self._activated:
            self._sockets.pop(address).close()
        for name in services.keys() - self._services:
            for address in udp_addresses(services[name]) - self._sockets.keys():
                self._bind(address)
        self._services = set(services)
        self._write_record()

    def close(self) -> None:
        """Close all sockets; the record says until when they were open."""
        self._touch_at = 0.0
        self._write_record()
        while self._sockets:
            self._sockets.popitem()[1].close()

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
            return
        if str(address) in self._before:
            self._before.discard(str(address))
            closed = time.time() - self._open_until
            if closed >= 1:
                datagrams.closed_before[address] = closed
                logger.warning("%s was closed for about %.0f s; what was sent there meanwhile is lost", address, closed)

    def _write_record(self) -> None:
        """Note which addresses are open now; some seconds of imprecision save the disk."""
        if self._record is None or not self._sockets or time.monotonic() < self._touch_at:
            return
        self._touch_at = time.monotonic() + _TOUCH
        names = "\n".join(sorted(map(str, self._sockets)))
        try:
            if self._record.exists() and self._record.read_text() == names:
                os.utime(self._record)
            else:
                self._record.write_text(names)
        except OSError as error:
            logger.debug("%s cannot be written: %s", self._record, error)


def _read_record(record: Path | None) -> tuple[set[str], float]:
    """Return the addresses that were open last, and until when (seconds since 1970)."""
    try:
        return (set(record.read_text().split()), record.stat().st_mtime) if record else (set(), 0.0)
    except OSError:
        return set(), 0.0
