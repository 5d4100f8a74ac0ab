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
    SettingsError,
    address,
    choice,
    names,
    networks,
    path,
    rate,
    secret,
    senders,
)

_LISTEN = "address and port to listen at, like 0.0.0.0:{port}; sources with the same one share it"
_EVERYBODY = "empty: the addresses of the proxy; 0.0.0.0/0 and ::/0: everybody"
_CERTIFICATE = "PEM file of the listener's certificate with its chain, below a folder of ACCWEB_TLS_FOLDERS"
_KEY = "PEM file of its private key; empty: in the same file"
_CLIENT_CA = "PEM file of the authorities that sign the senders' certificates"
_CLIENT_NAMES = "names that a sender's certificate may bear (subject name or DNS name); empty: any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syslog(Settings):
    """Log lines over UDP and TCP (RFC 3164, 5424, 6587). Several sources may share an address, told apart by sender."""

    served: ClassVar[bool] = True
    senders_setting: ClassVar[str] = "senders"
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 5140), _LISTEN.format(port=5140))  # noqa: S104
    transport: str = choice(
        "both", ("both", "udp", "tcp", "tls"), "both (udp and tcp), udp, tcp, or tls (RFC 5425, usually at port 6514)"
    )
    senders: tuple[AllowedSender, ...] = senders(
        f"whose lines these are: addresses, networks, host names in the lines, or name@network; {_EVERYBODY}"
    )
    rate: int = rate()

    certificate: str = path("", f"for tls: {_CERTIFICATE}")
    key: str = path("", f"for tls: {_KEY}")
    client_ca: str = path("", f"for tls: {_CLIENT_CA}; empty: senders need no certificate")
    client_names: tuple[str, ...] = names(f"for tls: {_CLIENT_NAMES}")

    def service(self, own: str) -> str:
        return f"syslog {self.listen}"

    def check(self) -> None:
        problems = {}
        if self.transport == "tls" and not self.certificate:
            problems["certificate"] = f"tls needs it: {_CERTIFICATE}"
        if self.client_names and not self.client_ca:
            problems["client_ca"] = f"names of certificates can be checked only with it: {_CLIENT_CA}"
        if problems:
            raise SettingsError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDatagrams(Settings):
    """OpenSIPS' event_datagram: JSON-RPC notifications over UDP."""

    served: ClassVar[bool] = True
    senders_setting: ClassVar[str] = "senders"
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 5141), _LISTEN.format(port=5141))  # noqa: S104
    senders: tuple[Network, ...] = networks((), f"addresses and networks that send; {_EVERYBODY}")
    rate: int = rate()

    def service(self, own: str) -> str:
        return f"events {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Radius(Settings):
    """RADIUS accounting (RFC 2866). Sources may share an address: one per shared secret."""

    served: ClassVar[bool] = True
    senders_setting: ClassVar[str] = "clients"
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 1813), _LISTEN.format(port=1813))  # noqa: S104
    clients: tuple[Network, ...] = networks(
        (), f"addresses and networks of the proxies that use this secret; {_EVERYBODY}"
    )
    secret: Secret = secret(REQUIRED, "the secret shared with the clients")
    rate: int = rate()
    dictionary: str = path("", "dictionary file of the proxy, where its numbers are its own; $INCLUDE is followed")

    def service(self, own: str) -> str:
        return f"radius {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RadSec(Settings):
    """RADIUS accounting over TLS (RFC 6614). Sources may share an address, told apart by the sender's address."""

    served: ClassVar[bool] = True
    senders_setting: ClassVar[str] = "clients"
    listen: ListenAddress = address(ListenAddress("0.0.0.0", 2083), _LISTEN.format(port=2083))  # noqa: S104
    clients: tuple[Network, ...] = networks(
        (), f"addresses and networks of the proxies, or of their RADIUS proxy; {_EVERYBODY}"
    )
    rate: int = rate()
    certificate: str = path(REQUIRED, _CERTIFICATE)
    key: str = path("", _KEY)
    client_ca: str = path(REQUIRED, f"{_CLIENT_CA}; they must show one")
    client_names: tuple[str, ...] = names(_CLIENT_NAMES)
    dictionary: str = path("", "dictionary file of the proxy, where its numbers are its own; $INCLUDE is followed")

    def service(self, own: str) -> str:
        return f"radsec {self.listen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Http(Settings):
    """JSON posted to ``/api/v1/events/``, served by the web server."""

    token: Secret = secret(REQUIRED, "what the sender shows as Authorization: Bearer …")
