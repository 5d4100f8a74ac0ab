"""Find the source to which a sender belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from cdr.receivers.service import Served
from cdr.sources.setting import AllowedSender, Network, network_of

_MOST_CACHED = 10_000
_HEADER_HOST = re.compile(
    rb"(?:<\d{1,3}>)?(?:1 )?"
    rb"(?:\d{4}-\d\d-\d\dT\S+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*|[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d\S*) "
    rb"([^\s:\[\]]+) "
)


def host_in(line: bytes) -> str:
    """Return the host name in a syslog line's header (RFC 3164 section 4.1.2, RFC 5424 section 6.2.4), or ""."""
    match = _HEADER_HOST.match(line)
    return match[1].decode("ascii", "replace").lower() if match else ""


class Senders:
    """Finds the source of a sender: the entry that says most about it counts, then the longest network.

    An entry says a host name from a network, a host name, or a network.
    """

    def __init__(self, sources: Iterable[tuple[Served, Sequence[AllowedSender]]]) -> None:
        self._named: list[tuple[AllowedSender, Served]] = []
        self._networks: list[tuple[Network, Served]] = []
        for served, entries in sources:
            for entry in entries:
                if entry.host:
                    self._named.append((entry, served))
                elif entry.network is not None:
                    self._networks.append((entry.network, served))
        self._named.sort(key=lambda entry: (entry[0].network is not None, _length(entry[0].network)), reverse=True)
        self._networks.sort(key=lambda entry: _length(entry[0]), reverse=True)
        self._cache: dict[tuple[str, str], Served | None] = {}

    @property
    def by_name(self) -> bool:
        """Whether the host name in a line matters."""
        return bool(self._named)

    def source(self, address: str, host: str = "") -> Served | None:
        """Return the source of a line from ``address`` whose header has the host name ``host``."""
        key = (address, host)
        try:
            return self._cache[key]
        except KeyError:
            if len(self._cache) >= _MOST_CACHED:  # invented host names must not fill the memory
                self._cache.clear()
            served = self._cache[key] = self._find(ip_address(address), host)
            return served

    def _find(self, address: IPv4Address | IPv6Address, host: str) -> Served | None:
        for entry, served in self._named:
            if entry.host == host and (entry.network is None or address in entry.network):
                return served
        for network, served in self._networks:
            if address in network:
                return served
        return None


def senders_of(served: Served) -> Sequence[AllowedSender]:
    """Return who may send for a source: what its settings name, else the addresses of its proxy."""
    allowed: Sequence[AllowedSender] = served.settings.allowed
    return allowed or [AllowedSender("", network_of(address)) for address in served.source.proxy.sender_addresses]


def _length(network: Network | None) -> int:
    return network.prefixlen if network is not None else -1
