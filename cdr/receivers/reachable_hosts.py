"""Which hosts a source may connect to: those in ``settings.SOURCE_NETWORKS``, and never link-local or metadata ones.

A name is resolved once and the address connected to is the one that was checked, so a name that is answered
differently the second time leads nowhere else.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

_METADATA = tuple(map(ip_network, ("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::/32")))
"""Where clouds tell a machine its credentials, besides the link-local 169.254.169.254."""


class ForbiddenHost(PermissionError):
    """A host that a source may not connect to."""


def allowed_address(host: str, port: int) -> str:
    """Return the address of a host; raise ``ForbiddenHost``, or ``OSError`` where the name cannot be resolved."""
    found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(_is_allowed(_address(str(text))) for text in found):
        raise ForbiddenHost(f"{host} may not be connected to; ACCWEB_SOURCE_NETWORKS says where sources may connect to")
    return str(found[0])


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_allowed(address: IPv4Address | IPv6Address) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in _METADATA):
        return False
    return any(address in network for network in settings.SOURCE_NETWORKS)
