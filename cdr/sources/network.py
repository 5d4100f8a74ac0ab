"""Settings of what listens to the network."""
# ruff: noqa: RUF009  # the functions called there return fields

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cdr.sources.setting import (
    REQUIRED,
    AllowedSender,
    ListenAddress,
    Network,
    Secret,
    Settings,
    address,
    choice,
    networks,
    path,
    secret,
    senders,
)

_LISTEN = "address and port to listen at, like 0.0.0.0:{port}; sources with the same one share it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syslog(Settings):
    """Log lines over UDP and TCP (RFC 3164, 5424, 6587). Several sources may share an address, told apart by sender."""

    served: ClassVar[bool] = True
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 5140), _LISTEN.format(port=5140))  # noqa: S104
    transport: str = choice("both", ("both", "udp", "tcp"), "both, udp or tcp")
    senders: tuple[AllowedSender, ...] = senders(
        "whose lines these are: addresses, networks, host names in the lines, or name@network; empty: everybody else's"
    )

    def service(self, own: str) -> str:
        return f"syslog {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDatagrams(Settings):
    """OpenSIPS' event_datagram: JSON-RPC notifications over UDP."""

    served: ClassVar[bool] = True
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 5141), _LISTEN.format(port=5141))  # noqa: S104
    senders: tuple[Network, ...] = networks((), "addresses and networks that send; empty: everybody else")

    def service(self, own: str) -> str:
        return f"events {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Radius(Settings):
    """RADIUS accounting (RFC 2866). Sources may share an address: one per shared secret."""

    served: ClassVar[bool] = True
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 1813), _LISTEN.format(port=1813))  # noqa: S104
    clients: tuple[Network, ...] = networks(REQUIRED, "addresses and networks of the proxies that use this secret")
    secret: Secret = secret(REQUIRED, "the secret shared with the clients")
    dictionary: str = path("", "dictionary file of the proxy, where its numbers are its own; $INCLUDE is followed")

    def service(self, own: str) -> str:
        return f"radius {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Http(Settings):
    """JSON posted to ``/api/v1/events/``, served by the web server."""

    token: Secret = secret(REQUIRED, "what the sender shows as Authorization: Bearer …")
