"""Limit the hosts to which a source may connect to ``settings.SOURCE_NETWORKS``, without link-local and metadata hosts.

A name is resolved once, and the connection goes to the address that was checked, so that a name which resolves
differently the second time cannot lead elsewhere.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

_METADATA = tuple(map(ip_network, ("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::/32")))
"""Metadata services of clouds, which give a machine its credentials; 169.254.169.254 is link-local already."""


class ForbiddenHost(PermissionError):
    """A host that a source may not connect to."""


def allowed_address(host: str, port: int) -> str:
    """Return the address of a host; raise ``ForbiddenHost``, or ``OSError`` if the name cannot be resolved."""
    addresses = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(_is_allowed(_address(str(text))) for text in addresses):
        raise ForbiddenHost(f"sources may not connect to {host}; ACCWEB_SOURCE_NETWORKS lists the allowed networks")
    return str(addresses[0])


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_allowed(address: IPv4Address | IPv6Address) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in _METADATA):
        return False
    return any(address in network for network in settings.SOURCE_NETWORKS)
